"""The reads by ship date and of unsettled orders, which see what the read by order date cannot (section 12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from order_pipeline.channels.base import Window
from order_pipeline_tests.channels.kibo.small_kibo import (
    MARCH_1,
    Known,
    SmallKibo,
    extract,
    extracted,
    order,
    orders_of_day,
)

pytestmark = pytest.mark.anyio


async def test_orders_that_shipped_lately_are_read_whatever_their_order_date() -> None:
    old = order(1, "2025-12-24T10:00:00Z", shipped="2026-02-27T09:00:00Z")
    kibo = SmallKibo([old, order(2, shipped="2026-01-01T00:00:00Z"), order(3)])
    got = await extracted(kibo, ship_date_look_back_days=7)
    assert list(zip(got.ids, got.days, strict=True)) == [("2", MARCH_1), ("3", MARCH_1), ("1", date(2025, 12, 24))]
    by_ship_date = got.reports[1]
    assert "by ship date" in by_ship_date.note
    assert (by_ship_date.window_start.date(), by_ship_date.window_end.date()) == (date(2026, 2, 23), date(2026, 3, 2))
    assert (by_ship_date.records, by_ship_date.complete) == (1, True)


async def test_unsettled_orders_are_read_again_in_lists_of_50_unless_just_seen() -> None:
    old = orders_of_day(120, date(2026, 1, 5), first=1000)
    today = orders_of_day(30)
    kibo = SmallKibo([*today, *old], total="absent")
    numbers = [str(each["orderID"]) for each in (*today, *old)]
    got = await extracted(kibo, known=Known(*numbers))
    assert got.ids == [str(each["orderID"]) for each in (*today, *old)]
    again = [query for query in kibo.asked if "orderID" in query]
    assert [len(query["orderID"].split(",")) for query in again] == [50, 50, 20]
    assert all(query["manufacturerID"] == "77" for query in again)
    reports = got.reports[1:]
    assert [report.calls for report in reports] == [1, 1, 1]
    assert all(report.complete for report in reports)
    assert sum(report.calls_saved for report in reports) == 0


async def test_calls_that_were_not_needed_are_reported() -> None:
    kibo = SmallKibo([*orders_of_day(60), order(5000, "2026-01-01T00:00:00Z")])
    numbers = [str(each["orderID"]) for each in kibo.orders]
    got = await extracted(kibo, known=Known(*numbers))
    assert [report.calls_saved for report in got.reports] == [0, 1]


async def test_an_unsettled_order_that_the_api_no_longer_knows_is_reported() -> None:
    got = await extracted(SmallKibo([order(1, "2026-01-01T00:00:00Z")]), known=Known("1", "2"))
    assert got.ids == ["1"]
    assert not got.reports[1].complete
    assert "1 of 2 promised items never came" in got.reports[1].note


async def test_an_id_that_the_api_does_not_take_stops_no_read_of_the_others() -> None:
    kibo = SmallKibo([order(1, "2026-01-01T00:00:00Z")])
    assert (await extracted(kibo, known=Known("x-1", "1"))).ids == ["1"]
    assert [query["orderID"] for query in kibo.asked if "orderID" in query] == ["1"]


async def test_an_unsettled_order_of_the_overlap_is_read_again() -> None:
    kibo = SmallKibo([order(1, "2026-02-28T23:58:00Z")])
    assert (await extracted(kibo, known=Known("1"))).ids == ["1"]


async def test_the_second_and_third_read_can_be_switched_off() -> None:
    kibo = SmallKibo(orders_of_day(3))
    await extracted(kibo, known=Known("99"), reread_unsettled=False, ship_date_look_back_days=0)
    assert len(kibo.asked) == 1


@pytest.mark.costly
async def test_of_orders_beyond_the_age_limit_a_run_asks_for_a_bounded_share_and_says_so() -> None:
    old = orders_of_day(90, date(2026, 1, 5), first=1000)
    kibo = SmallKibo(old, total="absent")
    known = Known(*(str(each["orderID"]) for each in old), day=date(2026, 1, 5))
    seen: set[str] = set()
    for hour in range(30):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
        got = await extracted(kibo, known=known, now=lambda at=at: at, reread_older_orders=10)
        assert len(got.ids) == 10
        assert "unsettled: 0 younger than 30 days, 10 of 90 older in turn" in got.reports[1].note
        seen.update(got.ids)
    assert len(seen) == 90


async def test_after_a_stop_orders_and_ship_dates_are_read_from_the_last_proof() -> None:
    placed_while_away = order(1, "2026-02-10T08:00:00Z")
    shipped_while_away = order(2, "2025-12-24T10:00:00Z", shipped="2026-02-11T09:00:00Z")
    away = Known(proved_until=date(2026, 2, 9))
    week = Window(date(2026, 2, 23), date(2026, 3, 2))
    kibo = SmallKibo([placed_while_away, shipped_while_away])
    assert (await extracted(kibo, window=week, ship_date_look_back_days=7)).ids == []
    got = await extracted(kibo, window=week, known=away, ship_date_look_back_days=7)
    assert got.ids == ["1", "2"]
    assert all(report.complete for report in got.all_reports)
    proof = got.all_reports[-1]
    assert (proof.watermark, proof.window_start.date()) == ("manufacturer 77", date(2026, 2, 9))
    assert proof.window_end.date() == MARCH_1


async def test_a_stop_that_is_too_long_to_catch_up_leaves_a_report_that_is_not_complete() -> None:
    got = await extracted(SmallKibo([]), known=Known(proved_until=date(2026, 1, 1)), catch_up_days=10)
    [missed] = [report for report in got.all_reports if not report.complete]
    assert (missed.window_start.date(), missed.window_end.date()) == (date(2026, 1, 1), date(2026, 2, 20))


async def test_a_day_that_is_not_proved_complete_moves_no_watermark() -> None:
    got = await extract(SmallKibo(orders_of_day(3), total=99))
    assert [report.complete for report in got.all_reports if report.watermark] == [False]
