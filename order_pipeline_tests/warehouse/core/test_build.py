"""How core is built: what is due, what is replaced, what only grows, and what other builds may change."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_pipeline.warehouse.core import build as core
from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.core.files import unpublished_files
from order_pipeline_tests.warehouse.kibo_orders import (
    DAY,
    build,
    kibo_item,
    kibo_order,
    kibo_shipment,
    receive,
    rows,
)

pytestmark = pytest.mark.costly

NEXT_DAY = DAY + timedelta(days=1)
TABLES = ("orders", "order_lines", "shipments", "shipment_lines", "parcels", "prices")


def content(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    """All of core without the columns that name the run."""
    return {
        table: sorted(rows(lake, f"SELECT * EXCLUDE (run_id, extras), extras::VARCHAR FROM core.{table}"), key=repr)
        if table == "order_lines"
        else sorted(rows(lake, f"SELECT * EXCLUDE (run_id) FROM core.{table}"), key=repr)
        for table in TABLES
    }


def test_stale_days_are_built_unasked_and_then_clean(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    receive(lake, [kibo_order(2, orderDate="2026-01-06T10:00:00Z")], day=NEXT_DAY)
    assert build(lake).days == (DAY, NEXT_DAY)
    assert rows(lake, "SELECT count(*) FROM raw.stale_partitions") == [(0,)]
    assert build(lake).days == ()


def test_a_reread_that_changes_nothing_changes_nothing(lake: Lake) -> None:
    receive(lake, [kibo_order(1), kibo_order(2)])
    build(lake)
    before = content(lake)
    receive(lake, [kibo_order(1), kibo_order(2)])
    again = build(lake, DAY)
    assert content(lake) == before
    assert (again.rows["orders"], again.rows["prices"]) == (2, 0)


def test_unchanged_days_are_skipped_when_asked_until_raw_or_the_sql_changes(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    build(lake)
    assert build(lake, DAY, skip_unchanged=True).skipped_days == (DAY,)
    receive(lake, [kibo_order(1, orderStatus="CANCELED")])
    assert build(lake, DAY, skip_unchanged=True).days == (DAY,)
    lake.run("another fingerprint", lambda connection: connection.execute("UPDATE core.builds SET fingerprint = 'old'"))
    assert build(lake, DAY, skip_unchanged=True).days == (DAY,)


def test_a_new_version_replaces_its_order_and_all_children(lake: Lake) -> None:
    receive(lake, [kibo_order(1, kibo_shipment(10, kibo_item(100), kibo_item(101))), kibo_order(2)])
    build(lake)
    receive(lake, [kibo_order(1, kibo_shipment(11, kibo_item(101, quantity=2, subtotal=20)))])
    build(lake)
    assert rows(lake, "SELECT line_key, quantity_ordered FROM core.order_lines WHERE order_id = 'kibo:77:1'") == [
        ("101", Decimal(2))
    ]
    assert rows(lake, "SELECT shipment_number FROM core.shipments WHERE order_id = 'kibo:77:1'") == [("11",)]
    assert rows(lake, "SELECT count(*) FROM core.orders") == [(2,)]
    assert rows(lake, "SELECT count(*) FROM raw.kibo_orders") == [(3,)]


def test_prices_only_grow_one_observation_a_distinct_line_content(lake: Lake) -> None:
    first = kibo_order(1, kibo_shipment(10, kibo_item(100)))
    receive(lake, [first])
    build(lake)
    receive(lake, [kibo_order(1, kibo_shipment(10, kibo_item(100, actualPrice=9, subtotal=9)))])
    assert build(lake).rows["prices"] == 1
    receive(lake, [first])
    assert build(lake).rows["prices"] == 0
    assert rows(lake, "SELECT unit_price FROM core.prices ORDER BY unit_price") == [(Decimal(9),), (Decimal(10),)]


def overtaken_once(lake: Lake, monkeypatch: pytest.MonkeyPatch, *, day: date = DAY) -> None:
    """Have another build of the order's day commit after the first build has staged its rows."""
    publish, overtaken = core.publish, list[str]()

    def overtake(*arguments: Any, **options: Any) -> CoreResult:
        if not overtaken:
            overtaken.append("once")
            receive(lake, [kibo_order(1, orderStatus="CANCELED", orderDate=f"{day}T10:00:00Z")], day=day)
            build(lake, run_id="the other")
        return publish(*arguments, **options)

    monkeypatch.setattr(core, "publish", overtake)


def test_a_build_overtaken_by_another_starts_again_from_newer_rows(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    receive(lake, [kibo_order(1, orderStatus="READY")])
    overtaken_once(lake, monkeypatch)
    build(lake, run_id="overtaken")
    assert rows(lake, "SELECT order_status, run_id FROM core.orders") == [("cancelled", "overtaken")]
    assert rows(lake, "SELECT count(*) FROM core.builds") == [(1,)]
    assert unpublished_files(lake) == []


def test_a_failing_build_changes_nothing_and_leaves_no_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    receive(lake, [kibo_order(1)])
    build(lake)
    before = content(lake)
    receive(lake, [kibo_order(1, orderStatus="CANCELED")])

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("order_pipeline.warehouse.core.publish.record_warnings", fail)
    with pytest.raises(OSError, match="disk full"):
        build(lake)
    assert content(lake) == before
    assert rows(lake, "SELECT count(*) FROM raw.stale_partitions") == [(1,)]
    assert unpublished_files(lake) == []
    monkeypatch.undo()
    build(lake)
    assert rows(lake, "SELECT order_status FROM core.orders") == [("cancelled",)]


def test_a_settled_order_that_moves_and_a_day_that_shrinks_are_warned(lake: Lake) -> None:
    receive(lake, [kibo_order(number, orderStatus="CANCELED") for number in range(1, 5)])
    build(lake)
    receive(lake, [kibo_order(1, orderStatus="READY"), *(kibo_order(number, total="bad") for number in range(2, 5))])
    warned = {warning.rule: warning for warning in build(lake).warnings}
    assert warned["status_regress"].sample == ("1: cancelled -> accepted",)
    assert warned["row_drop"].sample == ("4 -> 1",)
    assert rows(lake, "SELECT rule, occurrences FROM quarantine.warnings WHERE rule = 'row_drop'") == [("row_drop", 1)]


def test_a_source_whose_raw_table_is_not_there_yet_builds_to_nothing(lake: Lake) -> None:
    result = build(lake, date(2026, 1, 1))
    assert (result.days, result.rows["orders"]) == ((date(2026, 1, 1),), 0)
