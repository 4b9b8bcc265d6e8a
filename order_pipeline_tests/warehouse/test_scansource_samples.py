"""Every documented sample comes through ScanSource's models: placeholders filled at random, nothing lost or guessed."""

import json
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from order_pipeline.channels.scansource.dates import parse_moment
from order_pipeline_tests.warehouse.scansource_staging import ACCOUNT, ORDER_ID, Records, stage

FIXTURES = Path(__file__).parents[1] / "fixtures" / "scansource"
NEW_YORK = ZoneInfo("America/New_York")
few = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def sample(name):
    return json.loads((FIXTURES / name).read_text())


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


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
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


@few
@given(st.lists(st.one_of(dates, texts, st.from_regex(r"[0-9/:. APMTZ-]{4,25}", fullmatch=True)), max_size=30))
def test_dates_mean_the_same_to_the_source_and_to_the_models(found):
    records = Records()
    for number, text in enumerate(found):
        records.add_order(None, number=str(number), DateEntered=text)
    rows = {row["order_number"]: row for row in stage(records, "orders")["orders"]}
    for number, text in enumerate(found):
        assert rows[str(number)]["ordered_at"] == parse_moment(text, NEW_YORK), text
