"""Levels that contradict each other, and what nobody understands, hold an order, with the values, at every channel."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import (
    build_picks,
    exceptions,
    holds,
    picks,
    scansource_line,
    scansource_records,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json

CONTRADICTORY, UNKNOWN = "contradictory_levels", "unknown_status"


def item(number: int, sku: str = "A", **changes: Any) -> dict[str, Any]:
    return kibo_item(number, sku=sku, **changes)


def listed(number: str, detail: dict[str, Any], *lines: dict[str, Any], **row: Any) -> list[Record]:
    """An order of which the list says something else than the detail; `detail`: its line there."""
    records = {record.resource: record for record in scansource_records(number, detail)}
    document = json.loads(records["order_rows"].payload) | row | ({"SalesOrderLines": [*lines]} if lines else {})
    return [*(records | {"order_rows": Record(f"1000:{number}", as_json(document), "order_rows")}).values()]


def ready(number: int, **changes: Any) -> Record:
    """An order with one shipment READY of one item NORMAL."""
    shipment = kibo_shipment(number * 10, item(number * 100))
    return Record(str(number), as_json(kibo_order(number, shipment, **changes)))


KIBO = [
    (ready(1, orderStatus="CANCELED"), CONTRADICTORY, "order CANCELED, shipment 10 READY, item A NORMAL"),
    (ready(2, orderStatus="cancelled"), CONTRADICTORY, "order cancelled, shipment 20 READY"),
    (ready(3, orderStatus="FULFILLED"), UNKNOWN, "order status FULFILLED"),
    (ready(4, orderStatus="BACKORDER"), CONTRADICTORY, "order BACKORDER, shipment 40 READY"),
    (ready(5, orderItems=[item(500, itemState="CANCELED")]), CONTRADICTORY, "item A CANCELED on the order"),
    (ready(6, orderItems=[item(600, "B")]), CONTRADICTORY, "item B NORMAL on the order, item A NORMAL in shipment 60"),
    (ready(7, orderItems=[item(700)]), None, ""),
    (
        Record(
            "8", as_json(kibo_order(8, kibo_shipment(80, item(800, quantity=2, subtotal=20)), orderItems=[item(800)]))
        ),
        CONTRADICTORY,
        "item A: 1 ordered, 2 in shipments",
    ),
    (ready(9, fraudLock="perhaps"), "fraud_locked", "fraudLock perhaps"),
    (ready(10, orderStatus="AVAILABLE"), None, ""),
]
SCANSOURCE = [
    (
        scansource_records("1", scansource_line(10), Status="Cancelled"),
        CONTRADICTORY,
        "order Cancelled, and 2 of item A",
    ),
    (scansource_records("2", scansource_line(10), Status="Completely Shipped"), CONTRADICTORY, "Completely Shipped"),
    (scansource_records("3", scansource_line(10), Status="Something New"), UNKNOWN, "order status Something New"),
    (scansource_records("4", scansource_line(10, RejectReason="Obsolete")), CONTRADICTORY, "line rejected: Obsolete"),
    (scansource_records("5", scansource_line(10, Shipped=1)), CONTRADICTORY, "2 ordered, 0 cancelled, 1 shipped"),
    (scansource_records("6", scansource_line(10), shipped=2), CONTRADICTORY, "0 shipped by the line, 2 by deliveries"),
    (scansource_records("7", scansource_line(10, Ordered=4, Shipped=2), shipped=2), None, ""),
    (listed("11", scansource_line(10), Status="Cancelled"), CONTRADICTORY, "order Open, but the list says Cancelled"),
    (listed("12", scansource_line(10), Status="Odd"), CONTRADICTORY, "order Open, but the list says Odd"),
    (listed("13", scansource_line(10), Status=" OPEN "), None, ""),
    (
        listed("14", scansource_line(10), scansource_line(10, Committed=0, Canceled=2)),
        CONTRADICTORY,
        "the list says 0 committed, 0 shipped, 2 cancelled, and 2 of item A (line 10) are committed",
    ),
    (
        listed("15", scansource_line(10), scansource_line(10), scansource_line(20, "B")),
        CONTRADICTORY,
        "order Open, but the list has line 20, which the detail lacks",
    ),
    (listed("16", scansource_line(10), scansource_line(10.0), scansource_line(20, Committed=0)), None, ""),
]
SKROUTZ = [
    (skroutz_record("S1", skroutz_line(1, return_reason="faulty")), CONTRADICTORY, "returned: faulty"),
    (skroutz_record("S2", skroutz_line(1, rejection_reason="no_stock"), skroutz_line(2)), CONTRADICTORY, "no_stock"),
    (
        skroutz_record("S3", skroutz_line(1), rejection_info={"reason": "closed", "actor": "merchant"}),
        CONTRADICTORY,
        "order accepted, with a reason for its rejection",
    ),
    (skroutz_record("S4", skroutz_line(1)), None, ""),
]
FLAGS = {
    "kibo": [ready(30 + place, isTestOrder=value) for place, value in enumerate(["yes", 1, "Y", "0"])],
    "skroutz": [
        skroutz_record(f"F{place}", skroutz_line(1), fulfilled_by_skroutz=value)
        for place, value in enumerate(["yes, by Skroutz", 1, "Y", "no"])
    ],
}
TEST_FLAGS = [
    Record(str(number), as_json(kibo_order(number, kibo_shipment(number * 10, item(number * 100), isTestOrder=flag))))
    for number, flag in ((40, True), (41, False))
]
CASES = [
    *((("kibo", case[0].record_id), *case[1:]) for case in KIBO),
    *((("scansource", case[0][0].record_id.split(":")[1]), *case[1:]) for case in SCANSOURCE),
    *((("skroutz", case[0].record_id), *case[1:]) for case in SKROUTZ),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_lake_with_marts: Callable[[Path], Lake]) -> Iterator[Lake]:
    lake = new_lake_with_marts(tmp_path_factory.mktemp("contradictions"))
    build_picks(lake, "kibo", [*(case[0] for case in KIBO), *FLAGS["kibo"], *TEST_FLAGS])
    build_picks(lake, "scansource", [record for case in SCANSOURCE for record in case[0]])
    build_picks(lake, "skroutz", [*(case[0] for case in SKROUTZ), *FLAGS["skroutz"]])
    yield lake
    lake.close()


@pytest.mark.parametrize(("order", "reason", "detail"), CASES, ids=str)
def test_contradictory_levels_and_unknown_values_are_held_with_the_values(
    lake: Lake, order: tuple[str, str], reason: str | None, detail: str
) -> None:
    channel, number = order
    found = [pick for pick in picks(lake, number) if pick["source"] == channel]
    assert found
    assert {pick["hold_reason"] for pick in found} == {reason}
    assert all(detail in (pick["hold_detail"] or "") for pick in found)


def test_a_shipment_of_a_test_in_an_order_that_is_none_is_an_exception(lake: Lake) -> None:
    assert holds(lake, "40") == set()
    detail = "is_test = false on the order, true on a shipment"
    assert ("reject", "bad_json", detail) in exceptions(lake, "40")
    assert holds(lake, "41") == {None}


@pytest.mark.parametrize(
    ("number", "field"),
    [
        *((record.record_id, "is_test") for record in FLAGS["kibo"]),
        *((record.record_id, "fulfilled_by_skroutz") for record in FLAGS["skroutz"]),
    ],
)
def test_a_flag_that_is_not_understood_is_an_exception_with_its_value(lake: Lake, number: str, field: str) -> None:
    assert holds(lake, number) == set()
    ((kind, reason, detail), *_) = [found for found in exceptions(lake, number) if found[2].startswith(field)]
    assert (kind, reason) == ("reject", "bad_json")
    assert detail.removeprefix(f"{field} = ") in {"yes", "1", "Y", "0", "yes, by Skroutz", "no"}
