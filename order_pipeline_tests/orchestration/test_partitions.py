"""Windows: what a run covers."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.channels.base import Window
from order_pipeline.orchestration.partitions import (
    daily_partitions,
    range_tags,
    slices,
    trailing_window,
    window_of,
    window_of_waiting,
)
from order_pipeline.settings import ScheduleSettings

FIRST = date(2026, 1, 1)
DAYS = st.dates(min_value=FIRST, max_value=date(2027, 12, 31))


@given(DAYS, st.integers(min_value=1, max_value=400))
def test_a_trailing_window_ends_today_and_never_starts_before_the_first_partition(today, days):
    window = trailing_window(ScheduleSettings(trailing_days=days), today)
    assert FIRST <= window.start <= today
    assert window.days[-1] == today
    assert len(window.days) <= days


@given(DAYS, st.integers(min_value=1, max_value=60))
def test_keys_and_windows_say_the_same(start, count):
    window = Window(start=start, end=date.fromordinal(start.toordinal() + count))
    assert window_of([day.isoformat() for day in window.days]) == window


def test_keys_with_a_gap_are_refused():
    with pytest.raises(ValueError, match="gaps"):
        window_of(["2026-01-01", "2026-01-03"])


def test_today_is_a_partition():
    today = datetime.now(UTC).date()
    first = date.fromordinal(today.toordinal() - 3).isoformat()
    keys = daily_partitions(ScheduleSettings(first_day=first)).get_partition_keys()
    assert keys[0] == first
    assert keys[-1] == today.isoformat()


def test_a_range_is_named_by_its_first_and_its_last_day():
    assert range_tags(Window(start=date(2026, 1, 8), end=date(2026, 1, 15))) == {
        "dagster/asset_partition_range_start": "2026-01-08",
        "dagster/asset_partition_range_end": "2026-01-14",
    }


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [
        ([date(2026, 1, 10)], date(2026, 1, 10), date(2026, 1, 11)),
        ([date(2026, 1, 10), date(2026, 1, 12)], date(2026, 1, 10), date(2026, 1, 13)),
        ([None], date(2026, 1, 20), date(2026, 1, 21)),
        ([date(2025, 6, 1), date(2026, 1, 3)], FIRST, date(2026, 1, 4)),
        ([date(2026, 2, 1)], date(2026, 1, 20), date(2026, 1, 21)),
    ],
    ids=["one day", "two days", "an event without a day", "before the first partition", "from the future"],
)
def test_waiting_webhooks_make_a_window_of_existing_partitions(days, start, end):
    assert window_of_waiting(days, FIRST, date(2026, 1, 20)) == Window(start=start, end=end)


def test_an_empty_inbox_makes_no_window():
    assert window_of_waiting([], FIRST, date(2026, 1, 20)) is None


def test_a_long_window_goes_in_slices_of_which_the_newest_comes_first():
    window = Window(date(2026, 1, 1), date(2026, 3, 1))
    parts = slices(window, 31)
    assert parts == [Window(date(2026, 1, 29), window.end), Window(window.start, date(2026, 1, 29))]
    assert slices(window, 365) == [window]
