"""marts.pick_lines for Kibo: who is picked, who is held and why; an order is whole or held."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline_tests.warehouse.kibo_orders import (
    build,
    dictionaries,
    kibo_item,
    kibo_order,
    kibo_shipment,
    project,
    receive,
    rows,
)
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name
kibo,GOOD,0001234567895,A-01,MAIN,Good thing
kibo,OTHER,4006381333931,A-02,MAIN,
kibo,BARE,,A-03,MAIN,No barcode
kibo,LOST,4006381333948,,MAIN,No place
skroutz,ELSEWHERE,4006381333931,A-04,MAIN,Of another source
"""


def good(number: int, **changes: Any) -> dict[str, Any]:
    return kibo_item(number, sku="GOOD", **changes)


ORDERS = [
    kibo_order(
        1, kibo_shipment(10, good(100, quantity=2, subtotal=20), kibo_item(101, sku="OTHER", description="Caf&eacute;"))
    ),
    kibo_order(2, kibo_shipment(20, good(200)), kibo_shipment(21, good(201), shipmentStatus="BACKORDER")),
    kibo_order(3, kibo_shipment(30, good(300), good(301, itemState="CANCELED"))),
    kibo_order(4, isTestOrder=True),
    kibo_order(5, kibo_shipment(50, good(500)), fraudLock="REVIEW"),
    kibo_order(6, kibo_shipment(60, good(600), kibo_item(601, sku="NOWHERE"))),
    kibo_order(7, kibo_shipment(70, good(700), kibo_item(701, sku="BARE"))),
    kibo_order(8, kibo_shipment(80, good(800), kibo_item(801, sku="LOST"))),
    kibo_order(9, kibo_shipment(90, good(900), kibo_item(901, sku="ELSEWHERE"))),
    kibo_order(10, kibo_shipment(100, good(1000), good(1001, quantity="two"))),
    kibo_order(11, kibo_shipment(110, good(1100, quantity=1.5, subtotal=15))),
    kibo_order(12, kibo_shipment(120, good(1200, quantity=0, subtotal=0))),
    kibo_order(13, kibo_shipment(130, good(1300)), kibo_shipment(131, good(1300), good(1301))),
    kibo_order(14, kibo_shipment(140, good(1400), shipmentStatus="SOMETHING")),
    kibo_order(15, kibo_shipment(150, good(1500)), kibo_shipment(151, good(1501), readyDate="yesterday")),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    directory: Path = tmp_path_factory.mktemp("picks")
    lake = Lake(settings_in(directory))
    migrate(lake)
    receive(lake, ORDERS)
    build(lake)
    locations = directory / "item_locations.csv"
    locations.write_text(LOCATIONS, encoding="utf-8")
    load_item_locations(lake, locations)
    lake.run("deploy", lambda connection: deploy(connection, project()))
    yield lake
    lake.close()


def picks(lake: Lake, number: int) -> list[dict[str, Any]]:
    return dictionaries(lake, f"SELECT * FROM marts.pick_lines WHERE order_number = '{number}' ORDER BY line_id")


@pytest.mark.costly
def test_a_ready_shipment_is_picked_line_by_line_from_its_locations(lake: Lake) -> None:
    first, second = picks(lake, 1)
    assert (first["pick_id"], first["shipment_id"]) == ("kibo:77:1:100:10", "kibo:77:1:10")
    assert (first["barcode"], first["bin_location"], first["quantity"]) == ("0001234567895", "A-01", Decimal(2))
    assert (first["product_name"], second["product_name"]) == ("Good thing", "Café")
    assert (first["customer_name"], first["marketplace_order_id"]) == ("Test User", "AM_0123456789_000")
    assert first["ship_to"] == "000 Test St, 00000 San Luis Obispo, CA, US"
    assert first["hold_reason"] is None


@pytest.mark.parametrize(
    ("number", "keys"), [(2, ["200"]), (3, ["300"]), (4, []), (13, ["1300", "1300", "1301"]), (14, [])]
)
def test_only_ready_shipments_and_normal_items_of_real_orders_are_candidates(
    lake: Lake, number: int, keys: list[str]
) -> None:
    assert [pick["line_id"].split(":")[-1] for pick in picks(lake, number)] == keys


@pytest.mark.parametrize(
    ("number", "reason", "detail"),
    [
        (5, "fraud_locked", "fraud"),
        (6, "unknown_item", "NOWHERE is not in reference.item_locations"),
        (7, "no_barcode", "BARE has no barcode"),
        (8, "no_location", "LOST has no bin location"),
        (9, "unknown_item", "ELSEWHERE"),
        (10, "quarantined", "bad_number on quantity_ordered"),
        (11, "fractional_quantity", "1.5"),
        (12, "no_quantity", "0.000 pieces"),
        (15, "quarantined", "bad_timestamp on ready_at"),
    ],
)
def test_an_order_with_one_unpickable_line_is_held_whole_with_the_reason(
    lake: Lake, number: int, reason: str, detail: str
) -> None:
    found = picks(lake, number)
    assert found
    assert {pick["hold_reason"] for pick in found} == {reason}
    assert all(detail in pick["hold_detail"] for pick in found)


def test_a_pick_is_there_once(lake: Lake) -> None:
    assert rows(lake, "SELECT count(*) = count(DISTINCT pick_id) FROM marts.pick_lines") == [(True,)]


def test_held_orders_and_open_rejects_stand_among_the_exceptions(lake: Lake) -> None:
    found = rows(lake, "SELECT kind, count(*) > 0 FROM marts.exceptions GROUP BY kind ORDER BY kind")
    assert ("held", True) in found
    assert ("reject", True) in found


def test_the_other_marts_answer(lake: Lake) -> None:
    assert rows(lake, "SELECT sum(orders) FROM marts.daily_orders") == [(14,)]
    (status,) = dictionaries(lake, "SELECT * FROM marts.order_status WHERE order_number = '7'")
    assert (status["order_lines"], status["pick_lines"], status["hold_reason"]) == (2, 2, "no_barcode")
    (margin,) = dictionaries(lake, "SELECT * FROM marts.order_margin WHERE order_number = '1'")
    assert (margin["net_revenue_amount"], margin["margin_before_goods_amount"]) == (Decimal(30), Decimal("28.1"))
    assert rows(lake, "SELECT count(*) FROM marts.shipment_tracking WHERE order_number = '2'") == [(2,)]
