"""An order that its channel wants picked and that has nothing to pick is an exception with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.samples import sampled
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import (
    build_picks,
    exceptions,
    mart_rows,
    picks,
    scansource_line,
    scansource_records,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json

pytestmark = pytest.mark.costly


def order(number: int, **changes: Any) -> Record:
    shipment = kibo_shipment(number * 10, kibo_item(number * 100, sku="A"))
    return Record(str(number), as_json(kibo_order(number, shipment, **changes)))


def of_items(number: int, *items: dict[str, Any], **changes: Any) -> Record:
    return Record(str(number), as_json(kibo_order(number, kibo_shipment(number * 10, *items, **changes))))


NOTHING = {
    "1": "the order is READY and has no shipment",
    "2": "the order is READY and has no shipment",
    "3": "shipment 30 is READY and has nothing to pick",
    "4": "shipment 40 is READY and has nothing to pick",
    "5": "the order is READY and has only the shipments 50 CANCELLED",
    "6": "item A (line 600) is BACKORDERED in shipment 60, which is READY",
    "7": "the order is READY and has only the shipments 70 PULLED",
    "41": "the order is Open and has no line",
    "42": "the order is Open and has only cancelled lines",
    "S1": "the order is accepted and has no line",
    "S4": "order state on_its_way is not in the seed status_mappings",
}
QUIET = ["11", "12", "13", "14", "43", "S2", "S3"]
KIBO = [
    order(1, shipments=[]),
    order(2, shipments=None),
    of_items(3),
    of_items(4, kibo_item(400, sku="A", itemState="CANCELED")),
    of_items(5, kibo_item(500, sku="A"), shipmentStatus="CANCELLED"),
    of_items(6, kibo_item(600, sku="A", itemState="BACKORDERED")),
    of_items(7, kibo_item(700, sku="A"), shipmentStatus="PULLED"),
    of_items(14, kibo_item(1400, sku="A"), shipmentStatus="GONE", trackingInformation=[{"trackingNumber": "1Z"}]),
    order(11, shipments=[], orderStatus="AVAILABLE"),
    order(12, shipments=[], orderStatus="CANCELED"),
    order(13, shipments=[], isTestOrder=True),
]
SCANSOURCE = [
    *scansource_records("41"),
    *scansource_records("42", scansource_line(10, Committed=0, Canceled=2)),
    *scansource_records("43", Status="Quotation/Sales"),
]
SKROUTZ = [
    skroutz_record("S1"),
    skroutz_record("S2", state="open"),
    skroutz_record("S3", fulfilled_by_skroutz=True),
    skroutz_record("S4", skroutz_line(1), state="on_its_way"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_lake_with_marts: Callable[[Path], Lake]) -> Iterator[Lake]:
    lake = new_lake_with_marts(tmp_path_factory.mktemp("nothing"))
    build_picks(lake, "kibo", KIBO)
    build_picks(lake, "scansource", SCANSOURCE)
    build_picks(lake, "skroutz", SKROUTZ)
    yield lake
    lake.close()


@pytest.mark.parametrize(("number", "detail"), NOTHING.items())
def test_absence_has_a_row_among_the_exceptions_and_in_the_status(lake: Lake, number: str, detail: str) -> None:
    assert picks(lake, number) == []
    assert ("nothing to pick", "nothing_to_pick", detail) in exceptions(lake, number)
    (status,) = [row for row in mart_rows(lake, "order_status") if row["order_number"] == number]
    assert (status["hold_reason"], status["hold_detail"]) == ("nothing_to_pick", detail)


@pytest.mark.parametrize(("number", "detail"), sampled(NOTHING.items(), 3))
def test_absence_has_a_sentence_in_trace(lake: Lake, number: str, detail: str) -> None:
    (story,) = tell_stories(lake.settings, number).stories
    assert story["verdict"] == f"Not picked, nothing_to_pick: {detail}."


@pytest.mark.parametrize("number", QUIET)
def test_an_order_that_nobody_wants_picked_is_no_exception(lake: Lake, number: str) -> None:
    assert "nothing to pick" not in {kind for kind, _, _ in exceptions(lake, number)}
