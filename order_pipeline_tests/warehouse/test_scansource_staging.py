"""ScanSource's staging models: every documented sample comes through, nothing it holds is lost, nothing is guessed."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from order_pipeline.sources.scansource.dates import parse_moment
from order_pipeline_tests.warehouse.scansource_staging import ACCOUNT, ENTERED, FETCHED_AT, Records, stage

FIXTURES = Path(__file__).parents[1] / "fixtures" / "scansource"
NEW_YORK = ZoneInfo("America/New_York")
ORDER_ID = f"scansource:{ACCOUNT}:41"
few = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def sample(name):
    return json.loads((FIXTURES / name).read_text())


def line(number, item="SKU-1", **changes):
    quantities = {"Ordered": 2, "Committed": 0, "BackOrdered": 0, "Shipped": 0, "Canceled": 0}
    return {"LineNumber": number, "ItemNumber": item, "Price": 10.5, "Currency": "USD"} | quantities | changes


def delivery(number="8001", **changes):
    return {"DeliveryDocumentNumber": number, "DeliveryStatus": "C", "ShippedDate": "2026-01-06T00:00:00"} | changes


def detail(*lines, **changes):
    return {"Status": "Open", "Currency": "USD", "Total": 21, "SalesOrderLines": list(lines)} | changes


# --- documented samples, placeholders filled ---

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ids = st.from_regex(r"[0-9]{3,10}", fullmatch=True)
line_numbers = st.sampled_from([10, 20.0, "000030", "40", 50])
dates = st.one_of(
    st.sampled_from(["", "0001-01-01T00:00:00", "not a date", "2024-04-25T15:03:40.7027818-04:00"]),
    st.sampled_from(["1/5/2026 3:07 PM", "12/31/2025", "2026-02-03", "2026-02-03T00:00:00"]),
)
numbers = st.one_of(
    st.integers(0, 10_000), st.decimals(0, 1000, places=2).map(float), st.integers(0, 99).map(str), st.none()
)
DATE_KEYS = {
    "DateEntered",
    "LastChanged",
    "LastShipDate",
    "ShippedDate",
    "ShipDate",
    "BillingDate",
    "EstimatedShipDate",
}
LINE_KEYS = {"LineNumber", "OrderLineNumber", "DeliveryDocumentLineNumber"}
ID_KEYS = {"TrackingNumber", "SerialNumber", "DeliveryDocumentNumber", "DeliveryNumber", "ItemNumber"}
ID_LISTS = {"TrackingNumbers", "SerialNumbers", "InvoiceNumbers"}


def filled(template, key=""):
    """A strategy for documents of the sample's shape, with values in place of its placeholders."""
    if isinstance(template, dict):
        return st.fixed_dictionaries({name: filled(value, name) for name, value in template.items()})
    if isinstance(template, list):
        if key in ID_LISTS and isinstance(template[0], str):
            return st.lists(ids, max_size=3, unique=True)
        return st.lists(filled(template[0], key), max_size=3)
    by_key = dict.fromkeys(DATE_KEYS, dates) | dict.fromkeys(LINE_KEYS, line_numbers) | dict.fromkeys(ID_KEYS, ids)
    return by_key.get(key, texts if isinstance(template, str) else numbers)


orders = st.lists(
    st.tuples(
        filled(sample("salesorder_list.sample.json")[0]),
        filled(sample("salesorder_detail.reconstructed.json")),
        filled(sample("salesorder_tracking.sample.json")),
        filled(sample("salesorder_serials.sample.json")),
    ),
    min_size=3,
    max_size=8,
)
invoices = st.lists(
    st.tuples(filled(sample("invoice_summary.sample.json")[0]), filled(sample("invoice_list.sample.json")[0]), dates),
    min_size=3,
    max_size=8,
)


@few
@given(orders)
def test_every_filled_order_sample_comes_through_and_no_tracking_number_or_serial_is_lost(documents):
    records = Records()
    for number, (listed, order, tracking, serials) in enumerate(documents):
        listed |= {"OrderNumber": str(number)}
        for tracked in tracking["Orders"]:
            tracked["OrderNumber"] = f"00{number}"
        records.add("order_rows", str(number), listed).add("order_details", str(number), order)
        records.add("order_tracking", str(number), tracking).add("order_serials", str(number), serials)
    staged = stage(records)
    assert len(staged["orders"]) == len(documents)
    for number, (listed, order, tracking, serials) in enumerate(documents):
        order_id = f"scansource:{ACCOUNT}:{number}"
        rows = {table: [row for row in found if row.get("order_id") == order_id] for table, found in staged.items()}
        assert rows["orders"][0]["ordered_at"] == parse_moment(listed["DateEntered"], NEW_YORK)
        assert len(rows["order_lines"]) == len(order["SalesOrderLines"])
        assert {row["line_key"] for row in rows["order_lines"]} <= {"10", "20", "30", "40", "50"}
        assert {row["serial_number"] for row in rows["serial_numbers"]} == all_serials(order, serials)
        assert {row["tracking_number"] for row in rows["parcels"]} == all_tracking_numbers(order, tracking)
        assert {row["shipment_id"] for row in rows["parcels"]} <= {row["shipment_id"] for row in rows["shipments"]}


def all_serials(order, serials):
    units = [unit for d in order["Deliveries"] for item in d["LineItems"] for unit in item["LineItemDetails"]]
    on_lines = {serial for entry in order["SalesOrderLines"] for serial in entry["SerialNumbers"]}
    return on_lines | {unit["SerialNumber"] for unit in units} | {row["SerialNumber"] for row in serials}


def all_tracking_numbers(order, tracking):
    tracked = [parcel for t in tracking["Orders"] for d in t["Deliveries"] for parcel in d["TrackingNumbers"]]
    parcels = [parcel for d in order["Deliveries"] for parcel in d["Parcels"]]
    return set(order["TrackingNumbers"]) | {parcel["TrackingNumber"] for parcel in [*tracked, *parcels]}


@few
@given(invoices)
def test_every_filled_invoice_sample_comes_through_with_the_summarys_date(documents):
    records = Records()
    for number, (summary, invoice, cancelled) in enumerate(documents):
        summary |= {"InvoiceNumber": str(number), "OrderNumber": "41"}
        invoice |= {"SalesOrderNumber": "41", "Cancelled": cancelled}
        records.add("invoice_summaries", str(number), summary).add("invoice_details", str(number), invoice)
    staged = stage(records, "invoices", "invoice_lines")
    found = {row["invoice_number"]: row for row in staged["invoices"]}
    for number, (summary, invoice, cancelled) in enumerate(documents):
        row = found[str(number)]
        assert row["order_id"] == ORDER_ID
        assert row["invoiced_at"] == parse_moment(summary["DateEntered"], NEW_YORK)
        is_cancelled = parse_moment(cancelled, NEW_YORK) is not None
        assert row["invoice_status"] == ("cancelled" if is_cancelled else "issued")
        lines = [line for line in staged["invoice_lines"] if line["invoice_id"] == row["invoice_id"]]
        assert len(lines) == len(invoice["InvoiceLines"])
        assert {line["line_id"] for line in lines} <= {f"{ORDER_ID}:{n}" for n in (10, 20, 30, 40, 50)}


def test_the_samples_as_they_are_come_through_with_nothing_guessed_from_a_placeholder():
    records = Records().add("order_rows", "string", sample("salesorder_list.sample.json")[0])
    records.add("order_details", "string", sample("salesorder_detail.reconstructed.json"))
    records.add("order_tracking", "string", sample("salesorder_tracking.sample.json"))
    records.add("order_serials", "string", sample("salesorder_serials.sample.json"))
    records.add("invoice_summaries", "x", sample("invoice_summary.sample.json")[0])
    records.add("invoice_details", "x", sample("invoice_list.sample.json")[0])
    records.add(
        "availability", "2026-01-06:1710:string", sample("product_availability.response.sample.json")["items"][0]
    )
    rows = stage(records)
    assert rows["orders"][0]["ordered_at"] is None
    assert rows["orders"][0]["ordered_at_raw"] == "string"
    assert rows["orders"][0]["order_status"] == "unknown"
    assert rows["orders"][0]["total_amount"] == Decimal("0.1320")
    assert rows["availability"][0]["is_error"]
    assert rows["availability"][0]["quantity_available"] is None
    assert not [table for table in rows if table != "prices" and not rows[table]]


def shuffled(value):
    """The same document with every array the other way round."""
    if isinstance(value, list):
        return [shuffled(element) for element in value][::-1]
    return {key: shuffled(element) for key, element in value.items()} if isinstance(value, dict) else value


@few
@given(orders)
def test_the_same_orders_with_swapped_arrays_give_identical_rows(documents):
    def staged(change):
        records = Records()
        for number, (_, order, tracking, serials) in enumerate(documents):
            for tracked in tracking["Orders"]:
                tracked["OrderNumber"] = str(number)
            records.add_order(change(order), number=str(number)).add("order_tracking", str(number), change(tracking))
            records.add("order_serials", str(number), change(serials))
        return {table: [row | {"raw_sha256": ""} for row in found] for table, found in stage(records).items()}

    assert staged(lambda document: document) == staged(shuffled)


# --- single rules ---


@few
@given(st.lists(st.one_of(dates, texts, st.from_regex(r"[0-9/:. APMTZ-]{4,25}", fullmatch=True)), max_size=30))
def test_dates_mean_the_same_to_the_source_and_to_the_models(found):
    records = Records()
    for number, text in enumerate(found):
        records.add_order(None, number=str(number), DateEntered=text)
    rows = {row["order_number"]: row for row in stage(records, "orders")["orders"]}
    for number, text in enumerate(found):
        assert rows[str(number)]["ordered_at"] == parse_moment(text, NEW_YORK), text


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


def test_the_order_date_comes_from_the_list_row_and_the_rest_from_the_detail():
    order = detail(line(10), PONumber="from detail")
    found = stage(Records().add_order(order, PONumber="from list", Status="On Hold"), "orders")["orders"][0]
    assert found["ordered_at"] == datetime(2026, 1, 5, 15, 7, tzinfo=NEW_YORK)
    assert found["ordered_at_raw"] == ENTERED
    assert (found["customer_po_number"], found["order_status"]) == ("from detail", "open")


def test_an_order_without_a_detail_stands_on_its_list_row():
    listed = {"Status": "Open", "Currency": "USD", "Total": 21, "SalesOrderLines": [line(10)]}
    rows = stage(Records().add_order(None, **listed))
    assert rows["orders"][0]["total_amount"] == 21
    assert [(row["line_key"], row["sku"]) for row in rows["order_lines"]] == [("10", "SKU-1")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Open", "open"),
        (" open ", "open"),
        ("ON HOLD", "on_hold"),
        ("Partially Shipped", "partially_shipped"),
        ("Completely Shipped", "shipped"),
        ("Cancelled", "cancelled"),
        ("Canceled", "cancelled"),
        ("Quotation/Sales", "quoted"),
        ("Something New", "unknown"),
    ],
)
def test_every_documented_status_is_mapped_and_a_new_one_is_kept(text, status):
    found = stage(Records().add_order(detail(line(10), Status=text)), "orders")["orders"][0]
    assert (found["order_status"], found["source_status"]) == (status, text.strip())


@pytest.mark.parametrize(
    ("quantities", "status"),
    [
        ({"Ordered": 2, "Canceled": 2}, "cancelled"),
        ({"Ordered": 2, "Shipped": 1, "Canceled": 1}, "shipped"),
        ({"Ordered": 2, "Shipped": 2}, "shipped"),
        ({"Ordered": 2, "Shipped": 1, "BackOrdered": 1}, "partially_shipped"),
        ({"Ordered": 2, "BackOrdered": 2}, "backordered"),
        ({"Ordered": 2, "Committed": 2}, "open"),
        ({"Ordered": 0}, "open"),
    ],
)
def test_a_lines_status_follows_from_its_quantities(quantities, status):
    assert (
        stage(Records().add_order(detail(line(10, **quantities))), "order_lines")["order_lines"][0]["line_status"]
        == status
    )


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


@pytest.mark.parametrize(
    ("named", "numbers"),
    [
        ({"InvoiceNumbers": ["9002", "9001", "9001", ""]}, ["9001", "9002"]),
        ({"InvoiceNmbers": ["9001"]}, ["9001"]),
        ({"InvoiceNumbers": "9001"}, ["9001"]),
        ({"InvoiceNumbers": []}, []),
    ],
)
def test_invoice_numbers_are_found_under_both_names_and_as_plain_text(named, numbers):
    assert stage(Records().add_order(detail(line(10), **named)), "orders")["orders"][0]["invoice_numbers"] == numbers


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


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"SalesOrderLines": {"LineNumber": 10}}, "SalesOrderLines"),
        ({"Deliveries": "none"}, "Deliveries"),
        ({"Deliveries": [{"Parcels": {}}]}, "Deliveries.Parcels"),
        ({"ShippingAddress": []}, "ShippingAddress"),
    ],
)
def test_a_container_of_the_wrong_type_is_a_fault_that_names_it(broken, field):
    faults = stage(Records().add_order(detail(line(10)) | broken), "orders")["orders"][0]["faults"]
    assert [(fault["rule"], fault["field"]) for fault in faults] == [("bad_json", field)]


def test_a_number_that_cannot_be_read_is_null_with_its_text_beside_it():
    found = stage(Records().add_order(detail(line(10, Ordered="two", Price="1,5"))), "order_lines")["order_lines"][0]
    assert (found["quantity_ordered"], found["quantity_ordered_text"]) == (None, "two")
    assert (found["unit_price"], found["unit_price_text"]) == (None, "1,5")


def test_an_invoice_known_from_its_summary_only_has_no_currency_and_says_that_it_is_partial():
    summary = {"InvoiceNumber": "9001", "OrderNumber": "41", "Total": 10, "DateEntered": ENTERED}
    found = stage(Records().add("invoice_summaries", "9001", summary), "invoices")["invoices"][0]
    assert (found["is_partial"], found["currency"], found["total_amount"]) == (True, None, 10)


def test_a_price_answer_carries_its_question_and_its_restriction():
    """The answer is made up: no pricing response of ScanSource is known, only its documented names."""
    answer = {"ItemNumber": "A:B", "UnitPrice": "9.90", "UnitPriceCurrencyCode": "USD", "MSRP": 12, "SPA": True}
    answer |= {"SPARestriction": True, "SPARestrictionDescription": "Named end users only", "ExtendedTotal": 19.8}
    answer |= {"QuantityAvailable": 3, "InventoryDisplay": "Call for ETA"}
    rows = stage(Records().add("prices", "2026-01-06:1710:1700:1:2::A:B", answer))
    price, stock = rows["prices"][0], rows["availability"][0]
    assert (price["account"], price["requested_item"], price["requested_quantity"]) == (ACCOUNT, "A:B", 2)
    assert (price["warehouse"], price["business_unit"], price["deal_id"]) == ("1710", "1700", "")
    assert (price["unit_price"], price["has_special_price_restriction"]) == (Decimal("9.9"), True)
    assert price["as_of"] == FETCHED_AT
    assert (stock["origin"], stock["item_key"], stock["quantity_available"]) == ("pricing", "A:B", 3)


# --- what the floor picks ---


def lot(number, committed, shipped, ordered=5):
    rest = ordered - committed - shipped
    return line(number, Ordered=ordered, Committed=committed, Shipped=shipped, BackOrdered=rest)


def picks_after(*lines, status="Partially Shipped"):
    """Pick ids without the line's own part, and quantities, after these versions of the order's one line."""
    records = Records()
    for version in lines:
        records.add_order(detail(version, Status=status))
    details = records.rows["order_details"]
    records.rows["order_details"] = details[-1:]
    rows = stage(records, "orders", "order_lines", mart="pick_candidates__scansource")["pick_candidates__scansource"]
    return {row["pick_id"].removeprefix(f"{ORDER_ID}:10"): row["quantity"] for row in rows}


@pytest.mark.parametrize(
    ("status", "picked"),
    [
        ("Open", True),
        ("Partially Shipped", True),
        ("On Hold", False),
        ("Completely Shipped", False),
        ("Cancelled", False),
        ("Quotation/Sales", False),
        ("Something New", False),
    ],
)
def test_the_policy_picks_what_is_committed_on_open_and_partially_shipped_orders(status, picked):
    assert picks_after(lot(10, committed=3, shipped=0), status=status) == ({"": 3} if picked else {})


def test_a_line_with_nothing_committed_is_not_picked():
    assert picks_after(lot(10, committed=0, shipped=2)) == {}


def test_goods_committed_after_all_earlier_ones_had_left_are_a_pick_of_their_own():
    assert picks_after(lot(10, 3, 0), lot(10, 0, 3), lot(10, 2, 3)) == {":after-3": 2}
    versions = [lot(10, 1, 0), lot(10, 0, 1), lot(10, 2, 1), lot(10, 0, 3), lot(10, 2, 3)]
    assert picks_after(*versions) == {":after-3": 2}


@pytest.mark.parametrize(
    "versions",
    [
        [lot(10, 3, 0), lot(10, 1, 2)],  # a part has left: the rest belongs to the pick already made
        [lot(10, 3, 0), lot(10, 5, 0)],  # more was allocated before anything left: a person must look
        [lot(10, 3, 0), lot(10, 0, 0), lot(10, 3, 0)],  # given back and allocated again
        [lot(10, 3, 0), lot(10, 0, 2), lot(10, 1, 2)],  # one piece was given back while two left
    ],
)
def test_while_goods_of_a_lot_are_here_the_pick_keeps_its_identity(versions):
    assert list(picks_after(*versions)) == [""]
