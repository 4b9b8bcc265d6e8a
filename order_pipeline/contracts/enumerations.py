"""The normalised enumerations (docs/apis/common_schema.md 12): lower-case, closed lists, `unknown` where it exists.

A source's own text is never checked against a list (its sets are open); what we map it to always is.
"""

from __future__ import annotations

ORDER_STATUSES = (
    "quoted",
    "open",
    "accepted",
    "on_hold",
    "backordered",
    "partially_shipped",
    "shipped",
    "partially_delivered",
    "delivered",
    "return_pending",
    "partially_returned",
    "returned",
    "rejected",
    "expired",
    "cancelled",
    "unknown",
)
SETTLED_ORDER_STATUSES = ("rejected", "expired", "cancelled", "returned", "delivered")
"""States whose orders are re-read rarely. `shipped` is not final anywhere."""

SHIPMENT_STATUSES = (
    "pending",
    "ready",
    "backordered",
    "shipped",
    "partially_delivered",
    "delivered",
    "returning",
    "returned",
    "cancelled",
    "unknown",
)
LINE_STATUSES = (
    "open",
    "backordered",
    "partially_shipped",
    "shipped",
    "cancelled",
    "rejected",
    "returned",
    "unknown",
)
INVOICE_STATUSES = ("requested", "uploaded", "issued", "cancelled")
OWED_INVOICE_STATUSES = ("requested", "uploaded")
"""Documents that the shop owes the buyer: they have no number of their own."""

PRICE_BASES = ("unit", "line", "unknown")
FULFILLERS = ("merchant", "marketplace", "distributor")
DELIVERY_METHODS = ("ship", "store_pickup", "collection_point", "unknown")
SERIAL_SOURCES = ("order_line", "delivery", "serials", "invoice")
PRICE_ORIGINS = ("pricing_api", "order_line")
AVAILABILITY_ORIGINS = ("pricing", "availability")
