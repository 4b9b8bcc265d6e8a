"""ScanSource, a distributor: orders, invoices, tracking, serials, prices and availability (apis/scansource.md).

`build_extraction` is the factory that the warehouse's ingest wants, `check_customers` the probe of `doctor`. Everything
here reads; operations that create, change or cancel an order do not exist in this package.
"""

from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.channels.scansource.probe import check_customers

__all__ = ["build_extraction", "check_customers"]
