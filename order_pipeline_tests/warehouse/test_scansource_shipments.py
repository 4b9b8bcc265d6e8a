"""What ScanSource shipped: deliveries, parcels and serials from the places that name them, joined by line number."""

from datetime import date

import pytest

from order_pipeline_tests.warehouse.scansource_staging import ORDER_ID, Records, delivery, detail, line, stage


def test_an_item_on_two_lines_is_joined_by_line_number_never_by_item():
    items = [
        {"DeliveryDocumentLineNumber": 10, "OrderLineNumber": 20, "ItemNumber": "SKU-1", "QuantityShipped": 5},
        {"DeliveryDocumentLineNumber": 20, "OrderLineNumber": "000010", "ItemNumber": "SKU-1", "QuantityShipped": 1},
    ]
    order = detail(
        line(10, Ordered=1, Shipped=1), line(20, Ordered=5, Shipped=5), Deliveries=[delivery(LineItems=items)]
    )
    rows = stage(Records().add_order(order))
    shipped = {row["line_id"]: row["quantity_shipped"] for row in rows["shipment_lines"]}
    assert shipped == {f"{ORDER_ID}:20": 5, f"{ORDER_ID}:10": 1}
    assert shipped == {row["line_id"]: row["quantity_shipped"] for row in rows["order_lines"]}


def test_a_tracking_number_of_the_order_alone_goes_to_one_derived_shipment():
    parcels = [{"CartonNumber": "1", "TrackingNumber": "1ZA", "Weight": 2.5, "WeightUOM": "LB"}]
    order = detail(line(10), TrackingNumbers=["1ZC", "1ZA", "1ZB"], Deliveries=[delivery(Parcels=parcels)])
    rows = stage(Records().add_order(order))
    assert {row["shipment_number"]: row["is_derived"] for row in rows["shipments"]} == {
        "8001": False,
        "unassigned": True,
    }
    where = {row["tracking_number"]: row["shipment_id"].split(":")[-1] for row in rows["parcels"]}
    assert where == {"1ZA": "8001", "1ZB": "unassigned", "1ZC": "unassigned"}
    assert {row["parcel_id"] for row in rows["parcels"]} >= {f"{ORDER_ID}:8001:1/1ZA", f"{ORDER_ID}:unassigned:-/1ZB"}
    assert next(row["weight_uom"] for row in rows["parcels"] if row["weight"]) == "LB"


def test_the_tracking_operation_adds_the_ship_method_and_deliveries_that_the_detail_lacks():
    parcels = [{"CartonNumber": "1", "TrackingNumber": "1ZA"}]
    order = detail(line(10), TrackingNumbers=["1ZA", "1ZB"], Deliveries=[delivery("0008001", Parcels=parcels)])
    deliveries = [
        {
            "DeliveryNumber": "8001",
            "ShipMethod": "Ground",
            "TrackingNumbers": [{"Carrier": "UPS", "TrackingNumber": "1ZA"}],
        },
        {
            "DeliveryNumber": "8002",
            "ShipDate": "1/7/2026",
            "TrackingNumbers": [{"Carrier": "UPS", "TrackingNumber": "1ZB"}],
        },
    ]
    tracking = {"Orders": [{"OrderNumber": "41", "Deliveries": deliveries}]}
    rows = stage(Records().add_order(order).add("order_tracking", "41", tracking))
    assert {row["shipment_number"]: row["ship_method"] for row in rows["shipments"]} == {
        "0008001": "Ground",
        "8002": None,
    }
    assert {row["shipped_on"] for row in rows["shipments"]} == {date(2026, 1, 6), date(2026, 1, 7)}
    assert {row["tracking_number"] for row in rows["parcels"]} == {"1ZA", "1ZB"}
    assert len(rows["parcels"]) == 2


@pytest.mark.parametrize("missing", [{}, {"Deliveries": None, "TrackingNumbers": None}, {"Deliveries": []}])
def test_absent_null_and_empty_deliveries_are_the_same(missing):
    rows = stage(Records().add_order(detail(line(10), **missing)))
    assert rows["shipments"] == rows["parcels"] == rows["shipment_lines"] == []
    assert not rows["orders"][0]["faults"]


def test_serials_are_the_union_of_three_places_with_where_each_was_seen():
    units = [
        {"CartonNumber": "1", "SerialNumber": "S1", "MACAddress": "00:15", "MACAddressUnformatted": "0015"},
        {"CartonNumber": "1", "SerialNumber": None},
    ]
    items = [{"DeliveryDocumentLineNumber": 10, "OrderLineNumber": 10, "LineItemDetails": units}]
    order = detail(line(10, SerialNumbers=["S1", "S2"]), Deliveries=[delivery(LineItems=items)])
    billed = {"OrderLineNumber": "000010", "InvoiceNumber": "9001", "BillingDate": "2024-04-25T15:03:40.7027818-04:00"}
    serials = [billed | {"SerialNumber": "S1 "}, billed | {"SerialNumber": "S3", "OrderLineNumber": None}]
    rows = stage(Records().add_order(order).add("order_serials", "41", serials), "serial_numbers")["serial_numbers"]
    seen = {(row["line_key"], row["serial_number"]): row["seen_in"] for row in rows}
    assert seen == {
        ("10", "S1"): ["delivery", "order_line", "serials"],
        ("10", "S2"): ["order_line"],
        ("-", "S3"): ["serials"],
    }
    first = next(row for row in rows if row["serial_number"] == "S1")
    assert (first["mac_address"], first["carton_number"], first["invoice_number"]) == ("0015", "1", "9001")
    assert first["billed_on"] == date(2024, 4, 25)
