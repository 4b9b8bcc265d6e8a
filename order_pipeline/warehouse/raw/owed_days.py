"""Days that core owes, by their marks in `raw.stale_partitions`: how many there are, and whether they become fewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.raw.fetch_states import fetch_rows

LONGEST_RUN = timedelta(hours=1)
"""What was marked since then belongs to runs under way, which build it themselves."""

_OWED = """
SELECT source, count(DISTINCT order_day), min(order_day), max(order_day), min(marked_at)
FROM raw.stale_partitions
WHERE marked_at <= $marked_before
GROUP BY source
ORDER BY source
"""

_BACKLOG_OF_SNAPSHOT = """
SELECT count(DISTINCT order_day)
FROM raw.stale_partitions AT (VERSION => {snapshot})
WHERE source = $source AND marked_at <= $marked_before
"""

_SNAPSHOT = """
SELECT coalesce(max(snapshot_id) FILTER (WHERE snapshot_time <= $moment), min(snapshot_id))
FROM ducklake_snapshots('lake')
"""


@dataclass(frozen=True, slots=True)
class OwedDays:
    """Days of a source whose core is older than raw, since their oldest mark."""

    source: str
    days: int
    first_day: date
    last_day: date
    since: datetime


def read_owed_days(connection: Connection, *, marked_before: datetime) -> list[OwedDays]:
    """By source, the days that core owes since before that time."""
    return [OwedDays(*row) for row in fetch_rows(connection, _OWED, {"marked_before": marked_before})]


def count_backlog_at(connection: Connection, source: str, moment: datetime) -> int:
    """How many days core of the source owed at that moment, as the lake's snapshot of then has it.

    Older snapshots are removed after `lake.keep_days`: then the oldest one that is kept answers.
    """
    ((snapshot,),) = connection.execute(_SNAPSHOT, {"moment": moment}).fetchall()
    values: dict[str, Any] = {"source": source, "marked_before": moment - LONGEST_RUN}
    rows: Sequence[tuple[int]] = fetch_rows(connection, _BACKLOG_OF_SNAPSHOT.format(snapshot=int(snapshot)), values)
    return rows[0][0] if rows else 0


def read_backlogs_that_stay(connection: Connection, since: dict[str, datetime], now: datetime) -> list[OwedDays]:
    """The backlogs that are there since `since` and have not become smaller: nothing works them off, or too slowly.

    Args:
        connection: to the lake, which also has its state of then.
        since: by source, the moment that the backlog of now is compared with; other sources are not looked at.
        now: the time. Days that were marked within the last `LONGEST_RUN` do not count.
    """
    return [
        owed
        for owed in read_owed_days(connection, marked_before=now - LONGEST_RUN)
        if owed.source in since
        and owed.since <= since[owed.source]
        and owed.days >= count_backlog_at(connection, owed.source, since[owed.source])
    ]
