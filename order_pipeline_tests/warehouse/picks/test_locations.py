"""Our floor picks at the locations that settings name; what is somebody else's is neither picked nor held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.story.tell import tell_stories
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import dictionaries, kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import (
    build_picks,
    deploy_marts,
    exceptions,
    picks,
    scansource_line,
    scansource_records,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json

NORTH, SOUTH = "110452", "110460"


def kibo(number: int, *shipments: dict[str, Any]) -> Record:
    return Record(str(number), as_json(kibo_order(number, *shipments)))


def shipment(number: int, location: object, sku: str = "A", **changes: Any) -> dict[str, Any]:
    item = kibo_item(number * 10, sku=sku)
    return kibo_shipment(number, item, assignedLocation=location, **changes)


ORDERS = [
    kibo(1, shipment(10, NORTH)),
    kibo(2, shipment(20, SOUTH)),
    kibo(3, shipment(30, NORTH), shipment(31, SOUTH, "B")),
    kibo(
        4,
        shipment(40, NORTH),
        kibo_shipment(41, kibo_item(410, sku="B", itemState="BACKORDERED"), assignedLocation=SOUTH),
    ),
    kibo(5, shipment(50, None)),  # it has a name, but no code
    kibo(6, shipment(60, "it's ours")),
]


@pytest.fixture(scope="module")
def lake_of_orders(
    tmp_path_factory: pytest.TempPathFactory, new_lake_with_marts: Callable[[Path], Lake]
) -> Iterator[Lake]:
    """A lake that holds `ORDERS`; each test deploys the marts with locations of its own."""
    lake = new_lake_with_marts(tmp_path_factory.mktemp("locations"))
    build_picks(lake, "kibo", ORDERS)
    yield lake
    lake.close()


def ours(*locations: str, **channels: Sequence[str]) -> Mapping[str, Any]:
    return {"locations": {"kibo": list(locations), **channels}}


def places(lake: Lake, number: str) -> list[tuple[str, str | None]]:
    """Shipment and hold reason of the order's picks."""
    return [(pick["shipment_id"].split(":")[-1], pick["hold_reason"]) for pick in picks(lake, number)]


def elsewhere(lake: Lake) -> list[tuple[str, str]]:
    rows = dictionaries(lake, "SELECT order_number, location FROM marts.picks_elsewhere ORDER BY ALL")
    return [(row["order_number"], row["location"]) for row in rows]


@pytest.mark.costly
def test_a_shipment_of_another_location_is_counted_and_neither_picked_nor_held(lake_of_orders: Lake) -> None:
    deploy_marts(lake_of_orders, ours(NORTH, "it's ours"))
    assert places(lake_of_orders, "1") == [("10", None)]
    assert places(lake_of_orders, "2") == []
    assert exceptions(lake_of_orders, "2") == []
    assert places(lake_of_orders, "3") == [("30", None)]
    assert places(lake_of_orders, "4") == [("40", None)], "what others wait for does not hold our part"
    assert places(lake_of_orders, "6") == [("60", None)], "a quote in a name is a letter"
    assert elsewhere(lake_of_orders) == [("2", SOUTH), ("3", SOUTH)]


@pytest.mark.costly
def test_a_pick_without_location_is_held_where_locations_are_named(lake_of_orders: Lake) -> None:
    deploy_marts(lake_of_orders, ours(NORTH))
    (pick,) = picks(lake_of_orders, "5")
    assert pick["hold_reason"] == "location_not_named"
    assert "ORDER_PIPELINE_KIBO__LOCATIONS" in pick["hold_detail"]


@pytest.mark.costly
def test_several_locations_of_which_none_is_named_are_held(lake_of_orders: Lake) -> None:
    deploy_marts(lake_of_orders)
    assert places(lake_of_orders, "1") == [("10", "location_not_named")]
    (pick,) = picks(lake_of_orders, "1")
    assert NORTH in pick["hold_detail"]
    assert elsewhere(lake_of_orders) == []


@pytest.mark.costly
def test_a_single_location_needs_no_setting(lake: Lake) -> None:
    build_picks(lake, "kibo", [ORDERS[0]])
    assert places(lake, "1") == [("10", None)]


@pytest.mark.costly
def test_a_shipment_with_a_name_and_no_code_is_no_second_location(lake: Lake) -> None:
    build_picks(lake, "kibo", [ORDERS[0], ORDERS[4]])
    assert places(lake, "1") == [("10", None)]


@pytest.mark.costly
def test_locations_of_others_alone_leave_the_only_other_one_to_us(lake: Lake) -> None:
    build_picks(lake, "kibo", ORDERS[:4], {"other_locations": {"kibo": [SOUTH]}})
    assert places(lake, "1") == [("10", None)]
    assert elsewhere(lake) == [("2", SOUTH), ("3", SOUTH)]


@pytest.mark.costly
def test_trace_says_which_lines_others_pick(lake_of_orders: Lake) -> None:
    deploy_marts(lake_of_orders, ours(NORTH))

    def verdict(order: str) -> str:
        (story,) = tell_stories(lake_of_orders.settings, order).stories
        return story["verdict"]

    assert verdict("2").startswith(f"Not picked by our floor: others pick 1 line at location {SOUTH}")
    assert "To be picked" in verdict("3")
    assert f"others pick 1 line at location {SOUTH}" in verdict("3")


@pytest.mark.costly
def test_skroutz_names_its_pickup_address_and_scansource_has_no_location(lake: Lake) -> None:
    orders = [
        skroutz_record(code, skroutz_line(1), pickup_address=address)
        for code, address in [("A1", "Store 1"), ("A2", "Store 2")]
    ]
    build_picks(lake, "skroutz", orders)
    build_picks(lake, "scansource", scansource_records("7", scansource_line(10)))
    assert {pick["hold_reason"] for pick in [*picks(lake, "A1"), *picks(lake, "A2")]} == {"location_not_named"}
    assert [pick["hold_reason"] for pick in picks(lake, "7")] == [None]
    deploy_marts(lake, ours(skroutz=["Store 1"]))
    assert [pick["hold_reason"] for pick in picks(lake, "A1")] == [None]
    assert picks(lake, "A2") == []
    assert elsewhere(lake) == [("A2", "Store 2")]


@pytest.mark.parametrize("location", ["a", "  a  "])
def test_a_location_is_on_one_side(location: str) -> None:
    with pytest.raises(ValueError, match="both in locations and in other_locations"):
        ChannelSettings(locations=["a"], other_locations=[location])


def floors(lake: Lake) -> dict[str, str | None]:
    """The floor of each shipment's pick."""
    rows = dictionaries(lake, "SELECT shipment_id, floor FROM marts.pick_lines")
    return {row["shipment_id"].split(":")[-1]: row["floor"] for row in rows}


@pytest.mark.costly
def test_each_location_s_picks_go_to_the_floor_that_picks_there(lake_of_orders: Lake) -> None:
    deploy_marts(lake_of_orders, {"locations": {"kibo": {NORTH: "north", SOUTH: "main"}}})
    assert floors(lake_of_orders) == {
        "10": "north",
        "20": "main",
        "30": "north",
        "31": "main",
        "40": "north",
        "50": None,
    }
    assert {pick["hold_reason"] for pick in picks(lake_of_orders, "4")} == {"line_not_ready"}, (
        "an order of two floors is one order"
    )


@pytest.mark.costly
def test_what_has_no_floor_of_its_own_goes_to_the_channel_s(lake: Lake) -> None:
    build_picks(lake, "kibo", ORDERS[:1], {"channel_floors": {"kibo": "north"}})
    assert floors(lake) == {"10": "north"}
    deploy_marts(lake, ours(NORTH))
    assert floors(lake) == {"10": "main"}
