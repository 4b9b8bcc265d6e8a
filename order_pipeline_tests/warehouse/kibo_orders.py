"""Kibo orders for tests, and the way they take: received as bytes, ingested into a real lake, built into core.

The payloads are the documented sample with changes; `kibo_order` and `kibo_item` are what a test varies.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import Progress, ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.project import SqlProject

FIXTURES = Path(__file__).parents[1] / "fixtures" / "kibo"
DAY = date(2026, 1, 5)
WINDOW = Window(DAY, date(2026, 1, 6))


@cache
def project() -> SqlProject:
    """The repository's SQL project."""
    return SqlProject()


def sample_order() -> dict[str, Any]:
    """The vendor's documented order, as repaired in the fixtures."""
    document = json.loads((FIXTURES / "seed_sample_repaired.json").read_text(encoding="utf-8"))
    return document["collection"][0]


def kibo_item(number: int, **changes: Any) -> dict[str, Any]:
    """One item: one piece at 10.00, sku A<number>."""
    item = copy.deepcopy(sample_order()["shipments"][0]["items"][0])
    money = {"actualPrice": 10, "subtotal": 10, "subtotalGross": 10.48, "retailPrice": 12, "quantity": 1}
    return item | {"orderItemID": number, "sku": f"A{number}", "partNumber": f"P{number}"} | money | changes


def kibo_shipment(number: int, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One READY shipment whose subtotal is the sum of its items' subtotals, without a test flag of its own."""
    shipment = copy.deepcopy(sample_order()["shipments"][0])
    del shipment["isTestOrder"]
    sums = [item.get("subtotal") for item in items]
    subtotal = sum(amount for amount in sums if isinstance(amount, int | float))
    return shipment | {"shipmentID": number, "items": list(items), "subtotal": subtotal} | changes


def kibo_order(number: int, *shipments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One order of manufacturer 77 on `DAY`; without shipments it gets one with one item."""
    order = sample_order()
    parts = list(shipments) or [kibo_shipment(number * 10, kibo_item(number * 100))]
    subtotal = sum(part["subtotal"] for part in parts if isinstance(part.get("subtotal"), int | float))
    own = {"orderID": number, "manufacturerID": 77, "isTestOrder": False, "orderDate": "2026-01-05T10:00:00+00:00"}
    return order | own | {"shipments": parts, "subtotal": subtotal} | changes


def receive(
    lake: Lake,
    orders: Sequence[dict[str, Any] | bytes],
    *,
    run_id: str = "fetch",
    dead_letters: Sequence[DeadLetter] = (),
    day: date = DAY,
    complete: bool = True,
    progress: Progress | None = None,
) -> None:
    """Ingest the orders as received bytes; dictionaries are their JSON."""
    payloads = [order if isinstance(order, bytes) else json.dumps(order).encode() for order in orders]
    ids = [
        str(order["orderID"]) if isinstance(order, dict) and order.get("orderID") else f"record-{place}"
        for place, order in enumerate(orders)
    ]
    batch = RecordBatch("orders", ids, [day] * len(orders), Payloads(payloads), list(dead_letters))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    report = FetchReport("orders", start, start.replace(hour=23, minute=59), 1, len(orders), len(orders), complete)

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield CommitGroup([batch], [report])

    asyncio.run(ingest(lake, "kibo", extraction, WINDOW, WarehouseState(lake, "kibo"), run_id, progress))


def build(lake: Lake, *days: date, run_id: str = "build", **options: Any) -> CoreResult:
    """Build core for the days and all stale ones."""
    return build_core(lake, "kibo", days, run_id, project=project(), **options)


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    """What a query on the lake returns."""
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def dictionaries(lake: Lake, sql: str) -> list[dict[str, Any]]:
    """The same, as dictionaries."""
    answer = lake.query(sql)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
