"""Which days any run asked for, as `raw.fetches` tells it, and which of those in between none did."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.raw.fetch_states import fetch_rows, in_view

_WINDOWS = """
SELECT source, CAST(window_start AT TIME ZONE 'UTC' AS DATE) AS first_day,
    CAST(window_end AT TIME ZONE 'UTC' AS DATE) AS end_day,
    bool_or(CAST(window_end AT TIME ZONE 'UTC' AS DATE) >= CAST(fetched_at AT TIME ZONE 'UTC' AS DATE))
FROM raw.fetches
WHERE fetched_at <= $latest
GROUP BY source, first_day, end_day
ORDER BY source, first_day
"""


def read_missing_days(connection: Connection, now: datetime) -> dict[str, list[date]]:
    """By source, the days that no run ever asked for, between the first and the last that were read by themselves.

    Days before the first read up to the present are nobody's loss: a person who reads one old day by hand does not want
    the year since then.
    """
    windows: dict[str, list[tuple[date, date, bool]]] = defaultdict(list)
    for source, first, end, is_current in fetch_rows(connection, _WINDOWS, {"latest": in_view(now)["latest"]}):
        windows[source].append((first, end, is_current))
    found = {source: _gaps(of_source) for source, of_source in windows.items()}
    return {source: days for source, days in found.items() if days}


def _gaps(windows: list[tuple[date, date, bool]]) -> list[date]:
    """The days between the windows, in order; windows come by their first day and end before their second."""
    current = [first for first, _, is_current in windows if is_current]
    if not current:
        return []
    gaps: list[date] = []
    reached = min(current)
    for first, end, _ in windows:
        gaps += [reached + timedelta(days=number) for number in range((first - reached).days)]
        reached = max(reached, end)
    return gaps
