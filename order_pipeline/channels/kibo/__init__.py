"""Kibo/Shopatron orders, read through Order Search v2 (apis/kibo.md): the API has orders only, no invoices.

Belongs here: what the contract says about searching, paging and reading orders. Does not belong here: the meaning of an
order's fields (staging and core), and any endpoint that changes something (`/action/...`, `createOrder`).

The record id is the vendor's `orderID` as text. It is unique across manufacturers (documented), so the orders of
several manufacturers share one id space; which one an order belongs to stands in its payload as `manufacturerID`.
"""

from order_pipeline.channels.kibo.extraction import build_extraction
from order_pipeline.channels.kibo.query import InvalidQuery, SearchQuery

__all__ = ["InvalidQuery", "SearchQuery", "build_extraction"]
