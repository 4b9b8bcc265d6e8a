"""Records that once stopped a channel, or passed with less than they said; each with the rejects that it must leave."""

from __future__ import annotations

from typing import Any, NamedTuple

from order_pipeline_tests.warehouse.kibo_orders import kibo_item, kibo_order, kibo_shipment
from order_pipeline_tests.warehouse.poisoned_records import as_json, scansource_order, skroutz_event

DEEP = "[" * 20_000 + "]" * 20_000


class Case(NamedTuple):
    """A payload and the (rule, field) pairs of the rejects that it must leave; none: its order arrives."""

    name: str
    payload: bytes
    rules: set[tuple[str, str]]
    resource: str = "orders"


def kibo(name: str, rules: set[tuple[str, str]], number: int, **changes: Any) -> Case:
    return Case(name, as_json(kibo_order(number) | changes), rules)


def kibo_of_item(name: str, rules: set[tuple[str, str]], number: int, **changes: Any) -> Case:
    shipment = kibo_shipment(number * 10, kibo_item(number * 100) | changes, subtotal=20)
    return Case(name, as_json(kibo_order(number, shipment)), rules)


def kibo_of_shipment(name: str, rules: set[tuple[str, str]], number: int, **changes: Any) -> Case:
    return Case(
        name, as_json(kibo_order(number, kibo_shipment(number * 10, kibo_item(number * 100), **changes))), rules
    )


def skroutz(name: str, rules: set[tuple[str, str]], code: str, **changes: Any) -> Case:
    return Case(name, as_json(skroutz_event(code, **changes)), rules)


def skroutz_of_line(name: str, rules: set[tuple[str, str]], code: str, **changes: Any) -> Case:
    event = skroutz_event(code)
    event["order"]["line_items"][0] |= changes
    return Case(name, as_json(event), rules)


def scansource(name: str, rules: set[tuple[str, str]], resource: str, answer: Any) -> Case:
    return Case(name, answer if isinstance(answer, bytes) else as_json(answer), rules, resource)


def bad(*fields: str) -> set[tuple[str, str]]:
    return {("bad_json", field) for field in fields}


def bad_number(field: str) -> set[tuple[str, str]]:
    return {("bad_number", field)}


ADDRESS = scansource_order("1")["order_rows"]["ShippingAddress"]
ROW = scansource_order("41")["order_rows"]
DETAIL = scansource_order("41")["order_details"]
LINE = DETAIL["SalesOrderLines"][0]
LARGEST, MOST = 99999999999999.99, 999999999999999

KIBO: list[Case] = [
    kibo("items of the order as a text like a list", bad("orderItems"), 1, orderItems="[x"),
    kibo("items of the order as a list in a text", bad("orderItems"), 2, orderItems="[]"),
    kibo_of_shipment(
        "tracking as a text like a list", bad("shipments.trackingInformation"), 3, trackingInformation="[x"
    ),
    kibo("an address that is a text", bad("shippingAddressInformation"), 4, shippingAddressInformation="x"),
    kibo("an address that is a number", bad("shippingAddressInformation"), 5, shippingAddressInformation=5),
    kibo("an address that is a list", bad("shippingAddressInformation"), 6, shippingAddressInformation=[]),
    kibo_of_shipment(
        "a shipment's address that is a text",
        bad("shipments.shippingAddressInformation"),
        7,
        shippingAddressInformation="x",
    ),
    kibo_of_item("an item number with a NUL", bad("sku"), 8, sku="A\0B"),
    kibo_of_item("an item id with a NUL", bad("line_key", "shipment_line_key"), 9, orderItemID="9\0"),
    kibo_of_item("an item number that is a list", bad("sku"), 10, sku=["A1"]),
    kibo_of_item("an item number that is an object", bad("sku"), 11, sku={"value": "A1"}),
    kibo_of_item("an item number in brackets", set(), 12, sku="[A1] {blue}"),
    kibo_of_item("a description with NULs", set(), 13, description="a\0b &#0; \\u0000"),
    kibo_of_item("a price and a quantity whose product overflows", set(), 14, actualPrice=LARGEST, quantity=MOST),
    kibo_of_item("amounts whose difference overflows", set(), 15, quantity=2, actualPrice=LARGEST, subtotal=-LARGEST),
    kibo_of_shipment(
        "taxes whose sum overflows", {("bad_number", "tax_amount")}, 16, shipmentItemTax=LARGEST, shippingTax=LARGEST
    ),
    kibo(
        "a lock that is a word",
        bad("is_fraud_locked"),
        17,
        shippingAddressInformation={"fraudLock": "yes", "city": "x"},
    ),
    kibo(
        "a lock that is a number", bad("is_fraud_locked"), 18, shippingAddressInformation={"fraudLock": 1, "city": "x"}
    ),
    kibo_of_shipment(
        "a shipment's lock that is a word",
        bad("is_fraud_locked"),
        19,
        shippingAddressInformation={"fraudLock": "Y", "postalCode": "1"},
    ),
    kibo("a test flag that is a number", bad("is_test"), 20, isTestOrder=1),
    kibo("a gift flag that is a word", bad("is_gift"), 21, isGift="Y"),
    kibo("a time of year 1", {("bad_timestamp", "ordered_at")}, 22, orderDate="0001-01-01T00:00:00+14:00"),
    kibo("a time of 2062", {("bad_timestamp", "ordered_at")}, 23, orderDate="2062-01-05T10:00:00+00:00"),
    kibo("a time of 1999", {("bad_timestamp", "ordered_at")}, 24, orderDate="1999-12-31T23:59:59+00:00"),
    kibo("a time of year 9999", {("bad_timestamp", "ordered_at")}, 25, orderDate="9999-12-31T23:59:59-14:00"),
    kibo("a time of a negative year", {("bad_timestamp", "ordered_at")}, 26, orderDate="-0001-01-05T10:00:00Z"),
    Case(
        "very deep nesting", as_json(kibo_order(27)).replace(b'"customData":{}', f'"customData":{DEEP}'.encode()), set()
    ),
    Case(
        "a lone surrogate",
        as_json(kibo_order(28)).replace(b'"orderState":"', b'"orderState":"\\ud800'),
        {
            ("bad_json", "payload"),
            ("bad_timestamp", "ordered_at"),
            ("missing_key", "order_number"),
            ("missing_key", "account"),
            ("missing_key", "source_status"),
        },
    ),
    Case(
        "a shipment that is no object",
        as_json(kibo_order(29) | {"shipments": [5]}),
        bad("shipments[]") | {("missing_key", "shipment_number")},
    ),
    kibo_of_item("a text of a megabyte", set(), 30, description="x" * 1_000_000),
    kibo_of_item("a quantity that rounding makes whole", bad_number("quantity_ordered"), 31, quantity=1.9999),
    kibo_of_item("a quantity with an exponent", set(), 32, quantity=1e1, subtotal=100),
    kibo_of_item("a quantity of forty digits", bad_number("quantity_ordered"), 33, quantity=10**40),
    kibo_of_item("a quantity below nothing", bad_number("quantity_ordered"), 34, quantity=-2),
    kibo_of_shipment("a location that is a list", bad("ship_from_code"), 35, assignedLocation=[]),
    kibo_of_shipment("a location with a NUL", bad("ship_from_code"), 36, assignedLocation="1\0"),
    kibo("a city that is a list", bad("ship_to_city"), 37, shippingAddressInformation={"city": [], "lastName": "x"}),
    kibo("a reference that is an object", bad("external_reference"), 38, externalOrderID={"a": 1}),
    kibo("a reference in brackets", set(), 39, externalOrderID="[AM 1]"),
]

SKROUTZ: list[Case] = [
    skroutz("fees as a text like an object", bad("fees"), "S1", fees="{"),
    skroutz("fees as an object in a text", bad("fees"), "S2", fees='{"a": 1}'),
    skroutz("fees as a list", bad("fees"), "S3", fees=[1]),
    skroutz("an address that is a text", bad("customer.address"), "S4", customer={"id": "c", "address": "x"}),
    skroutz("an address that is a number", bad("customer.address"), "S5", customer={"id": "c", "address": 5}),
    skroutz("a customer that is a list", bad("customer"), "S6", customer=[]),
    skroutz("invoice details that are a text", bad("invoice_details"), "S7", invoice_details="{"),
    skroutz("a billing address that is a text", bad("invoice_details.address"), "S8", invoice_details={"address": "x"}),
    skroutz("a reason that is a list", bad("rejection_info"), "S9", rejection_info=["x"]),
    skroutz_of_line("a size that is a text", bad("size"), "S10", size="{"),
    skroutz_of_line("an item number with a NUL", bad("shop_uid"), "S11", shop_uid="A\0"),
    skroutz_of_line("a line id that is an object", bad("line_key"), "S12", id={}),
    skroutz("comments with a NUL", set(), "S13", comments="a\0b"),
    skroutz("fulfilled in words", bad("fulfilled_by_skroutz"), "S14", fulfilled_by_skroutz="yes, by Skroutz"),
    skroutz("fulfilled as a number", bad("fulfilled_by_skroutz"), "S15", fulfilled_by_skroutz=1),
    skroutz("fulfilled as a letter", bad("fulfilled_by_skroutz"), "S16", fulfilled_by_skroutz="Y"),
    skroutz("store pickup in words", bad("store_pickup"), "S17", store_pickup="no way"),
    skroutz("gift wrap as a list", bad("gift_wrap"), "S18", gift_wrap=[]),
    skroutz("a time of year 9999", {("bad_timestamp", "ordered_at")}, "S19", created_at="9999-12-31T23:59:59-14:00"),
    Case(
        "an event of year 1",
        as_json(skroutz_event("S20") | {"event_time": "0001-01-01T00:00:00Z"}),
        {("bad_timestamp", "event_time")},
    ),
    skroutz_of_line("a price and a quantity whose product overflows", set(), "S21", quantity=MOST, unit_price=LARGEST),
    Case("changes that are no object", as_json(skroutz_event("S22") | {"changes": "{"}), set()),
    skroutz_of_line("a quantity that rounding makes whole", bad_number("quantity_ordered"), "S23", quantity=0.99996),
    skroutz("a state that is a list", bad("source_status"), "S24", state=["accepted"]),
    skroutz("a pickup address that is an object", bad("ship_from_name"), "S25", pickup_address={"city": "Volos"}),
    skroutz("a comment in brackets", set(), "S26", comments="[1]"),
]

SCANSOURCE: list[Case] = [
    scansource(
        "a row with an address that is a text",
        bad("order_rows.ShippingAddress"),
        "order_rows",
        ROW | {"ShippingAddress": "x"},
    ),
    scansource(
        "a detail with an address that is a list",
        bad("ShippingAddress"),
        "order_details",
        DETAIL | {"ShippingAddress": []},
    ),
    scansource(
        "invoice numbers that are an object",
        bad("InvoiceNumbers, TrackingNumbers"),
        "order_details",
        DETAIL | {"InvoiceNumbers": {}},
    ),
    scansource("an invoice number like a list", set(), "order_details", DETAIL | {"InvoiceNumbers": "[x"}),
    scansource("tracking numbers like a list", set(), "order_details", DETAIL | {"TrackingNumbers": '["'}),
    scansource(
        "schedule lines that are a text",
        bad("ScheduleLines"),
        "order_details",
        DETAIL | {"SalesOrderLines": [LINE | {"ScheduleLines": "[x"}]},
    ),
    scansource(
        "serial numbers that are an object",
        bad("SerialNumbers"),
        "order_details",
        DETAIL | {"SalesOrderLines": [LINE | {"SerialNumbers": {}}]},
    ),
    scansource(
        "an item number with a NUL",
        bad("sku"),
        "order_details",
        DETAIL | {"SalesOrderLines": [LINE | {"ItemNumber": "A\0"}]},
    ),
    scansource(
        "quantities whose sum overflows",
        set(),
        "order_details",
        DETAIL
        | {
            "SalesOrderLines": [
                LINE | {"Shipped": MOST, "Canceled": MOST, "Committed": MOST, "BackOrdered": MOST, "Price": LARGEST}
            ]
        },
    ),
    scansource(
        "charges whose difference overflows", set(), "order_details", DETAIL | {"Total": LARGEST, "TaxAmount": -LARGEST}
    ),
    scansource("tracking that is no JSON", bad("order_tracking.payload"), "order_tracking", b'{"Orders": ['),
    scansource(
        "tracking whose deliveries are a text",
        bad("order_tracking.Orders.Deliveries"),
        "order_tracking",
        {"Orders": [{"Deliveries": "x"}]},
    ),
    scansource("serials that are an object", bad("order_serials.payload"), "order_serials", {"OrderNumber": "1"}),
    scansource("serials that are null", bad("order_serials.payload"), "order_serials", b"null"),
    scansource(
        "an order date with a year of two digits",
        {("bad_timestamp", "ordered_at")},
        "order_rows",
        ROW | {"DateEntered": "1/5/26"},
    ),
    scansource(
        "an order date of 9999", {("bad_timestamp", "ordered_at")}, "order_rows", ROW | {"DateEntered": "12/31/9999"}
    ),
    scansource(
        "a committed quantity that rounding makes whole",
        bad_number("quantity_committed"),
        "order_details",
        DETAIL | {"SalesOrderLines": [LINE | {"Committed": 1.99999}]},
    ),
    scansource(
        "a name that is an object",
        bad("ship_to_name"),
        "order_details",
        DETAIL | {"ShippingAddress": ADDRESS | {"Name": {"first": "x"}}},
    ),
]
CASES = {"kibo": KIBO, "skroutz": SKROUTZ, "scansource": SCANSOURCE}
