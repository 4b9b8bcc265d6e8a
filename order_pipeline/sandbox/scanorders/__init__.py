"""The fake of ScanOrders, the picking app, with a ledger of what it received."""
