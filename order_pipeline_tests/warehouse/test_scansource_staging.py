"""ScanSource's models of orders, lines, invoices and prices, rule by rule: nothing is lost, nothing is guessed."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from order_pipeline_tests.warehouse.scansource_staging import (
    ACCOUNT,
    ENTERED,
    FETCHED_AT,
    Records,
    detail,
    line,
    stage,
)

NEW_YORK = ZoneInfo("America/New_York")


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
    assert ("bad_json", field) in {(fault["rule"], fault["field"]) for fault in faults}
    assert all(fault["field"].removeprefix("order_rows.") == field for fault in faults)


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


def test_an_item_priced_for_two_quantities_is_two_prices_and_one_stock_figure():
    answer = {"ItemNumber": "A", "UnitPrice": 9, "UnitPriceCurrencyCode": "USD", "QuantityAvailable": 3}
    refused = {"ItemNumber": "A", "UnitPrice": 0, "PricingError": True, "PricingErrorDesc": "at least two pieces"}
    records = Records().add("prices", "2026-01-06:1710:1700:1:1::A", refused)
    rows = stage(records.add("prices", "2026-01-06:1710:1700:1:2::A", answer))
    assert sorted((row["requested_quantity"], row["unit_price"]) for row in rows["prices"] if row["unit_price"]) == [
        (2, 9)
    ]
    assert {row["requested_quantity"] for row in rows["prices"]} == {1, 2}
    assert [row["quantity_available"] for row in rows["availability"]] == [3]
