"""Days whose core rows are older than raw: marked in the transaction that changes raw, cleared by the one that heals.

A killed run leaves its marks behind, so the next run finds what core still owes. Does not belong here: how core is
built.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.lake.rows import insert_rows


@dataclass(frozen=True, slots=True)
class StalePartition:
    """A day of a source that core owes, and the marks that say so."""

    source: str
    day: date
    mark_ids: tuple[str, ...]


def mark_stale(
    connection: duckdb.DuckDBPyConnection, source: str, days: Iterable[date], marked_at: datetime, run_id: str
) -> None:
    """Mark the days, within the caller's transaction. Every call adds a mark of its own: see `clear_stale`."""
    marks = [(source, day, uuid.uuid4().hex, marked_at, run_id) for day in sorted(set(days))]
    insert_rows(connection, "raw.stale_partitions", marks)


def stale_partitions(
    connection: duckdb.DuckDBPyConnection, source: str, days: Collection[date] | None = None
) -> list[StalePartition]:
    """The source's stale partitions, oldest first; only those among `days`, when given."""
    rows = connection.execute(
        "SELECT order_day, list(mark_id) FROM raw.stale_partitions WHERE source = ? GROUP BY ALL ORDER BY order_day",
        [source],
    ).fetchall()
    return [StalePartition(source, day, tuple(marks)) for day, marks in rows if days is None or day in days]


def clear_stale(connection: duckdb.DuckDBPyConnection, healed: Collection[StalePartition]) -> None:
    """Remove the marks that were read before the core build, within the caller's transaction.

    A mark that came while core was being built is another mark: it stays, and the day is built again.
    """
    cleared = pa.table({"mark_id": pa.array([mark for day in healed for mark in day.mark_ids], pa.string())})
    if cleared.num_rows:
        connection.register("cleared_marks", cleared)
        connection.execute("DELETE FROM raw.stale_partitions WHERE mark_id IN (SELECT mark_id FROM cleared_marks)")
        connection.unregister("cleared_marks")
