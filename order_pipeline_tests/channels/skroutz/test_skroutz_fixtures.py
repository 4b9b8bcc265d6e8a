"""Every published payload ends somewhere, and the table says where and why: in core, in quarantine, or in the inbox as
unparsable. A payload that is missing from the table fails the test.
"""

import datetime as dt
import decimal
import json

import pytest

from order_pipeline.operations import inbox
from order_pipeline_tests.channels.skroutz.conftest import FIXTURES, PROJECT, Road

# name -> (where it ends, why)
ENDS = {
    "webhook_examples/01_example_1": ("core", "a new order"),
    "webhook_examples/03_example_3_cancellation.invalid": ("unparsable", "published without a comma"),
    "webhook_examples/06_example_6_invoice_requested_without_vat_exclusion": ("core", "six keys twice, same values"),
    "webhook_examples/07_example_7_invoice_requested_with_vat_exclusion": ("core", "article 39a with representative"),
    "webhook_examples/09_example_9_invoice_requested_with_reduced_vat_applied_in_a_line_item": ("core", "island VAT"),
    "webhook_examples/11_example_11_with_extra_info_in_line_items": ("core", "extra_info of several lines"),
    "webhook_examples/12_example_12_shipped_to_cyprus": ("core", "four-digit zip"),
    "webhook_examples/15_example_15_replacements": ("core", "new_order that is accepted already"),
    "webhook_examples/17_example_17_vies_invoice": ("core", "VIES invoice without method"),
    "recordings/merchants_ecommerce_orders_show": ("core", "a read's body"),
    "recordings/merchants_ecommerce_orders_demo_open": ("core", "sized line"),
    "recordings/merchants_ecommerce_orders_demo_rejected": ("core", "rejection_info, no fees"),
    "recordings/merchants_ecommerce_orders_demo_invoice": ("core", "invoice without exclusion"),
    "recordings/merchants_ecommerce_orders_demo_invoice39a": ("core", "article 39a without method"),
    "recordings/merchants_ecommerce_orders_demo_fbs": ("core", "fulfilled by Skroutz"),
    "recordings/merchants_ecommerce_orders_demo_store_pickup": ("core", "no courier, no windows"),
    "recordings/merchants_ecommerce_orders_demo_replacement": ("core", "null invoice_details"),
    "recordings/merchants_ecommerce_orders_accept": ("quarantine", "an action's answer: no order in it"),
    "recordings/merchants_ecommerce_orders_reject": ("quarantine", "an action's answer: no order in it"),
    "recordings/merchants_ecommerce_orders_reject_other": ("quarantine", "an action's answer: no order in it"),
    "recordings/merchants_ecommerce_orders_tracking_details": ("quarantine", "an action's answer: no order in it"),
    "newer_than_snapshot/orders_show_action_options": ("quarantine", "a partial order without created_at"),
    "docs_snippets/error_order_not_found_404": ("quarantine", "an error body: no order in it"),
    "docs_snippets/error_order_status_accepted_422": ("quarantine", "an error body: no order in it"),
    "docs_snippets/error_v3_removed_page_record_not_found": ("quarantine", "an error body: no order in it"),
    "docs_snippets/ip_ranges": ("quarantine", "no order in it"),
}


def payload(name):
    return (FIXTURES / f"{name}.json").read_bytes()


def code_of(name):
    """A code of its own for each fixture: the published ones share theirs."""
    return f"{name.partition('/')[2][:40]}"


def own_code(name):
    body = payload(name)
    if ENDS[name][0] != "core":
        return body
    code = json.loads(body)["order"]["code"]
    return body.replace(json.dumps(code).encode(), json.dumps(code_of(name)).encode(), 1)


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("road"))
    road.receive(*(own_code(name) for name in ENDS))
    road.land()
    yield road
    road.close()


def order(road, part, columns):
    """Columns of the one order whose fixture's name contains `part`."""
    [name] = [name for name in ENDS if part in name]
    return road.one(f"SELECT {columns} FROM core.orders WHERE order_number = ?", code_of(name))


def lines(road, part, columns):
    [name] = [name for name in ENDS if part in name]
    return road.rows(
        f"SELECT {columns} FROM core.order_lines WHERE order_id = ? ORDER BY line_key", "skroutz:shop:" + code_of(name)
    )


def test_the_table_has_every_fixture():
    assert {str(path.relative_to(FIXTURES).with_suffix("")) for path in FIXTURES.glob("*/*.json")} == set(ENDS)


@pytest.mark.costly
def test_every_fixture_ends_where_the_table_says(landed):
    in_core = landed.states()
    for name, (where, why) in ENDS.items():
        assert (code_of(name) in in_core) == (where == "core"), f"{name}: {why}"
    ends = [where for where, _ in ENDS.values()]
    assert len(in_core) == ends.count("core")
    counts = inbox.counts(landed.store, "skroutz")
    assert counts.unparsable == ends.count("unparsable")
    assert landed.one("SELECT count(*) FROM quarantine.rejects") >= len(
        {payload(name) for name, (where, _) in ENDS.items() if where == "quarantine"}
    )


def test_no_row_of_a_fixture_is_rejected_but_those_without_an_order(landed):
    rules = landed.rows("SELECT DISTINCT table_name, rule, field FROM quarantine.rejects ORDER BY ALL")
    expected = {("bad_json", "order"), ("bad_json", "payload"), ("bad_timestamp", "order.created_at")}
    assert {(rule, field) for _, rule, field in rules} == expected


def test_secrets_are_not_in_the_lake_and_no_link_is_in_core(landed):
    everything = str(landed.rows("SELECT payload FROM raw.skroutz_orders")) + str(landed.rows("FROM raw.dead_letters"))
    assert "otp" not in everything
    core = "".join(
        str(landed.rows(f"FROM core.{table}")) for table in ("orders", "order_lines", "invoices", "shipments")
    )
    for secret in ("Αστυνομική", "https://"):
        assert secret not in core


def test_the_published_bodies_fill_the_columns_of_their_keys(landed):
    assert order(landed, "demo_invoice39a", "ship_to_phone") == "(+30) 6999999999"
    fiscal = "bill_to_profession, bill_to_tax_office, vat_exclusion_requested, vat_exclusion_method"
    assert order(landed, "07_example_7", fiscal)[2:] == (True, "service")
    assert all(order(landed, "07_example_7", fiscal)[:2])
    assert order(landed, "demo_invoice39a", "vat_exclusion_requested, vat_exclusion_method") == (True, None)
    assert order(landed, "01_example_1", fiscal) == (None, None, None, None)
    assert json.loads(order(landed, "15_example", "replacements"))[0]["code"]
    assert json.loads(order(landed, "demo_fbs", "platform_fees")) == {"fbs_fee": 1.2}
    sized = [line for line in lines(landed, "demo_open", "item_ean, ean") if line[1] == "1234567890321"]
    assert sized[0][0] != "1234567890321"


def test_times_are_athens_with_their_text_kept(landed):
    at, text, day = order(landed, "01_example_1", "ordered_at, ordered_at_raw, order_day")
    assert at == dt.datetime(2019, 11, 28, 11, 24, 37, tzinfo=dt.UTC)
    assert (text, day) == ("2019-11-28T13:24:37+02:00", dt.date(2019, 11, 28))


def test_amounts_are_euros_and_exact(landed):
    row = order(
        landed, "01_example_1", "currency, subtotal_amount, subtotal_includes_tax, commission_amount, total_amount"
    )
    assert row == ("EUR", decimal.Decimal("45.8000"), True, decimal.Decimal("4.0500"), None)
    prices = lines(
        landed, "01_example_1", "unit_price, line_amount, commission_amount, commission_rate, price_includes_tax"
    )
    assert [str(value) for value in prices[1]] == ["10.4000", "20.8000", "1.7300", "0.083400", "True"]
    assert order(landed, "demo_fbs", "platform_fee_amount") == decimal.Decimal("1.2000")
    assert order(landed, "demo_open", "platform_fee_amount") is None
    assert order(landed, "demo_invoice39a", "subtotal_includes_tax") is None, "the lines differ"


def test_a_sized_line_is_picked_by_its_variation_and_scanned_by_the_sizes_barcode(landed):
    sized = [line for line in lines(landed, "demo_open", "sku, parent_sku, ean, extras") if line[1] is not None]
    [(sku, parent, ean, extras)] = sized
    assert (sku, parent, ean) == ("40575312-14", "405753", "1234567890321")
    assert json.loads(extras)["size"]["value"] == "14 χρονών"


def test_both_line_breaks_of_extra_info_are_line_breaks(landed):
    for part in ("demo_open", "11_example"):
        infos = [json.loads(extras)["extra_info"] for (extras,) in lines(landed, part, "extras")]
        [info] = [info for info in infos if info]
        assert "\n" in info
        assert "\\n" not in info


def test_kinds_of_orders_are_told_apart(landed):
    kinds = "fulfilled_by, delivery_method, is_test, invoice_document"
    assert order(landed, "demo_fbs", kinds) == ("marketplace", "ship", False, "receipt")
    assert order(landed, "demo_store_pickup", kinds) == ("merchant", "store_pickup", False, "receipt")
    assert order(landed, "17_example", "invoice_document, bill_to_vat_number") == ("invoice_vies", "DE111119191")
    assert order(landed, "12_example", "ship_to_country, length(ship_to_postal_code)") == ("CY", 4)
    assert order(landed, "demo_rejected", "order_status, status_reason")[0] == "rejected"


def test_documents_that_the_shop_owes_are_invoices(landed):
    kinds = dict(landed.rows("SELECT invoice_type, count(*) FROM core.invoices GROUP BY ALL"))
    assert kinds.keys() >= {"receipt", "invoice", "invoice_39a", "invoice_vies"}
    assert landed.rows("SELECT DISTINCT invoice_status, invoice_number, currency FROM core.invoices") == [
        ("requested", None, "EUR")
    ]


def test_serials_and_tracking_codes_are_rows(landed):
    assert sorted(landed.rows("SELECT serial_number FROM core.serial_numbers")) == [("SN12345",), ("SN56789",)]
    parcels = landed.rows("SELECT tracking_number, carrier FROM core.parcels")
    assert ("123456789", "CourierCenter") in parcels
    statuses = dict(landed.rows("SELECT source_status, shipment_status FROM core.shipments"))
    assert statuses == {"open": "pending", "accepted": "ready", "rejected": "cancelled"}


def test_every_line_has_a_price_observation(landed):
    assert landed.one("SELECT count(*) FROM core.prices WHERE source = 'skroutz'") == landed.one(
        "SELECT count(*) FROM core.order_lines"
    )


@pytest.mark.costly
def test_the_views_run_over_everything(landed):
    landed.deploy_views()
    for name in PROJECT.models:
        if "skroutz" in name and name.startswith("stg"):
            landed.rows(f"SELECT count(*) FROM staging.{name}")
