"""A run's cost does not grow with the years, nothing is left alone for ever, and a stop leaves no silent gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calls_over_a_year import MOST_GROWTH, RUN_DAYS, growth, run
from order_pipeline.channels.base import Window
from order_pipeline.channels.rereads import plan_rereads, reach_back, take_turn

TODAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["kibo", "scansource", "skroutz"])
def test_a_run_makes_as_many_calls_after_a_year_as_after_a_month(channel: str) -> None:
    calls = [run(channel, day)[0] for day in RUN_DAYS]
    assert growth(calls) <= MOST_GROWTH, calls


@pytest.mark.costly
@pytest.mark.parametrize("channel", ["kibo", "scansource", "skroutz"])
def test_the_report_counts_young_and_older_orders(channel: str) -> None:
    _, reports = run(channel, 70)
    [note] = [report.note for report in reports if "unsettled: " in report.note]
    assert " older" in note
    assert "in turn" in note


@pytest.mark.parametrize("hours", [1, 2, 6, 12, 24, 168])
@pytest.mark.parametrize("most", [7, 50])
def test_every_older_order_gets_its_turn_whatever_time_lies_between_runs(hours: int, most: int) -> None:
    keys = {f"order {number}" for number in range(500)}
    least_runs = -(-len(keys) // most)
    seen: set[str] = set()
    for number in range(4 * least_runs):
        taken = take_turn(keys, most, NOON + timedelta(hours=hours * number))
        assert len({*taken}) == len(taken) == most
        seen.update(taken)
    assert seen == keys


def test_orders_that_come_and_go_keep_no_other_order_from_its_turn() -> None:
    keys = {f"order {number}" for number in range(400)}
    old, waiting = {*keys}, {*keys}
    for hour in range(24 * 10):
        if hour % 24 == 0:
            keys |= {f"day {hour}, {number}" for number in range(60)}
            keys -= {f"day {hour - 48}, {number}" for number in range(30)}
        waiting -= {*take_turn(keys, 20, NOON + timedelta(hours=hour))}
    assert old <= keys
    assert not waiting


@given(st.dictionaries(st.text(max_size=5), st.dates(date(2026, 1, 1), TODAY), max_size=30), st.integers(1, 9))
def test_each_order_is_young_or_older_and_no_run_takes_more_older_ones(orders: dict[str, date], most: int) -> None:
    rereads = plan_rereads(orders, oldest=date(2026, 6, 1), most_older=most, now=NOON)
    assert all(orders[number] >= date(2026, 6, 1) for number in rereads.young)
    assert all(orders[number] < date(2026, 6, 1) for number in rereads.in_turn)
    assert len(rereads.young) + rereads.older == len(orders)
    assert len(rereads.in_turn) == min(most, rereads.older)


class Proved:
    """A warehouse that holds one watermark."""

    def __init__(self, day: date | None) -> None:
        self.day = day

    def watermark(self, name: str) -> date | None:
        return self.day if name == "orders" else None

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        return {}

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        raise NotImplementedError

    def latest_payloads(self, resource: str, record_ids: object) -> dict[str, bytes]:
        raise NotImplementedError

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        raise NotImplementedError


def reach(proved: date | None, *, start: date = TODAY - 13 * DAY, end: date = TODAY + DAY):
    return reach_back(Proved(proved), "orders", Window(start, end), today=TODAY, look_back_days=3, most_days=30)


def test_a_run_after_a_run_looks_back_as_usual() -> None:
    for proved in (None, TODAY, TODAY - DAY):
        found = reach(proved)
        assert (found.changed_from, found.ordered_from) == (TODAY - 2 * DAY, TODAY - 13 * DAY)
        assert (found.end, found.missed) == (TODAY, None)


def test_a_run_after_a_stop_asks_from_the_last_proof() -> None:
    found = reach(TODAY - 7 * DAY)
    assert (found.changed_from, found.ordered_from) == (TODAY - 7 * DAY, TODAY - 13 * DAY)
    assert found.ages_from == TODAY - 7 * DAY
    found = reach(TODAY - 20 * DAY)
    assert (found.changed_from, found.ordered_from) == (TODAY - 20 * DAY, TODAY - 20 * DAY)
    assert found.missed is None
    [proof] = found.reports("orders", complete=True, note="")
    assert (proof.window_start.date(), proof.window_end.date()) == (TODAY - 20 * DAY, TODAY)


def test_what_is_too_long_ago_is_reported_as_not_asked_for() -> None:
    found = reach(TODAY - 50 * DAY)
    assert found.changed_from == found.ordered_from == TODAY - 29 * DAY
    missed, proof = found.reports("orders", complete=True, note="shop")
    assert (missed.window_start.date(), missed.window_end.date()) == (TODAY - 50 * DAY, TODAY - 29 * DAY)
    assert not missed.complete
    assert not missed.watermark
    assert "run these days" in missed.note
    assert proof.complete


def test_running_days_of_the_past_asks_what_changed_in_them_and_proves_nothing_newer() -> None:
    found = reach(TODAY, start=TODAY - 50 * DAY, end=TODAY - 29 * DAY)
    assert found.changed_from == found.ordered_from == TODAY - 50 * DAY
    assert found.end == TODAY - 29 * DAY
    assert found.missed is None
