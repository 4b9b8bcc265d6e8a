"""A day that has far more or far fewer orders than its weekday usually has is found, and nothing else is."""

from datetime import date, timedelta

import pytest

from order_pipeline.orchestration.assets.core import volume_check
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.volume import LEAST_WEEKS, read_unusual_days
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate

MONDAY = date(2026, 3, 16)
WEEK, DAY = timedelta(weeks=1), timedelta(days=1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake(Settings(data_dir=tmp_path_factory.mktemp("data"), witness_dir="none"))
    migrate(lake)
    yield lake
    lake.close()


@pytest.fixture
def built(lake, request):
    """Note builds with so many orders a day, of a source of this test alone; returns the source."""
    source = request.node.name[-60:]

    def note(orders_by_day):
        rows = [(source, day, "b", "f", orders, 0, 0, "r") for day, orders in orders_by_day.items()]
        with lake.transaction("builds") as connection:
            connection.executemany("INSERT INTO core.builds VALUES (?, ?, ?, ?, ?, ?, ?, now(), ?, NULL)", rows)
        return source

    return note


def weeks_of(orders, weeks=8):
    """So many orders on each of the Mondays before, and hardly any on the Sundays."""
    mondays = {MONDAY - number * WEEK: orders for number in range(1, weeks + 1)}
    return mondays | {day - DAY: 3 for day in mondays}


@pytest.mark.parametrize(("orders", "is_found"), [(100, False), (45, False), (240, False), (39, True), (251, True)])
def test_a_day_is_measured_by_its_own_weekday(lake, built, orders, is_found):
    source = built(weeks_of(100) | {MONDAY: orders, MONDAY - DAY: 3})
    found = read_unusual_days(lake, source, [MONDAY - DAY, MONDAY])
    assert [(each.day, each.orders, each.usual) for each in found] == [(MONDAY, orders, 100)] * is_found


def test_one_odd_week_does_not_change_what_is_usual(lake, built):
    source = built(weeks_of(100) | {MONDAY - WEEK: 900, MONDAY: 100})
    assert read_unusual_days(lake, source, [MONDAY]) == []


def test_a_day_without_any_order_is_found(lake, built):
    (found,) = read_unusual_days(lake, built(weeks_of(100)), [MONDAY])
    assert (found.day, found.orders) == (MONDAY, 0)


def test_few_orders_more_or_less_are_no_event(lake, built):
    assert read_unusual_days(lake, built(weeks_of(2) | {MONDAY: 11}), [MONDAY]) == []


def test_nothing_is_usual_before_four_weeks_are_known(lake, built):
    source = built(weeks_of(100, weeks=LEAST_WEEKS - 1))
    assert read_unusual_days(lake, source, [MONDAY]) == []


def test_the_check_warns_names_the_day_and_stops_nothing(lake, built):
    check = volume_check(lake, built(weeks_of(100) | {MONDAY: 12}), [MONDAY])
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description == "Mon 2026-03-16: 12 orders, usually 100"


def test_the_check_is_green_on_usual_days_and_does_not_judge_today(lake, built):
    source = built(weeks_of(100) | {MONDAY: 100})
    assert volume_check(lake, source, [MONDAY, date.max]).passed
