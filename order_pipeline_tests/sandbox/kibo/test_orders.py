"""The Kibo fake's orders: the documented shape, the same for a seed, every awkward case present, money that adds up."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from order_pipeline.sandbox.kibo.orders import ORDERS_A_DAY, draw_day
from order_pipeline.sandbox.kibo.payload import render
from order_pipeline.sandbox.kibo.values import PayloadSwitches
from order_pipeline.sandbox.shared.catalogue import catalogue

DAY = date(2026, 1, 10)
NOW = datetime(2026, 1, 15, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "fixtures" / "kibo" / "seed_sample_repaired.json"


@pytest.fixture(scope="module")
def drawn():
    return draw_day(7, DAY, 1500)


def payloads(drawn, now=NOW, **switches):
    written = PayloadSwitches(**switches)
    return [json.loads(render(order, now, written), parse_float=Decimal) for order in drawn]


@pytest.fixture(scope="module")
def orders(drawn):
    return payloads(drawn)


def shipments(orders):
    return [shipment for order in orders for shipment in order.get("shipments", [])]


def items(orders):
    return [item for shipment in shipments(orders) for item in shipment["items"]]


@pytest.mark.costly
def test_the_same_seed_and_day_give_the_same_bytes_and_another_seed_does_not(drawn):
    written = PayloadSwitches()
    again = [render(order, NOW, written) for order in draw_day(7, DAY, 1500)]
    assert again == [render(order, NOW, written) for order in drawn]
    assert again != [render(order, NOW, written) for order in draw_day(8, DAY, 1500)]


def test_records_have_the_keys_of_the_documented_sample_and_a_few_that_are_unknown(orders):
    sample = json.loads(SAMPLE.read_text())["collection"]
    order_keys, shipment_keys, item_keys = set(sample[0]), set(shipments(sample)[0]), set(items(sample)[0])
    assert (len(order_keys), len(shipment_keys), len(item_keys)) == (37, 36, 23)
    assert all(not order_keys - set(order) - {"shipments"} for order in orders)
    assert {key for order in orders for key in set(order) - order_keys - {"orderItems"}} == {"loyaltyTier"}
    assert all(set(shipment) - {"trackingInformation"} == shipment_keys for shipment in shipments(orders))
    assert all(set(item) == item_keys for item in items(orders))
    address = set(sample[0]["shippingAddressInformation"])
    assert all(set(order["shippingAddressInformation"]) == address for order in orders)
    assert all(set(order["customer"]) == set(sample[0]["customer"]) for order in orders)


def test_every_awkward_case_is_there(orders):
    statuses = {order["orderStatus"] for order in orders}
    assert {"READY", "BACKORDER", "CANCELED", "HANDED_OVER"} <= statuses
    assert {"READY", "BACKORDER", "CANCELLED"} <= {shipment["shipmentStatus"] for shipment in shipments(orders)}
    assert {len({item["orderItemID"] for s in o.get("shipments", []) for item in s["items"]}) for o in orders} >= set(
        range(1, 9)
    )
    assert max(len(order.get("shipments", [])) for order in orders) >= 2
    assert any(order["isTestOrder"] for order in orders)
    assert any(order["shippingAddressInformation"]["fraudLock"] for order in orders)
    assert any(order["fraudLock"] != "WILL_CHARGE" for order in orders)
    assert any(item["itemState"] == "CANCELED" for item in items(orders))
    assert any(item["quantity"] > 1 for item in items(orders))
    assert {order["orderCurrency"] for order in orders} == {"USD", "CAD", "EUR"}
    assert {type(order["total"]) for order in orders} == {int, Decimal}
    assert all(item["orderItemID"] > 2**31 for item in items(orders))


def test_one_article_can_stand_on_two_lines_and_one_line_in_two_shipments(orders):
    def lines(order):
        return {(i["orderItemID"], i["sku"]) for s in order.get("shipments", []) for i in s["items"]}

    assert any(len({sku for _, sku in lines(order)}) < len(lines(order)) for order in orders)
    entries = [[i["orderItemID"] for s in order.get("shipments", []) for i in s["items"]] for order in orders]
    assert any(len(set(numbers)) < len(numbers) for numbers in entries)


def test_text_is_ascii_with_entities_that_unescape_to_many_scripts(drawn, orders):
    raw = [order["shippingAddressInformation"]["lastName"] for order in orders]
    assert all(text.isascii() for text in raw)
    names = {unescape(text) for text in raw}
    assert {"Παπαδάκης", "Иванова", "Müller", "佐藤"} <= names
    assert any("&uuml;" in text for text in raw)
    assert [unescape(text) for text in raw] == [order.buyer.last_name for order in drawn]


@pytest.mark.costly
def test_an_unassigned_order_shows_its_items_on_the_order(drawn):
    early = payloads(drawn, now=drawn[40].created_at)
    unassigned = [order for order in early if not order.get("shipments")]
    assert {order["orderStatus"] for order in unassigned} == {"AVAILABLE"}
    assert all(order["orderItems"] for order in unassigned)
    assert {"shipments" in order for order in unassigned} == {True, False}


@pytest.mark.costly
def test_statuses_progress_as_time_passes(drawn):
    def left(days):
        later = payloads(drawn, now=datetime(2026, 1, 11, tzinfo=UTC) + timedelta(days=days))
        return sum(shipment["shipmentStatus"] == "HANDED_OVER" for shipment in shipments(later))

    counts = [left(days) for days in (0, 2, 5, 15)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    assert not any(
        s["shipmentStatus"] in ("READY", "BACKORDER") for s in shipments(payloads(drawn, now=NOW.replace(month=3)))
    )


@pytest.mark.parametrize("basis", ["unit", "line", "both_unit"])
def test_money_adds_up_in_every_price_basis(drawn, basis):
    for order in payloads(drawn[:300], prices=basis):
        assert order["subtotal"] + order["tax"]["totalTax"] == order["total"]
        counted = [s for s in order.get("shipments", []) if s["shipmentStatus"] != "CANCELLED"]
        if counted and len(counted) == len(order["shipments"]):
            assert sum(shipment["total"] for shipment in counted) == order["total"]
        for shipment in order.get("shipments", []):
            assert shipment["fulfillerTotal"] == shipment["total"] - shipment["shopatronTotal"]
            times = {item["orderItemID"]: item["quantity"] if basis == "both_unit" else 1 for item in shipment["items"]}
            assert shipment["subtotal"] == sum(i["subtotal"] * times[i["orderItemID"]] for i in shipment["items"])
            for item in shipment["items"]:
                assert item["subtotalGross"] == item["subtotal"] + item["subtotalTaxAmount"]
                if basis == "unit":
                    assert item["subtotal"] == item["actualPrice"] * item["quantity"] - item["lineDiscount"]
                else:
                    assert item["subtotal"] == item["actualPrice"]


@pytest.mark.parametrize(
    ("switches", "holds"),
    [
        ({"tracking": "absent"}, lambda orders: not any("trackingInformation" in s for s in shipments(orders))),
        ({"tracking": "present"}, lambda orders: any("trackingInformation" in s for s in shipments(orders))),
        ({"items_in": "orderItems"}, lambda orders: not items(orders) and all(o["orderItems"] for o in orders)),
        ({"items_in": "both"}, lambda orders: items(orders) and all(o["orderItems"] for o in orders)),
        ({"ids": "strings"}, lambda orders: all(isinstance(i["orderItemID"], str) for i in items(orders))),
        ({"spelling": "one_l"}, lambda orders: "CANCELLED" not in {s["shipmentStatus"] for s in shipments(orders)}),
        ({"spelling": "two_l"}, lambda orders: "CANCELED" not in {o["orderStatus"] for o in orders}),
        ({"shipped_status": "GONE"}, lambda orders: "GONE" in {o["orderStatus"] for o in orders}),
    ],
)
def test_switches_change_the_payload(drawn, switches, holds):
    assert holds(payloads(drawn, **switches))


def test_nearly_every_ordered_article_can_be_located(orders):
    usable = {product.sku("kibo") for product in catalogue() if product.gap == "none"}
    ordered = [item["sku"] for item in items(orders)]
    assert 0.94 < sum(sku in usable for sku in ordered) / len(ordered) < 1


def test_lean_records_are_about_as_large_as_the_documented_one():
    written = PayloadSwitches(size="lean")
    sizes = [len(render(order, NOW, written)) for order in draw_day(7, DAY, 200, "lean")]
    assert 4_500 < sum(sizes) / len(sizes) < 4_900


def test_a_day_with_more_orders_than_ids_is_refused():
    with pytest.raises(ValueError, match="at most 100,000 orders a day, and 100,001 are asked for"):
        draw_day(7, DAY, ORDERS_A_DAY + 1)
