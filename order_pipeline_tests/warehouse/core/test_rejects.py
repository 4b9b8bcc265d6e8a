"""Bad input ends in quarantine with rule, field and value; the rest arrives; a corrected version heals it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.core.quarantine import close_rejects
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.kibo_orders import (
    DAY,
    build,
    dictionaries,
    kibo_item,
    kibo_order,
    kibo_shipment,
    receive,
    rows,
)
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

Case = tuple[str, dict[str, Any] | bytes, set[tuple[str, str, str, str | None]]]


def with_item(number: int, **changes: Any) -> dict[str, Any]:
    return kibo_order(
        number, kibo_shipment(number * 10, kibo_item(number * 100, **changes), kibo_item(number * 100 + 1))
    )


def with_shipment(number: int, **changes: Any) -> dict[str, Any]:
    return kibo_order(number, kibo_shipment(number * 10, kibo_item(number * 100), **changes))


def rejected_with_children(rule: str, field: str, value: str | None) -> set[tuple[str, str, str, str | None]]:
    return {("orders", rule, field, value)}


CASES: list[Case] = [
    (
        "a quantity in words",
        with_item(1, quantity="two"),
        {
            ("order_lines", "bad_number", "quantity_ordered", "two"),
            ("shipment_lines", "bad_number", "quantity_ordered", "two"),
        },
    ),
    (
        "no quantity",
        with_item(2, quantity=None),
        {("order_lines", "bad_number", "quantity_ordered", None)},
    ),
    (
        "a negative quantity",
        with_item(3, quantity=-1),
        {
            ("order_lines", "bad_number", "quantity_ordered", "-1.000"),
            ("shipment_lines", "bad_number", "quantity_ordered", "-1.000"),
        },
    ),
    (
        "a price beyond the schema",
        with_item(4, actualPrice=1e20),
        {("order_lines", "bad_number", "unit_price", "1e+20")},
    ),
    ("NaN as text", with_item(5, lineDiscount="NaN"), {("order_lines", "bad_number", "discount_amount", "NaN")}),
    ("no item number", with_item(6, sku="", partNumber=None), {("order_lines", "missing_sku", "sku", None)}),
    (
        "an item without id",
        with_item(7, orderItemID=None),
        {
            ("order_lines", "missing_key", "line_key", None),
            ("shipment_lines", "missing_key", "shipment_line_key", None),
        },
    ),
    (
        "one item id with two contents",
        kibo_order(8, kibo_shipment(80, kibo_item(800), kibo_item(800, quantity=2, subtotal=20))),
        {
            ("order_lines", "duplicate_key", "line_key", "800"),
            ("shipment_lines", "duplicate_key", "shipment_line_key", "kibo:77:8:80:800"),
        },
    ),
    (
        "a shipment time without offset",
        with_shipment(9, readyDate="2026-01-05T10:00:00"),
        {("shipments", "bad_timestamp", "ready_at", "2026-01-05T10:00:00")},
    ),
    (
        "a shipment without id",
        with_shipment(10, shipmentID=None),
        {("shipments", "missing_key", "shipment_number", None), ("shipment_lines", "missing_key", "shipment_id", None)},
    ),
    (
        "an order time without offset",
        kibo_order(11, orderDate="2026-01-05T10:00:00"),
        rejected_with_children("bad_timestamp", "ordered_at", "2026-01-05T10:00:00"),
    ),
    ("no order time", kibo_order(12, orderDate=None), rejected_with_children("bad_timestamp", "ordered_at", None)),
    ("a total in words", kibo_order(13, total="a lot"), rejected_with_children("bad_number", "total_amount", "a lot")),
    ("no status", kibo_order(14, orderStatus=""), rejected_with_children("missing_key", "source_status", None)),
    ("no currency", kibo_order(15, orderCurrency=None), rejected_with_children("bad_currency", "currency", None)),
    (
        "a currency in words",
        kibo_order(16, orderCurrency="dollars"),
        rejected_with_children("bad_currency", "currency", "dollars"),
    ),
    ("no manufacturer", kibo_order(17, manufacturerID=""), rejected_with_children("missing_key", "account", "")),
    (
        "a test flag in words",
        kibo_order(18, isTestOrder="maybe"),
        rejected_with_children("bad_json", "is_test", "maybe"),
    ),
    (
        "shipments as object",
        kibo_order(19) | {"shipments": {}},
        rejected_with_children("bad_json", "shipments", "OBJECT"),
    ),
    (
        "items as text",
        with_shipment(20, items="none"),
        rejected_with_children("bad_json", "shipments.items", "VARCHAR"),
    ),
    (
        "items of the order as object",
        kibo_order(21, orderItems={}),
        rejected_with_children("bad_json", "orderItems", "no list"),
    ),
    ("tax as number", kibo_order(22, tax=3), rejected_with_children("bad_json", "tax", "UBIGINT")),
    ("a cut payload", b'{"orderID": 23, "orderSta', set()),
    ("no object at all", b"[1, 2]", set()),
]
PARENT = {"parent_rejected", "missing_key", "orphan"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, CoreResult]]:
    lake = Lake(settings_in(tmp_path_factory.mktemp("rejects")))
    migrate(lake)
    receive(lake, [*(payload for _, payload, _ in CASES), kibo_order(1000)])
    yield lake, build(lake)
    lake.close()


def record_id(place: int) -> str:
    payload = CASES[place][1]
    return str(payload["orderID"]) if isinstance(payload, dict) else f"record-{place}"


@pytest.mark.parametrize("place", range(len(CASES)), ids=[name for name, _, _ in CASES])
def test_each_defect_is_named_by_table_rule_field_and_value(built: tuple[Lake, CoreResult], place: int) -> None:
    _, payload, expected = CASES[place]
    found = rows(
        built[0],
        f"SELECT table_name, rule, field, value FROM quarantine.rejects WHERE raw_record_id = '{record_id(place)}'",
    )
    own = {row for row in found if row[1] != "parent_rejected"}
    if isinstance(payload, bytes):
        assert ("orders", "bad_json", "payload") in {row[:3] for row in own}
    elif any(table == "orders" for table, *_ in expected):
        assert expected <= own
        assert all(table == "orders" or rule in PARENT or field == "currency" for table, rule, field, _ in found)
    else:
        assert own == expected


def test_the_children_of_a_rejected_order_go_with_it_and_nothing_of_it_stays(built: tuple[Lake, CoreResult]) -> None:
    lake = built[0]
    assert rows(
        lake, "SELECT DISTINCT rule FROM quarantine.rejects WHERE order_id = 'kibo:77:13' AND table_name <> 'orders'"
    ) == [("parent_rejected",)]
    for table in ("orders", "order_lines", "shipments", "shipment_lines", "prices"):
        assert rows(lake, f"SELECT count(*) FROM core.{table} WHERE order_id = 'kibo:77:13'") == [(0,)]


def test_a_rejected_line_leaves_its_order_and_the_other_lines(built: tuple[Lake, CoreResult]) -> None:
    lake = built[0]
    assert rows(lake, "SELECT count(*) FROM core.orders WHERE order_id = 'kibo:77:1'") == [(1,)]
    assert rows(lake, "SELECT line_key FROM core.order_lines WHERE order_id = 'kibo:77:1'") == [("101",)]
    assert rows(lake, "SELECT line_id FROM core.prices WHERE order_id = 'kibo:77:1'") == [("kibo:77:1:101",)]


def test_the_good_order_among_them_arrives_whole(built: tuple[Lake, CoreResult]) -> None:
    lake = built[0]
    assert rows(lake, "SELECT count(*) FROM core.order_lines WHERE order_id = 'kibo:77:1000'") == [(1,)]
    assert rows(lake, "SELECT count(*) FROM quarantine.rejects WHERE order_id = 'kibo:77:1000'") == [(0,)]


def test_the_result_counts_what_quarantine_holds(built: tuple[Lake, CoreResult]) -> None:
    lake, result = built
    assert rows(lake, "SELECT count(*) FROM quarantine.rejects") == [(result.quarantine.opened,)]
    by_rule = dict(rows(lake, "SELECT rule, count(*) FROM quarantine.rejects GROUP BY rule"))
    assert by_rule == result.rejects_by_rule
    assert all(
        row[0]
        for row in rows(lake, "SELECT raw_sha256 IS NOT NULL AND first_seen_at = last_seen_at FROM quarantine.rejects")
    )


@pytest.mark.costly
def test_a_corrected_version_heals_and_its_reject_is_resolved_not_deleted(lake: Lake) -> None:
    receive(lake, [with_item(1, quantity="two"), kibo_order(2)])
    build(lake, run_id="first")
    receive(lake, [with_item(1, quantity=2, subtotal=20), kibo_order(2)])
    healed = build(lake, run_id="second")
    assert (healed.quarantine.opened, healed.quarantine.still_open, healed.quarantine.resolved) == (0, 0, 2)
    assert rows(lake, "SELECT count(*) FROM core.order_lines") == [(3,)]
    assert rows(lake, "SELECT count(*), count(resolved_at) FROM quarantine.rejects") == [(2, 2)]
    receive(lake, [with_item(1, quantity="three"), kibo_order(2)])
    again = build(lake, run_id="third")
    assert (again.quarantine.opened, again.quarantine.resolved) == (2, 0)
    reopened = dictionaries(lake, "SELECT * FROM quarantine.rejects WHERE resolved_at IS NULL")
    assert {(row["value"], row["first_seen_at"] < row["last_seen_at"]) for row in reopened} == {("three", True)}


@pytest.mark.costly
def test_a_standing_reject_keeps_when_it_was_first_seen(lake: Lake) -> None:
    receive(lake, [with_item(1, quantity="two")])
    build(lake)
    again = build(lake, DAY)
    assert (again.quarantine.opened, again.quarantine.still_open) == (0, 2)
    assert rows(lake, "SELECT count(*) FROM quarantine.rejects WHERE first_seen_at < last_seen_at") == [(2,)]


@pytest.mark.costly
def test_a_reject_that_was_closed_opens_again_when_its_row_arrives_with_other_bytes(lake: Lake) -> None:
    receive(lake, [with_item(1, quantity="two")])
    build(lake)
    (key,) = {key for (key,) in rows(lake, "SELECT key FROM quarantine.rejects WHERE table_name = 'order_lines'")}
    assert close_rejects(lake, key, "known", "kibo") == 1
    build(lake, DAY)
    is_open = f"SELECT resolved_at IS NULL FROM quarantine.rejects WHERE key = '{key}'"
    assert rows(lake, is_open) == [(False,)]
    receive(lake, [with_item(1, quantity="three")])
    build(lake)
    assert rows(lake, is_open) == [(True,)]


def test_times_of_rejects_are_aware_and_recent(built: tuple[Lake, CoreResult]) -> None:
    ((seen,),) = rows(built[0], "SELECT max(last_seen_at) FROM quarantine.rejects")
    assert abs((datetime.now(UTC) - seen).total_seconds()) < 3600
