"""Days whose core rows are older than raw: marked in the transaction that changes raw, cleared by the one that heals.

A killed run leaves its marks behind, so the next run finds what core still owes.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import date, datetime

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.lake.bookkeeping import all_rows, delete_rows
from order_pipeline.warehouse.lake.rows import insert_rows


def mark_stale(
    connection: duckdb.DuckDBPyConnection, source: str, days: Iterable[date], marked_at: datetime, run_id: str
) -> None:
    """Mark the days, within the caller's transaction. Every call adds a mark of its own: see `clear_marks`."""
    marks = [(source, day, uuid.uuid4().hex, marked_at, run_id) for day in sorted(set(days))]
    insert_rows(connection, "raw.stale_partitions", marks)


def stale_marks(connection: duckdb.DuckDBPyConnection, source: str) -> dict[date, list[str]]:
    """The days that core of the source owes, oldest first, and the ids of the marks that say so."""
    rows = connection.execute(
        f"SELECT order_day, list(mark_id) FROM {all_rows('raw.stale_partitions')} WHERE source = ?"
        " GROUP BY ALL ORDER BY order_day",
        [source],
    ).fetchall()
    return dict(rows)


def clear_marks(connection: duckdb.DuckDBPyConnection, mark_ids: Collection[str]) -> None:
    """Remove marks that were read before the core build, within the caller's transaction.

    A mark that came while core was being built is another mark: it stays, and the day is built again.
    """
    if mark_ids:
        connection.register("cleared_marks", pa.table({"mark_id": pa.array(mark_ids, pa.string())}))
        delete_rows(connection, "raw.stale_partitions", "mark_id IN (SELECT mark_id FROM cleared_marks)")
        connection.unregister("cleared_marks")
