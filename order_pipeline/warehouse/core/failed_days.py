"""Days that core could not be built for: remembered, so that they come last and alone, and are shown.

A day that fails every time would else be taken first by every run, and spoil the days that are built with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from order_pipeline.warehouse.lake.bookkeeping import all_rows, delete_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.lake.rows import insert_rows


@dataclass(frozen=True, slots=True)
class FailedDay:
    """A day whose last build failed.

    Attributes:
        source: the channel.
        day: the partition.
        failed_at: of the last attempt.
        attempts: builds that failed since the last good one.
        error: kind and text, as far as it may be shown.
    """

    source: str
    day: date
    failed_at: datetime
    attempts: int
    error: str


def read_failed_days(connection: Connection, source: str | None = None) -> list[FailedDay]:
    """The failed days of the source, or of all, the longest not tried first; none where the table is not made yet."""
    condition = f"WHERE source = {quoted(source)}" if source else ""
    try:
        rows = connection.execute(
            f"SELECT source, order_day, failed_at, attempts, error FROM {all_rows('core.failed_days')} {condition}"
            " ORDER BY failed_at, source, order_day"
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [FailedDay(*row) for row in rows]


def note_failed_day(lake: Lake, source: str, day: date, reason: str, run_id: str) -> None:
    """Remember that the day's build failed, and why, in words that may be shown."""

    def body(transaction: Connection) -> None:
        earlier = [each.attempts for each in read_failed_days(transaction, source) if each.day == day]
        forget_failed_days(transaction, source, [day])
        row = (source, day, datetime.now(UTC), sum(earlier) + 1, reason, run_id)
        insert_rows(transaction, "core.failed_days", [row])

    lake.run(f"note that core of {source} on {day} failed", body)


def forget_failed_days(transaction: Connection, source: str, days: Collection[date]) -> None:
    """The days are built, within the caller's transaction."""
    of_these_days = f"source = {quoted(source)} AND order_day IN ({date_list(days)})"
    delete_rows(transaction, "core.failed_days", of_these_days)
