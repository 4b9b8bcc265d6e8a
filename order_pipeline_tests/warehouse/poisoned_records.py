"""Any bytes, of any channel and resource, on their road from the ingest into core; and what became of each record.

`Record` is what a channel hands over: an id, a day and a payload as received. `build_from` ingests records and builds
core; `Outcome` says which of them arrived and what the quarantine and the warnings hold.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.project import SqlProject

DAY = date(2026, 1, 5)
CREATED = "2026-01-05T10:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Record:
    """One received record."""

    record_id: str
    payload: bytes
    resource: str = "orders"


@dataclass(slots=True)
class Outcome:
    """What became of the records of one build.

    Attributes:
        orders: record id -> the rows of core.orders that came from it.
        rejects: record id -> (table, rule, field, value) of its rejects.
        warnings: (rule, field) -> sample of keys.
    """

    orders: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    rejects: dict[str, set[tuple[str, str, str, str | None]]] = field(
        default_factory=dict[str, set[tuple[str, str, str, "str | None"]]]
    )
    warnings: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])

    def is_accounted_for(self, record_id: str) -> bool:
        """Whether the record is in core or in quarantine."""
        return record_id in self.orders or record_id in self.rejects

    def rules(self, record_id: str) -> set[tuple[str, str]]:
        """(rule, field) of the record's rejects, without those that only follow from its order's."""
        return {(rule, column) for _, rule, column, _ in self.rejects.get(record_id, ()) if rule != "parent_rejected"}


@cache
def project() -> SqlProject:
    """The repository's SQL project."""
    return SqlProject()


def build_from(lake: Lake, source: str, records: Sequence[Record], run_id: str = "run") -> Outcome:
    """Ingest the records as one extraction would yield them, build core, and look at what came of it.

    The last net must not be needed: what is tried here is foreseen.

    Raises:
        Exception: what the ingest or the build raised; no record may make it raise anything.
    """
    receive_records(lake, source, records, run_id)
    assert build_core(lake, source, [DAY], run_id, project=project()).halvings == 0
    return outcome_of(lake)


def receive_records(lake: Lake, source: str, records: Sequence[Record], run_id: str = "run") -> None:
    """Ingest the records as one extraction would yield them."""
    group = CommitGroup()
    for resource in dict.fromkeys(record.resource for record in records):
        of_it = [record for record in records if record.resource == resource]
        payloads = Payloads([record.payload for record in of_it])
        ids = [record.record_id for record in of_it]
        group.batches.append(RecordBatch(resource, ids, [DAY] * len(of_it), payloads))
        start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
        group.reports.append(FetchReport(resource, start, start, 1, len(ids), len(ids), complete=True))

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield group

    window = Window(DAY, date(2026, 1, 6))
    asyncio.run(ingest(lake, source, extraction, window, WarehouseState(lake, source), run_id))


def outcome_of(lake: Lake) -> Outcome:
    """What core and quarantine hold."""
    found = Outcome()
    orders = lake.query("SELECT * FROM core.orders")
    for row in orders.rows:
        order = dict(zip(orders.columns, row, strict=True))
        found.orders[order["raw_record_id"]] = order
    rejects = lake.query("SELECT raw_record_id, table_name, rule, field, value FROM quarantine.rejects").rows
    for record_id, *reject in rejects:
        found.rejects.setdefault(record_id, set()).add(tuple(reject))
    for rule, column, sample in lake.query("SELECT rule, field, sample FROM quarantine.warnings").rows:
        found.warnings[rule, column] = sample
    return found


def as_json(document: Any) -> bytes:
    """A document as a channel would send it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def skroutz_event(code: str, **order: Any) -> dict[str, Any]:
    """A webhook of one accepted order with one line; keyword arguments replace keys of the order."""
    content = {
        "code": code,
        "state": "accepted",
        "created_at": CREATED,
        "expires_at": "2026-01-06T10:00:00+02:00",
        "dispatch_until": "2026-01-07T10:00:00+02:00",
        "express": False,
        "gift_wrap": False,
        "fulfilled_by_skroutz": False,
        "store_pickup": False,
        "invoice": True,
        "invoice_document": "invoice",
        "invoice_details": {"company": "ACME", "vat_number": "099", "address": {"city": "Volos", "street_name": "A"}},
        "fees": {"handling_fee": 1.2},
        "courier": "ACS",
        "courier_tracking_codes": ["T1"],
        "customer": {
            "id": "c1",
            "first_name": "Eleni",
            "last_name": "Test",
            "address": {"city": "Volos", "street_name": "A", "pickup_from_collection_point": False},
        },
        "line_items": [
            {
                "id": f"line-{code}",
                "shop_uid": "SK-1",
                "product_name": "Shoe",
                "quantity": 2,
                "size": {"label": "Size", "value": "42", "shop_variation_uid": "SK-1-42"},
                "unit_price": 10.4,
                "total_price": 20.8,
                "price_includes_vat": True,
            }
        ],
    }
    return {"event_type": "order_updated", "event_time": CREATED, "order": content | order}


def scansource_order(number: str, **parts: Any) -> dict[str, Any]:
    """The answers about one order by resource; keyword arguments replace whole answers."""
    address = {"Name": "ACME", "City": "Volos", "Street1": "A 1", "Country": "GR"}
    addresses = {"BillingAddress": address, "ShippingAddress": address}
    line = {"LineNumber": 10, "ItemNumber": "SKU-1", "Price": 10.5, "Currency": "USD"}
    line |= {"Ordered": 2, "Committed": 2, "BackOrdered": 0, "Shipped": 0, "Canceled": 0}
    shared = {"Status": "Open", "Total": 21, "Currency": "USD", "SalesOrderLines": [line], **addresses}
    detail_line = line | {
        "SerialNumbers": ["S1"],
        "ScheduleLines": [{"EstimatedShipDate": "1/9/2026", "Confirmed": 2}],
    }
    item = {
        "DeliveryDocumentLineNumber": 10,
        "OrderLineNumber": 10,
        "ItemNumber": "SKU-1",
        "QuantityShipped": 0,
        "LineItemDetails": [{"SerialNumber": "S1", "CartonNumber": "1"}],
    }
    delivery = {
        "DeliveryDocumentNumber": "8001",
        "Parcels": [{"TrackingNumber": "1Z", "CartonNumber": "1", "Weight": 1.5, "WeightUOM": "LB"}],
        "LineItems": [item],
    }
    tracked = {"DeliveryNumber": "8001", "ShipMethod": "UPS", "TrackingNumbers": [{"TrackingNumber": "1Z"}]}
    whole = {
        "order_rows": shared
        | {"OrderNumber": number, "DateEntered": "1/5/2026 3:07 PM", "LastChanged": "1/5/2026 4:07 PM"},
        "order_details": shared
        | {
            "SalesOrderNumber": number,
            "SalesOrderLines": [detail_line],
            "Deliveries": [delivery],
            "InvoiceNumbers": [f"9{number}"],
            "TrackingNumbers": ["1Z"],
        },
        "order_tracking": {"Orders": [{"OrderNumber": number, "Deliveries": [tracked]}]},
        "order_serials": [{"OrderLineNumber": "10", "SerialNumber": "S1", "BillingDate": "2026-01-05T10:00:00-05:00"}],
    }
    return whole | parts
