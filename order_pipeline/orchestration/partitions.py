"""Daily partitions by order day (UTC), and the windows that runs cover."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from order_pipeline.channels.base import Window
from order_pipeline.settings import ScheduleSettings

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

PRIORITY_TAGS = {"dagster/priority": "10"}
"""Runs over the last days go before those of a backfill where both wait for the channel's pool."""


def daily_partitions(schedule: ScheduleSettings) -> dg.DailyPartitionsDefinition:
    """One partition a UTC day from `schedule.first_day` on; today is included, its orders are already being picked."""
    return dg.DailyPartitionsDefinition(start_date=schedule.first_day, timezone="UTC", end_offset=1)


def utc_today() -> date:
    """The current day in UTC."""
    return datetime.now(UTC).date()


def trailing_window(schedule: ScheduleSettings, today: date) -> Window:
    """The last `trailing_days` days including `today`, not before the first partition."""
    first = max(date.fromisoformat(schedule.first_day), today - timedelta(days=schedule.trailing_days - 1))
    return Window(start=first, end=today + timedelta(days=1))


def window_of(partition_keys: list[str]) -> Window:
    """The window that a run's partition keys span.

    Raises:
        ValueError: no key, or keys with a gap (a run over a range has none).
    """
    days = sorted(date.fromisoformat(key) for key in partition_keys)
    if not days:
        raise ValueError("A run over daily partitions needs at least one partition key.")
    if (days[-1] - days[0]).days != len(days) - 1:
        message = f"The partition keys from {days[0]} to {days[-1]} have gaps; start one run for each unbroken range."
        raise ValueError(message)
    return Window(start=days[0], end=days[-1] + timedelta(days=1))


def unbroken_windows(days: Iterable[date]) -> list[Window]:
    """The days as few windows without gaps, in order: a run covers one each."""
    windows: list[Window] = []
    for day in sorted(set(days)):
        if windows and windows[-1].end == day:
            windows[-1] = Window(start=windows[-1].start, end=day + timedelta(days=1))
        else:
            windows.append(Window(start=day, end=day + timedelta(days=1)))
    return windows


def window_of_waiting(days: list[date | None], first: date, today: date) -> Window | None:
    """The days of waiting events, clipped to the partitions; events without a day come along with today's."""
    if not days:
        return None
    known = [min(max(day or today, first), today) for day in days]
    return Window(start=min(known), end=max(known) + timedelta(days=1))


def slices(window: Window, most_days: int) -> list[Window]:
    """The window in parts of at most so many days, the newest first: today never waits for a backlog."""
    parts: list[Window] = []
    end = window.end
    while end > window.start:
        start = max(window.start, end - timedelta(days=most_days))
        parts.append(Window(start=start, end=end))
        end = start
    return parts


def range_tags(window: Window) -> dict[str, str]:
    """The tags that make one Dagster run cover every partition of the window."""
    return {
        RANGE_START_TAG: window.start.isoformat(),
        RANGE_END_TAG: (window.end - timedelta(days=1)).isoformat(),
    }
