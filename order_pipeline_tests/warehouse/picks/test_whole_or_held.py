"""An order goes whole or is held whole, decided over all its lines that are not cancelled, at every channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import (
    build_picks,
    deploy_marts,
    holds,
    picks,
    scansource_line,
    scansource_records,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json


def item(number: int, sku: str = "A", **changes: Any) -> dict[str, Any]:
    return kibo_item(number, sku=sku, **changes)


def kibo_record(number: int, *shipments: dict[str, Any], **changes: Any) -> Record:
    return Record(str(number), as_json(kibo_order(number, *shipments, **changes)))


TRACKED = [{"trackingNumber": "1Z", "carrierType": "UPS"}]

KIBO: dict[str, tuple[Record, str | None, str]] = {
    "all is normal": (kibo_record(1, kibo_shipment(10, item(100), item(101, "B"))), None, ""),
    "an item is backordered": (
        kibo_record(2, kibo_shipment(20, item(200), item(201, "B", itemState="BACKORDERED"))),
        "line_not_ready",
        "item B (line 201) is BACKORDERED in shipment 20, which is READY",
    ),
    "an item has no state": (
        kibo_record(3, kibo_shipment(30, item(300), item(301, "B", itemState=None))),
        "line_not_ready",
        "item B (line 301) is without a state",
    ),
    "an item is cancelled": (
        kibo_record(4, kibo_shipment(40, item(400), item(401, "B", itemState="CANCELED"))),
        None,
        "",
    ),
    "another shipment is backordered": (
        kibo_record(5, kibo_shipment(50, item(500)), kibo_shipment(51, item(501, "B"), shipmentStatus="BACKORDER")),
        "line_not_ready",
        "item B (line 501) is in shipment 51, which is BACKORDER",
    ),
    "another shipment is in a state that nobody knows": (
        kibo_record(6, kibo_shipment(60, item(600)), kibo_shipment(61, item(601, "B"), shipmentStatus="PULLED")),
        "unknown_status",
        "item B (line 601) is in shipment 61, which is PULLED",
    ),
    "another shipment is cancelled": (
        kibo_record(7, kibo_shipment(70, item(700)), kibo_shipment(71, item(701, "B"), shipmentStatus="CANCELLED")),
        None,
        "",
    ),
    "another shipment has left": (
        kibo_record(
            8,
            kibo_shipment(80, item(800)),
            kibo_shipment(81, item(801, "B"), shipmentStatus="GONE", trackingInformation=TRACKED),
        ),
        None,
        "",
    ),
    "an item of the order is in no shipment": (
        kibo_record(9, kibo_shipment(90, item(900)), orderItems=[item(900), item(901, "B")]),
        "line_not_ready",
        "item B (line 901): 1 of 1 pieces are in no shipment",
    ),
    "pieces of an item are in no shipment": (
        kibo_record(10, kibo_shipment(100, item(1000)), orderItems=[item(1000, quantity=3, subtotal=30)]),
        "line_not_ready",
        "item A (line 1000): 2 of 3 pieces are in no shipment",
    ),
    "a shipment whose items are all cancelled is in nobody's way": (
        kibo_record(11, kibo_shipment(110, item(1100)), kibo_shipment(111, item(1101, itemState="CANCELED"))),
        None,
        "",
    ),
    "a shipment READY without any item": (
        kibo_record(12, kibo_shipment(120, item(1200)), kibo_shipment(121)),
        "nothing_to_pick",
        "shipment 121 is READY and has nothing to pick",
    ),
}

SCANSOURCE: dict[str, tuple[list[Record], str | None, str]] = {
    "all is committed": (scansource_records("1", scansource_line(10), scansource_line(20, "B")), None, ""),
    "a line is backordered": (
        scansource_records("2", scansource_line(10), scansource_line(20, "B", Committed=0, BackOrdered=2)),
        "line_not_ready",
        "item B (line 20): 0 of 2 pieces still to come are committed",
    ),
    "a line is committed in part": (
        scansource_records("3", scansource_line(10, Ordered=5, Committed=3, BackOrdered=2)),
        "line_not_ready",
        "item A (line 10): 3 of 5 pieces still to come are committed",
    ),
    "the rest was shipped or cancelled": (
        scansource_records(
            "4",
            scansource_line(10, Ordered=5, Shipped=2, Canceled=1),
            scansource_line(20, "B", Committed=0, Shipped=2),
            scansource_line(30, "C", Committed=0, Canceled=2),
            Status="Partially Shipped",
        ),
        None,
        "",
    ),
}

SKROUTZ: dict[str, tuple[Record, str | None, str]] = {
    "all is accepted": (skroutz_record("S1", skroutz_line(1), skroutz_line(2, "B")), None, ""),
    "a line is rejected": (
        skroutz_record("S2", skroutz_line(1), skroutz_line(2, "B", rejection_reason="no_stock")),
        "contradictory_levels",
        "order accepted, item B (line l2) rejected: no_stock",
    ),
}

CASES = {
    **{("kibo", name): (str(case[0].record_id), *case[1:]) for name, case in KIBO.items()},
    **{("scansource", name): (case[0][0].record_id.split(":")[1], *case[1:]) for name, case in SCANSOURCE.items()},
    **{("skroutz", name): (case[0].record_id, *case[1:]) for name, case in SKROUTZ.items()},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_lake_with_marts: Callable[[Path], Lake]) -> Iterator[Lake]:
    lake = new_lake_with_marts(tmp_path_factory.mktemp("whole-or-held"))
    build_picks(lake, "kibo", [case[0] for case in KIBO.values()])
    build_picks(lake, "scansource", [record for case in SCANSOURCE.values() for record in case[0]])
    build_picks(lake, "skroutz", [case[0] for case in SKROUTZ.values()])
    yield lake
    lake.close()


@pytest.mark.parametrize(("channel", "name"), CASES)
def test_an_order_goes_whole_or_is_held_with_a_reason_that_names_what_is_missing(
    lake: Lake, channel: str, name: str
) -> None:
    number, reason, detail = CASES[channel, name]
    found = [pick for pick in picks(lake, number) if pick["source"] == channel]
    assert found
    assert {pick["hold_reason"] for pick in found} == {reason}
    assert all(detail in (pick["hold_detail"] or "") for pick in found)


def test_a_hold_says_whether_it_is_the_line_s_own_or_its_order_s(lake: Lake) -> None:
    assert [pick["hold_scope"] for pick in picks(lake, "5") if pick["source"] == "kibo"] == ["order"]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("variables", "number", "held"),
    [
        ({"kibo_pick_whole": "shipment"}, "5", {None}),
        pytest.param({"kibo_pick_whole": "shipment"}, "2", {"line_not_ready"}, marks=pytest.mark.slow),
        ({"scansource_pick_whole": "committed"}, "3", {None}),
    ],
)
def test_a_setting_lets_parts_of_an_order_go(
    lake: Lake, variables: dict[str, str], number: str, held: set[str | None]
) -> None:
    deploy_marts(lake, variables)
    channel = "kibo" if "kibo_pick_whole" in variables else "scansource"
    assert {pick["hold_reason"] for pick in picks(lake, number) if pick["source"] == channel} == held
    deploy_marts(lake)
    assert holds(lake, "3") == {"line_not_ready"}
