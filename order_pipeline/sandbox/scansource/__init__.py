"""The fake of ScanSource's sales order, invoice and pricing APIs."""
