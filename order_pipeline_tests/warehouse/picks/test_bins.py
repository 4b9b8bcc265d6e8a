"""Where an item lies at the floor that picks it: the first bin is the one to go to, the others are named."""

from __future__ import annotations

from typing import Any

import pytest

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.picking.planning.pick_lines import build_payload, pick_line_from_row
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import build_picks, picks
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json

pytestmark = pytest.mark.costly

FLOORS = ("main", "north")
LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name,floor,priority
kibo,A,111,B-2,,,,2
kibo,A,111,B-10,,Brass kettle,,10
kibo,A,,B-1,MAIN,Kettle,,1
kibo,A,111,N-1,NORTH,,north,
kibo,B,222,N-2,NORTH,,north,
kibo,C,333,C-1,,,,
"""


def record(number: int, sku: str, location: str) -> Record:
    item = kibo_item(number * 10, sku=sku)
    return Record(str(number), as_json(kibo_order(number, kibo_shipment(number * 10, item, assignedLocation=location))))


def only(lake: Lake, number: str) -> dict[str, Any]:
    (pick,) = picks(lake, number)
    return pick


def test_each_floor_has_its_bins_and_the_first_one_is_scanned_for(lake: Lake) -> None:
    records = [
        record(number, sku, place)
        for number, (sku, place) in enumerate(
            [("A", "1"), ("A", "2"), ("B", "1"), ("B", "2"), ("C", "1"), ("C", "2")], 1
        )
    ]
    build_picks(lake, "kibo", records, {"locations": {"kibo": {"1": "main", "2": "north"}}})
    path = lake.settings.data_dir / "bins.csv"
    path.write_text(LOCATIONS, encoding="utf-8")
    assert load_item_locations(lake, path, floors=FLOORS, accept_fewer=True).rows == 6

    first = only(lake, "1")
    places = [first[name] for name in ("floor", "barcode", "bin_location", "further_bins", "warehouse", "product_name")]
    assert places == ["main", "111", "B-1", "B-2, B-10", "MAIN", "Kettle"]
    at_north = only(lake, "2")
    assert (at_north["bin_location"], at_north["further_bins"], at_north["barcode"]) == ("N-1", None, "111")
    lies_elsewhere = only(lake, "3")
    assert (lies_elsewhere["hold_reason"], lies_elsewhere["hold_detail"]) == (
        "no_location",
        "item B has no bin location",
    )
    assert (only(lake, "4")["bin_location"], only(lake, "4")["hold_reason"]) == ("N-2", None)
    assert [only(lake, number)["bin_location"] for number in ("5", "6")] == ["C-1", "C-1"], "no floor is every floor"

    payload = build_payload(pick_line_from_row(first), ScanOrdersSettings())
    assert (payload["binloc"], payload["productname"]) == ("B-1", "Kettle (also in B-2, B-10)")
