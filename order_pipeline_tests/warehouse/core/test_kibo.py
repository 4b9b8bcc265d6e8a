"""What becomes of Kibo orders: one build of many cases, each looked at by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.kibo_orders import (
    build,
    dictionaries,
    kibo_item,
    kibo_order,
    kibo_shipment,
    receive,
    rows,
    sample_order,
)
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

PER_LINE = {"quantity": 4, "actualPrice": 40, "subtotal": 40}
TRACKED = [
    {"trackingNumber": "1Z999", "carrierType": "UPS", "deliveryType": "Ground"},
    {"trackingNumber": "77", "carrierTypeOther": "Bike"},
]

STEP_AND_LINK = ("shipmentStateCode", "shipmentStateName", "shipmentStateType", "packingListLink")

LONG_NUMBERS = b"""{"orderID": 21, "manufacturerID": 77, "orderStatus": "READY", "orderCurrency": "USD",
    "total": 12345678901234.5678, "subtotal": 0.00005, "estimatedShipping": 1e2,
    "orderDate": "2026-01-05T10:00:00Z", "shipments": [], "extra": 1}"""

ORDERS: list[dict[str, Any] | bytes] = [
    sample_order() | {"orderID": 1, "manufacturerID": 77},
    kibo_order(2, kibo_shipment(20, kibo_item(200, quantity=3, subtotal=30))),
    kibo_order(3, kibo_shipment(30, kibo_item(300, quantity=3, subtotal=25, lineDiscount=5))),
    kibo_order(4, kibo_shipment(40, kibo_item(400, **PER_LINE), kibo_item(401))),
    kibo_order(5, kibo_shipment(50, kibo_item(500, **PER_LINE), subtotal=160)),
    kibo_order(6, kibo_shipment(60, kibo_item(600, quantity=3, subtotal=17))),
    kibo_order(
        7,
        kibo_shipment(70, kibo_item(700)),
        kibo_shipment(71, kibo_item(700, quantity=2, subtotal=20), shipmentStatus="BACKORDER"),
    ),
    kibo_order(
        8,
        kibo_shipment(80, kibo_item(800, quantity=2, subtotal=20)),
        kibo_shipment(81, kibo_item(800, quantity=5, subtotal=50), shipmentStatus="CANCELLED"),
        orderItems=[],
    ),
    kibo_order(
        9,
        kibo_shipment(90, kibo_item(900, quantity=2, subtotal=20)),
        orderItems=[kibo_item(900, quantity=6, subtotal=60), kibo_item(901)],
    ),
    kibo_order(10, kibo_shipment(100, kibo_item(1000, itemState="CANCELED"))),
    kibo_order(11, orderStatus="canceled", deliveryMethod="SHIP_TO_HOME", shipType="EXPRESS_1_DAY"),
    kibo_order(12, orderStatus="SHIPPED?", shipments=None, orderItems=[kibo_item(1200)]),
    kibo_order(13, isTestOrder=True),
    kibo_order(14, fraudLock="REVIEW"),
    kibo_order(15, fraudLock="WILL_CHARGE", shippingAddressInformation={"fraudLock": True, "lastName": "O&#39;Neil"}),
    kibo_order(16, kibo_shipment(160, kibo_item(1600, description="Caf&eacute; &amp;amp; &#x39A;&bogus; & more"))),
    kibo_order(17, kibo_shipment(170, kibo_item(1700), trackingInformation=TRACKED)),
    kibo_order(18, kibo_shipment(180, kibo_item(1800, sku="", partNumber="000777"))),
    kibo_order(19, kibo_shipment(190, kibo_item(1900)), orderDate="2026-01-05T23:30:00-0200"),
    kibo_order(20),
    LONG_NUMBERS,
    kibo_order(22, kibo_shipment(220, kibo_item(2200)), kibo_shipment(220, kibo_item(2200))),
    kibo_order(24, kibo_shipment(240, kibo_item(2400), **dict.fromkeys(STEP_AND_LINK))),
    kibo_order(23, kibo_shipment(230, kibo_item(2300)), orderCurrency="EUR", orderReferences={"unknown": []}),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, CoreResult]]:
    lake = Lake(settings_in(tmp_path_factory.mktemp("kibo")))
    migrate(lake)
    receive(lake, ORDERS)
    yield lake, build(lake)
    lake.close()


@pytest.fixture
def lake(built: tuple[Lake, CoreResult]) -> Lake:
    return built[0]


def line(lake: Lake, key: int) -> dict[str, Any]:
    (found,) = dictionaries(lake, f"SELECT * FROM core.order_lines WHERE line_key = '{key}'")
    return found


def order(lake: Lake, number: int) -> dict[str, Any]:
    (found,) = dictionaries(lake, f"SELECT * FROM core.orders WHERE order_number = '{number}'")
    return found


@pytest.mark.costly
def test_every_order_arrives_and_nothing_is_rejected(built: tuple[Lake, CoreResult]) -> None:
    lake, result = built
    assert result.rows["orders"] == len(ORDERS)
    assert (result.rejected_rows, result.rejects_by_rule) == (0, {})
    assert rows(lake, "SELECT count(*), count(DISTINCT order_id) FROM core.orders") == [(len(ORDERS), len(ORDERS))]
    assert result.rows["invoices"] == 0


def test_the_documented_sample_fills_the_columns_that_the_schema_names(lake: Lake) -> None:
    found = order(lake, 1)
    assert found["order_id"] == "kibo:77:1"
    assert found["external_reference"] == "AM_0123456789_000"
    assert (found["order_status"], found["source_status"], found["is_test"]) == ("accepted", "READY", True)
    assert found["ordered_at"] == datetime(2017, 8, 15, 22, 8, 50, tzinfo=UTC)
    assert (found["subtotal_amount"], found["tax_amount"], found["total_amount"]) == (
        Decimal("5.9900"),
        Decimal("0.4800"),
        Decimal("6.4700"),
    )
    assert (found["platform_fee_amount"], found["shipping_amount"]) == (Decimal("1.9000"), Decimal("0.0000"))
    assert (found["delivery_method"], found["ship_to_name"], found["customer_id"]) == (
        "store_pickup",
        "Test User",
        "0000001",
    )
    (shipment,) = dictionaries(lake, "SELECT * FROM core.shipments WHERE order_id = 'kibo:77:1'")
    assert (shipment["shipment_id"], shipment["shipment_status"]) == ("kibo:77:1:7654321", "ready")
    assert (shipment["tax_amount"], shipment["fulfiller_amount"]) == (Decimal("0.4800"), Decimal("4.5700"))
    assert (shipment["ship_from_code"], shipment["is_late"]) == ("0", False)
    steps = (shipment["source_state_code"], shipment["source_state_name"], shipment["source_state_type"])
    assert steps == ("4-100", "accept_order", "ISPU")
    assert shipment["packing_list_link"] == "https://www.shopatron.com/..."
    sample_line = line(lake, 0)
    assert (sample_line["unit_price"], sample_line["list_price"], sample_line["tax_rate"]) == (
        Decimal("5.9900"),
        Decimal("10.9900"),
        Decimal("0.080130"),
    )


@pytest.mark.parametrize(
    ("key", "basis", "unit_price", "line_amount"),
    [
        (2300, "unit", "10", "10"),
        (200, "unit", "10", "30"),
        (300, "unit", "10", "25"),
        (400, "line", "10", "40"),
        (500, "unit", "40", "160"),
        (600, "unknown", None, None),
    ],
)
def test_prices_are_read_per_unit_or_per_line_as_the_sums_tell(
    lake: Lake, key: int, basis: str, unit_price: str | None, line_amount: str | None
) -> None:
    found = line(lake, key)
    assert found["price_basis"] == basis
    assert found["unit_price"] == (None if unit_price is None else Decimal(unit_price))
    assert found["line_amount"] == (None if line_amount is None else Decimal(line_amount))


@pytest.mark.parametrize(
    ("key", "quantity", "amount", "status"),
    [
        (700, 3, 30, "backordered"),
        (800, 2, 20, "open"),
        (900, 6, 60, "open"),
        (901, 1, 10, "open"),
        (1000, 1, 10, "cancelled"),
        (1200, 1, 10, "open"),
        (2200, 1, 10, "open"),
    ],
)
def test_an_item_in_several_places_is_one_line(lake: Lake, key: int, quantity: int, amount: int, status: str) -> None:
    found = line(lake, key)
    assert (found["quantity_ordered"], found["line_amount"], found["line_status"]) == (quantity, amount, status)


def test_a_quantity_that_was_put_together_from_shipments_is_warned_of(built: tuple[Lake, CoreResult]) -> None:
    lake, result = built
    warned = {(warning.rule, warning.field): warning for warning in result.warnings}
    together = warned["quantity_balance", "quantity_ordered, of several shipments"]
    assert (together.occurrences, together.sample) == (2, ("kibo:77:7:700", "kibo:77:8:800"))
    places = {key: json.loads(line(lake, key)["extras"]).get("inShipments") for key in (700, 800, 900, 1000)}
    assert places == {700: 2, 800: 2, 900: None, 1000: None}


def test_a_cancelled_item_has_its_quantity_cancelled(lake: Lake) -> None:
    assert line(lake, 1000)["quantity_cancelled"] == 1
    assert line(lake, 200)["quantity_cancelled"] == 0


def test_statuses_are_matched_without_case_and_unknown_ones_are_kept_and_warned(
    built: tuple[Lake, CoreResult],
) -> None:
    lake, result = built
    assert order(lake, 11)["order_status"] == "cancelled"
    assert (order(lake, 12)["order_status"], order(lake, 12)["source_status"]) == ("unknown", "SHIPPED?")
    warned = {(warning.rule, warning.field): warning for warning in result.warnings}
    unknown = warned["unknown_status", "orders.source_status"]
    assert (unknown.occurrences, unknown.sample) == (1, ("SHIPPED?",))
    assert warned["line_price", "price_basis"].sample == ("kibo:77:6:600",)


def test_express_and_home_delivery_are_read(lake: Lake) -> None:
    found = order(lake, 11)
    assert (found["delivery_method"], found["is_express"]) == ("ship", True)


@pytest.mark.parametrize(("number", "locked"), [(2, False), (13, False), (14, True), (15, True)])
def test_a_fraud_lock_is_a_text_other_than_will_charge_or_true_in_an_address(
    lake: Lake, number: int, locked: bool
) -> None:
    assert order(lake, number)["is_fraud_locked"] is locked


def test_entities_are_decoded_once_and_unknown_ones_stay(lake: Lake) -> None:
    assert line(lake, 1600)["description"] == "Café &amp; \N{GREEK CAPITAL LETTER KAPPA}&bogus; & more"
    assert order(lake, 15)["ship_to_name"] == "O'Neil"


def test_tracking_becomes_parcels(lake: Lake) -> None:
    parcels = rows(lake, "SELECT parcel_id, carrier, tracking_type FROM core.parcels ORDER BY parcel_id")
    assert parcels == [
        ("kibo:77:17:170:-/1Z999", "UPS", "Ground"),
        ("kibo:77:17:170:-/77", "Bike", None),
    ]


def test_a_shipment_without_step_and_link_has_none(lake: Lake) -> None:
    columns = "source_state_code, source_state_name, source_state_type, packing_list_link"
    assert rows(lake, f"SELECT {columns} FROM core.shipments WHERE order_id = 'kibo:77:24'") == [(None,) * 4]


def test_a_line_without_sku_is_known_by_its_part_number(lake: Lake) -> None:
    assert line(lake, 1800)["sku"] == "000777"


def test_an_offset_without_colon_is_read_as_utc(lake: Lake) -> None:
    assert order(lake, 19)["ordered_at"] == datetime(2026, 1, 6, 1, 30, tzinfo=UTC)


def test_long_amounts_are_exact_and_small_ones_are_rounded_half_to_even(lake: Lake) -> None:
    found = order(lake, 21)
    assert found["total_amount"] == Decimal("12345678901234.5678")
    assert found["subtotal_amount"] == Decimal("0.0000")
    assert found["shipping_amount"] == 100


def test_identical_copies_are_merged(lake: Lake) -> None:
    assert rows(lake, "SELECT count(*) FROM core.shipments WHERE order_id = 'kibo:77:22'") == [(1,)]
    assert rows(lake, "SELECT count(*) FROM core.shipment_lines WHERE order_id = 'kibo:77:22'") == [(1,)]


def test_every_line_is_a_price_observation(lake: Lake) -> None:
    (price,) = dictionaries(lake, "SELECT * FROM core.prices WHERE line_id = 'kibo:77:3:300'")
    assert (price["origin"], price["requested_item"], price["requested_quantity"]) == ("order_line", "A300", 3)
    assert (price["unit_price"], price["currency"], price["as_of"].year) == (Decimal(10), "USD", 2026)
    (unknown,) = dictionaries(lake, "SELECT * FROM core.prices WHERE line_id = 'kibo:77:6:600'")
    assert (unknown["unit_price"], unknown["line_amount"]) == (None, None)


def test_each_row_names_its_raw_version_and_run(lake: Lake) -> None:
    unmatched = rows(
        lake,
        """SELECT count(*) FROM core.orders LEFT JOIN raw.kibo_orders AS raw
        ON raw.record_id = raw_record_id AND raw.content_sha256 = raw_sha256
        WHERE raw.record_id IS NULL OR orders.run_id <> 'build'""",
    )
    assert unmatched == [(0,)]


def test_the_password_and_the_coordinates_are_in_no_column_of_core(lake: Lake) -> None:
    (found,) = rows(lake, "SELECT string_agg(orders::VARCHAR, '') FROM core.orders")
    assert "*****" not in found[0]
    assert "35.2595" not in found[0]
    assert "0.1.2.3" not in found[0]
