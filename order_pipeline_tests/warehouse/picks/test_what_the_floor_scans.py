"""What is on a shelf, what is scanned of it, and what the floor is told of its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.reference.item_locations import ReferenceDataError
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import dictionaries, kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.picks.pick_lists import (
    build_picks,
    deploy_marts,
    exceptions,
    holds,
    load_locations,
    picks,
    skroutz_line,
    skroutz_record,
)
from order_pipeline_tests.warehouse.poisoned_records import Record, as_json

pytestmark = pytest.mark.costly

LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name,not_stocked
kibo,A,4006381333931,A-01,MAIN,Thing,
kibo,GIFT,,,,Gift card,yes
skroutz,A,,A-02,MAIN,Thing,no
"""


def kibo(number: int, *skus: str, **changes: Any) -> Record:
    items = [kibo_item(number * 100 + place, sku=sku) for place, sku in enumerate(skus)]
    return Record(str(number), as_json(kibo_order(number, kibo_shipment(number * 10, *items), **changes)))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_lake_with_marts: Callable[[Path], Lake]) -> Iterator[Lake]:
    lake = new_lake_with_marts(tmp_path_factory.mktemp("scans"))
    late = "2026-01-05T23:30:00+00:00"
    build_picks(lake, "kibo", [kibo(1, "A", "GIFT"), kibo(2, "GIFT"), kibo(3, "A", orderDate=late)])
    line = skroutz_line(1, ean="5200000000012")
    build_picks(lake, "skroutz", [skroutz_record("S1", line, created_at=late, express=True)])
    load_locations(lake, LOCATIONS)
    yield lake
    lake.close()


def test_the_rest_of_an_order_goes_without_what_is_no_thing_on_a_shelf(lake: Lake) -> None:
    assert [(pick["sku"], pick["hold_reason"]) for pick in picks(lake, "1")] == [("A", None)]


def test_an_order_without_any_thing_on_a_shelf_is_named_and_is_no_exception(lake: Lake) -> None:
    assert (picks(lake, "2"), exceptions(lake, "2")) == ([], [])
    (row,) = dictionaries(lake, "SELECT * FROM marts.orders_without_picks WHERE order_number = '2'")
    assert (row["reason"], row["detail"]) == ("nothing_stocked", "no thing on a shelf: item GIFT")


def test_a_mark_that_is_not_understood_refuses_the_file_with_its_line(lake: Lake) -> None:
    with pytest.raises(ReferenceDataError, match="line 3, not_stocked: 'perhaps'"):
        load_locations(lake, LOCATIONS.replace("yes", "perhaps"))


@pytest.mark.parametrize(
    ("fallback", "barcode", "held"), [("none", None, "no_barcode"), ("ean", "5200000000012", None), ("sku", "A", None)]
)
def test_by_setting_the_ean_or_the_sku_is_scanned_where_the_item_master_has_no_barcode(
    lake: Lake, fallback: str, barcode: str | None, held: str | None
) -> None:
    deploy_marts(lake, {"barcode_fallback": fallback})
    (pick,) = picks(lake, "S1")
    assert (pick["barcode"], pick["hold_reason"]) == (barcode, held)
    assert [pick["barcode"] for pick in picks(lake, "1")] == ["4006381333931"]
    deploy_marts(lake)
    assert holds(lake, "S1") == {"no_barcode"}


def test_the_floor_shows_the_day_on_the_channel_s_own_clock(lake: Lake) -> None:
    assert {pick["ordered_on"] for pick in picks(lake, "S1")} == {date(2026, 1, 6)}
    assert {pick["ordered_on"] for pick in picks(lake, "3")} == {date(2026, 1, 5)}
    deploy_marts(lake, {"kibo_timezone": "Asia/Tokyo"})
    assert {pick["ordered_on"] for pick in picks(lake, "3")} == {date(2026, 1, 6)}
    deploy_marts(lake)
    with pytest.raises(ValueError, match="no time zone"):
        KiboSettings(timezone="Athens")


def test_what_is_urgent_stands_beside_the_pick(lake: Lake) -> None:
    (pick,) = picks(lake, "S1")
    assert pick["is_express"] is True
    assert pick["ship_by_at"] is not None
