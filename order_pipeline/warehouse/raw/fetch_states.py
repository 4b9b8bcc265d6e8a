"""How far each source has got, as `raw.fetches` tells it: for alerts, `status` and `doctor`.

A window is current when it reached the day on which it was fetched. Older windows come from runs over old days.
A report that is later than now is of a clock that stood ahead: it makes no source fresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.raw.source_state import CLOCK_TOLERANCE

KEPT_IN_VIEW = timedelta(days=60)
"""Reports older than this are history: nobody is told of a window that nobody mended in two months."""

_ACCOUNT_STATES = """
WITH current_reports AS (
    SELECT source, watermark, complete, fetched_at, run_id
    FROM raw.fetches
    WHERE coalesce(watermark, '') <> '' AND CAST(window_end AT TIME ZONE 'UTC' AS DATE)
        >= CAST(fetched_at AT TIME ZONE 'UTC' AS DATE) AND fetched_at > $oldest AND fetched_at <= $latest
)
SELECT source, watermark, max(fetched_at), max(fetched_at) FILTER (WHERE complete), min(fetched_at),
    arg_max(complete, fetched_at), arg_max(run_id, fetched_at)
FROM current_reports
GROUP BY source, watermark
ORDER BY source, watermark
"""

_STOPS = """
WITH runs AS (
    SELECT source, run_id, max(fetched_at) AS fetched_at, max(note) FILTER (WHERE contains(note, $words)) AS note,
        CAST(min(window_start) AT TIME ZONE 'UTC' AS DATE) AS first_day,
        CAST(max(window_end) AT TIME ZONE 'UTC' AS DATE) AS end_day,
        bool_or(coalesce(watermark, '') <> '' OR contains(note, $words)) AS is_reading
    FROM raw.fetches
    WHERE fetched_at > $oldest AND fetched_at <= $latest
    GROUP BY source, run_id
), latest AS (
    SELECT * FROM runs WHERE is_reading QUALIFY row_number() OVER (PARTITION BY source ORDER BY fetched_at DESC) = 1
)
SELECT source, note, fetched_at, run_id, first_day, greatest(first_day, end_day - 1)
FROM latest
WHERE note IS NOT NULL
ORDER BY source
"""

# What a run reads is one or more (resource, watermark); a resource without watermarks counts by itself. One that no run
# has read for a week, while others of its resource were, is of an account that the settings name no more.
_LAST_READINGS = """
WITH reports AS (
    SELECT source, resource, coalesce(watermark, '') AS watermark, complete, fetched_at, run_id
    FROM raw.fetches
    WHERE fetched_at > $oldest AND fetched_at <= $latest AND CAST(window_end AT TIME ZONE 'UTC' AS DATE)
        >= least(CAST(fetched_at AT TIME ZONE 'UTC' AS DATE), $present)
    QUALIFY coalesce(watermark, '') <> '' OR NOT bool_or(coalesce(watermark, '') <> '') OVER (
        PARTITION BY source, resource)
), parts AS (
    SELECT source, resource, watermark, max(fetched_at) AS tried_at, max(fetched_at) FILTER (WHERE complete) AS read_at,
        arg_max(run_id, fetched_at) AS run_id
    FROM reports
    GROUP BY source, resource, watermark
    QUALIFY tried_at > max(tried_at) OVER (PARTITION BY source, resource) - INTERVAL 7 DAY
)
SELECT source, resource, CASE WHEN count(read_at) = count(*) THEN min(read_at) END, max(tried_at),
    arg_max(run_id, tried_at), bool_or(watermark <> '')
FROM parts
GROUP BY source, resource
ORDER BY source, resource
"""


@dataclass(frozen=True, slots=True)
class LastReading:
    """When a resource was last read to the present with proof, by all its accounts; and when it was last tried.

    `read_at` is None while one of its accounts was never proved complete; `run_id` is of the run that tried last. One
    without a watermark is read only where another one of its family has changes.
    """

    source: str
    resource: str
    read_at: datetime | None
    tried_at: datetime
    run_id: str
    has_watermark: bool


@dataclass(frozen=True, slots=True)
class AccountState:
    """How far one account of a source has got; `name` is that of its watermark, times are those of its current reports.

    `complete_at` is None while none was ever complete; `is_complete` and `run_id` are those of the last report.
    """

    source: str
    name: str
    read_at: datetime
    complete_at: datetime | None
    first_at: datetime
    is_complete: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class SourceStop:
    """The last run of a source ended before its end, as its note says; the days are those that it asked for."""

    source: str
    note: str
    fetched_at: datetime
    run_id: str
    first: date
    last: date


def read_account_states(connection: Connection, now: datetime) -> list[AccountState]:
    """Each account of each source that was read to the present in the last days."""
    return [AccountState(*row) for row in fetch_rows(connection, _ACCOUNT_STATES, in_view(now))]


def read_last_readings(connection: Connection, now: datetime, present: date = date.max) -> list[LastReading]:
    """Each resource of each source that was read to the present in the last days.

    Args:
        connection: to the lake.
        now: the time.
        present: the last day that the sources know, where they stand still as those of a demo do.
    """
    return [LastReading(*row) for row in fetch_rows(connection, _LAST_READINGS, in_view(now) | {"present": present})]


def read_stops(connection: Connection, words: str, now: datetime) -> list[SourceStop]:
    """The sources whose last run says in a note that it stopped by what `words` name."""
    return [SourceStop(*row) for row in fetch_rows(connection, _STOPS, in_view(now) | {"words": words})]


def read_time_ahead(connection: Connection, now: datetime) -> timedelta | None:
    """How far the latest report lies in the future: by a clock that stood ahead. None if it does not."""
    rows = fetch_rows(connection, "SELECT max(fetched_at) - $now FROM raw.fetches", {"now": now})
    ahead: timedelta | None = rows[0][0] if rows else None
    if ahead is None or ahead <= CLOCK_TOLERANCE:
        return None
    return timedelta(seconds=round(ahead.total_seconds()))


def in_view(now: datetime) -> dict[str, Any]:
    """The values of `$oldest` and `$latest`: reports of a clock that stood ahead are later than any."""
    return {"oldest": now - KEPT_IN_VIEW, "latest": now + CLOCK_TOLERANCE}


def fetch_rows(connection: Connection, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows; none while the table is not made yet. To ask for the tables first would read every view: seconds."""
    try:
        return connection.execute(sql, values).fetchall()
    except duckdb.CatalogException:
        return []
