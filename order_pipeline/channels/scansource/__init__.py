"""ScanSource, a distributor: orders, invoices, tracking, serials, prices, availability (docs/apis/scansource.md).

Everything here reads. Operations that create, change or cancel an order do not exist in this package.
"""
