"""A month of orders of two channels, received into raw: what a backfill builds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta

from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_order
from order_pipeline_tests.warehouse.poisoned_records import as_json, skroutz_event

MONTH = [DAY + timedelta(days=number) for number in range(31)]
CHANNELS = ("kibo", "skroutz")


def receive_days(lake: Lake, channel: str, days: Sequence[date], orders_a_day: int) -> None:
    """So many orders a day, in one commit; their numbers follow from the day."""
    numbered = [(day, 1000 * (1 + (day - DAY).days) + number) for day in days for number in range(orders_a_day)]
    payloads = [_payload(channel, number, day) for day, number in numbered]
    ids = [str(number) for _, number in numbered]
    group = CommitGroup([RecordBatch("orders", ids, [day for day, _ in numbered], Payloads(payloads))])
    start = datetime.combine(days[0], datetime.min.time(), UTC)
    group.reports.append(FetchReport("orders", start, start, 1, len(ids), len(ids), complete=True))

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield group

    window = Window(days[0], days[-1] + timedelta(days=1))
    asyncio.run(ingest(lake, channel, extraction, window, WarehouseState(lake, channel), "fetch"))


def _payload(channel: str, number: int, day: date) -> bytes:
    if channel == "kibo":
        return as_json(kibo_order(number, orderDate=f"{day}T10:00:00+00:00"))
    return as_json(skroutz_event(str(number), created_at=f"{day}T10:00:00+00:00"))
