"""The reads by ship date and of unsettled orders, which see what the read by order date cannot (section 12)."""

from __future__ import annotations

from datetime import date

import pytest

from order_pipeline_tests.channels.kibo.small_kibo import MARCH_1, Known, SmallKibo, extracted, order, orders_of_day

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
