"""A reject of unreadable bytes heals by its own record alone, or a person closes it."""

from __future__ import annotations

from datetime import date

import pytest

from order_pipeline.channels.base import DeadLetter
from order_pipeline.warehouse.core.quarantine import close_rejects
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import (
    DAY,
    build,
    dictionaries,
    kibo_order,
    receive,
    rows,
)

pytestmark = pytest.mark.costly


def open_rejects(lake: Lake) -> list[tuple[object, ...]]:
    return rows(lake, "SELECT rule, field, raw_record_id FROM quarantine.rejects WHERE resolved_at IS NULL")


@pytest.mark.parametrize("day", [pytest.param(DAY, marks=pytest.mark.slow), None])
def test_a_reject_heals_when_that_very_record_arrives_readable_and_by_nothing_else(
    lake: Lake, day: date | None
) -> None:
    broken = DeadLetter("bad_json", "total", "NaN", b'{"orderID":2,"total":NaN}', day, "2")
    receive(lake, [kibo_order(1)], dead_letters=[broken])
    build(lake)
    assert open_rejects(lake) == [("bad_json", "total", "2")]
    for run in ("complete", "complete again"):
        receive(lake, [kibo_order(1, total=5, actualPrice=5), kibo_order(3)], run_id=run)
        build(lake)
        assert open_rejects(lake) == [("bad_json", "total", "2")], "the order is nowhere"
    receive(lake, [kibo_order(2)], run_id="mended", complete=False)
    build(lake)
    assert open_rejects(lake) == []
    assert rows(lake, "SELECT count(*) FROM core.orders WHERE order_number = '2'") == [(1,)]
    receive(lake, [], dead_letters=[broken], run_id="broken again")
    build(lake, DAY)
    assert open_rejects(lake) == [("bad_json", "total", "2")]
    receive(lake, [kibo_order(2)], run_id="as before")
    build(lake)
    assert open_rejects(lake) == [], "a version that raw has already is proof too"


def test_what_bears_a_day_in_its_id_heals_with_a_later_day_s(lake: Lake) -> None:
    """A price that could not be had is asked for again on another day, so under another id."""
    receive(lake, [], dead_letters=[DeadLetter("pricing_error", "x", "", b"x", None, "77:2026-01-05:1710:A")])
    receive(lake, [kibo_order(1) | {"orderID": "77:2026-01-09:1710:B"}])
    build(lake, DAY)
    assert ("pricing_error", "x", "77:2026-01-05:1710:A") in open_rejects(lake)
    receive(lake, [kibo_order(1) | {"orderID": "77:2026-01-09:1710:A"}])
    build(lake)
    assert ("pricing_error", "x", "77:2026-01-05:1710:A") not in open_rejects(lake)


def test_bytes_whose_record_nobody_knows_stay_open_until_a_person_closes_them(lake: Lake) -> None:
    unknown = DeadLetter("missing_key", "orderID", "none", b'{"orderDate": "2026-01-05"}', DAY)
    receive(lake, [kibo_order(1)], dead_letters=[unknown])
    build(lake)
    (found,) = dictionaries(lake, "SELECT * FROM quarantine.rejects")
    assert (found["table_name"], found["rule"], found["field"]) == ("raw.kibo_orders", "missing_key", "orderID")
    receive(lake, [kibo_order(1), kibo_order(2)], run_id="complete")
    build(lake, DAY)
    assert len(open_rejects(lake)) == 1
    assert close_rejects(lake, "no such key", "a reason") == 0
    assert close_rejects(lake, found["key"][:8], "the channel says it was a test") == 1
    build(lake, DAY)
    receive(lake, [], dead_letters=[unknown], run_id="the same again")
    build(lake, DAY)
    assert open_rejects(lake) == []
    assert rows(lake, "SELECT closed_reason FROM quarantine.rejects") == [("the channel says it was a test",)]
