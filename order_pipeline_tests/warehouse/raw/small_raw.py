"""A few records on their way into raw, and what raw says of them afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.raw.stale_partitions import clear_marks, stale_marks

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
WINDOW = Window(FIRST, date(2026, 1, 8))


def batch(*records: tuple[str, date, str], dead_letters: Sequence[DeadLetter] = ()) -> RecordBatch:
    ids, days, payloads = zip(*records, strict=True) if records else ((), (), ())
    return RecordBatch(
        "orders", list(ids), list(days), Payloads(text.encode() for text in payloads), list(dead_letters)
    )


def report(records: int, *, complete: bool = True) -> FetchReport:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC)
    return FetchReport("orders", start, end, 1, records, records, complete)


def group(*records: tuple[str, date, str], reports: Sequence[FetchReport] = ()) -> CommitGroup:
    return CommitGroup([batch(*records)], list(reports))


def load(lake: Lake, *groups: CommitGroup, run_id: str = "run", **options: Any) -> IngestResult:
    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for one in groups:
            yield one

    return asyncio.run(ingest(lake, "kibo", extraction, WINDOW, WarehouseState(lake, "kibo"), run_id, **options))


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def current(lake: Lake) -> dict[str, str]:
    return dict(rows(lake, "SELECT record_id, payload FROM raw.kibo_orders_current"))


def in_day(day: date) -> str:
    return f"partition_day = DATE '{day}'"


def all_stale(lake: Lake) -> list[date]:
    with lake.connect() as connection:
        return list(stale_marks(connection, "kibo"))


def heal(lake: Lake) -> None:
    with lake.transaction("heal") as connection:
        clear_marks(connection, [mark for marks in stale_marks(connection, "kibo").values() for mark in marks])
