"""Rows of the core tables for the tests of the contracts: a good one a table, and frames of what differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, table_contract

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SOURCES = ("kibo", "skroutz")
COMMON: Mapping[str, object] = {
    "source": "kibo",
    "account": "77",
    "order_day": date(2026, 1, 1),
    "raw_record_id": "1",
    "raw_sha256": "a" * 64,
    "fetched_at": NOW,
    "run_id": "run",
}
GOOD: Mapping[str, Mapping[str, object]] = {
    "orders": {
        "order_id": "kibo:77:1",
        "order_number": "1",
        "order_status": "open",
        "source_status": "AVAILABLE",
        "ordered_at": NOW,
        "ordered_at_raw": "2026-01-02T00:00:00Z",
        "is_test": False,
        "is_fraud_locked": False,
    },
    "order_lines": {
        "line_id": "kibo:77:1:5",
        "order_id": "kibo:77:1",
        "line_key": "5",
        "sku": "A",
        "quantity_ordered": Decimal(1),
        "price_basis": "unit",
        "line_status": "open",
    },
    "shipments": {
        "shipment_id": "kibo:77:1:9",
        "order_id": "kibo:77:1",
        "shipment_number": "9",
        "is_derived": False,
        "shipment_status": "ready",
    },
    "shipment_lines": {
        "shipment_id": "kibo:77:1:9",
        "shipment_line_key": "5",
        "order_id": "kibo:77:1",
        "line_status": "open",
    },
    "parcels": {"parcel_id": "kibo:77:1:9:-/T1", "shipment_id": "kibo:77:1:9", "order_id": "kibo:77:1"},
    "serial_numbers": {
        "order_id": "kibo:77:1",
        "line_key": "-",
        "serial_number": "S1",
        "seen_in": ["delivery"],
    },
    "invoices": {"invoice_id": "kibo:77:R1", "invoice_number": "R1", "invoice_status": "issued"},
    "invoice_lines": {"invoice_id": "kibo:77:R1", "line_number": "1"},
    "prices": {
        "origin": "pricing_api",
        "requested_item": "A",
        "part_number_type": "sku",
        "warehouse": "",
        "business_unit": "",
        "deal_id": "",
        "requested_quantity": Decimal(1),
        "as_of": NOW,
        "is_error": False,
    },
    "availability": {
        "warehouse": "W",
        "item_key": "A",
        "item_key_type": "sku",
        "origin": "pricing",
        "as_of": NOW,
        "is_error": False,
    },
}


def arrow_rows(table: str, *changes: Mapping[str, object]) -> pa.Table:
    """One good row, or one for each set of changes, with the contract's types; `is_partial` if a change states it."""
    rows = [{**COMMON, **GOOD[table], **change} for change in changes or ({},)]
    types = {column.name: column.arrow_type for column in table_contract(CORE_TABLES[table]).columns}
    if any("is_partial" in change for change in changes):
        types["is_partial"] = pa.bool_()
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()})


def frame_of(table: str, *changes: Mapping[str, object]) -> pd.DataFrame:
    """`arrow_rows` as a frame."""
    return arrow_rows(table, *changes).to_pandas(types_mapper=pd.ArrowDtype)
