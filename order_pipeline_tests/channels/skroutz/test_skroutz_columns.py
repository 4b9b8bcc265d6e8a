"""Keys of an order that a person asks `core` for: each documented value arrives, each omission is NULL, and what is not
of the documented type is a reject.
"""

import datetime as dt
import json

import pytest

from order_pipeline_tests.channels.skroutz.conftest import Road, make_event

ADDRESS = {"city": "Αθήνα", "street_name": "Ερμού", "floor": "5η", "comments": "κουδούνι δεξιά"}
CUSTOMER = {"id": "c1", "last_name": "Δοκιμή", "phone": "2109999999", "mobile": "(+30) 6999999999", "address": ADDRESS}
INVOICE = {
    "company": "Δοκιμή",
    "profession": "Εμπόριο",
    "vat_number": "099999999",
    "doy": "Αθηνών 4",
    "address": {"city": "Αθήνα", "street_name": "Ερμού"},
    "vat_exclusion_requested": True,
    "vat_exclusion_verification_method": "service",
}
LINE = {"id": "l1", "shop_uid": "SK-4001", "quantity": 1, "unit_price": 5, "total_price": 5, "ean": "5200000000015"}
SIZE = {"label": "Μέγεθος", "value": "M", "shop_variation_uid": "SK-4001-M", "ean": "5200000000022"}
RETURNS = [{"return_uuid": "r-1", "tracking_ids": ["T1", "T2"]}]
REPLACEMENTS = [{"code": "260115-0000009", "type": "from_service"}, {"code": "260115-0000010"}]
FULL = {
    "customer": CUSTOMER,
    "invoice": True,
    "invoice_details": INVOICE,
    "fees": {"handling_fee": 1.5, "fbs_fee": 0.25, "a_fee_of_next_year": 1},
    "pickup_window": {"from": "2026-01-16T15:00:00+02:00", "to": "2026-01-16T18:00:00+02:00"},
    "fbs_delivery_note": "ΔΑ-7",
    "replacements": REPLACEMENTS,
    "returns": RETURNS,
    "line_items": [{**LINE, "size": SIZE}],
}

# column of core.orders -> its value from FULL
VALUES = {
    "ship_to_phone": "(+30) 6999999999",
    "ship_to_floor": "5η",
    "ship_to_note": "κουδούνι δεξιά",
    "bill_to_profession": "Εμπόριο",
    "bill_to_tax_office": "Αθηνών 4",
    "vat_exclusion_requested": True,
    "vat_exclusion_method": "service",
    "delivery_note_number": "ΔΑ-7",
    "pickup_from_at": dt.datetime(2026, 1, 16, 13, tzinfo=dt.UTC),
    "pickup_until_at": dt.datetime(2026, 1, 16, 16, tzinfo=dt.UTC),
}
JSON_VALUES = {
    "platform_fees": {"a_fee_of_next_year": 1, "fbs_fee": 0.25, "handling_fee": 1.5},
    "replacements": [REPLACEMENTS[0], {"code": "260115-0000010", "type": None}],
    "returns": RETURNS,
}
# code -> (what is wrong in the order, rule, field)
BAD = {
    "the window is a list": ({"pickup_window": []}, "bad_json", "pickup_window"),
    "the window is a text": ({"pickup_window": "15:00 - 18:00"}, "bad_json", "pickup_window"),
    "from when": ({"pickup_window": {"from": "afternoon"}}, "bad_timestamp", "pickup_from_at"),
    "until when": ({"pickup_window": {"to": "2026-01-16T18:00:00"}}, "bad_timestamp", "pickup_until_at"),
    "one replacement": ({"replacements": REPLACEMENTS[0]}, "bad_json", "replacements"),
    "codes alone": ({"replacements": ["260115-0000009"]}, "bad_json", "replacements[]"),
    "one return": ({"returns": RETURNS[0]}, "bad_json", "returns"),
    "returns by number": ({"returns": [1]}, "bad_json", "returns[]"),
    "one tracking id": ({"returns": [{"return_uuid": "r", "tracking_ids": "T1"}]}, "bad_json", "returns.tracking_ids"),
    "perhaps without VAT": (
        {"invoice_details": {**INVOICE, "vat_exclusion_requested": "perhaps"}},
        "bad_json",
        "vat_exclusion_requested",
    ),
    "a note of two": ({"fbs_delivery_note": ["ΔΑ-7", "ΔΑ-8"]}, "bad_json", "delivery_note_number"),
}
EMPTY = {
    "all null": dict.fromkeys(FULL) | {"line_items": [LINE]},
    "empty lists": {"replacements": [], "returns": [], "fees": {}, "pickup_window": {}},
}


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("road"))
    road.receive(make_event("full", **FULL), make_event("bare"))
    road.receive(*(make_event(code, **changes) for code, changes in EMPTY.items()))
    road.receive(*(make_event(code, **changes) for code, (changes, *_) in BAD.items()))
    road.land()
    yield road
    road.close()


def value(road, code, column):
    return road.one(f"SELECT {column} FROM core.orders WHERE order_number = ?", code)


@pytest.mark.parametrize("column", VALUES)
def test_a_documented_value_arrives(landed, column):
    assert value(landed, "full", column) == VALUES[column]


@pytest.mark.parametrize("column", JSON_VALUES)
def test_several_values_arrive_as_json(landed, column):
    assert json.loads(value(landed, "full", column)) == JSON_VALUES[column]


@pytest.mark.parametrize("column", [*VALUES, *JSON_VALUES])
@pytest.mark.parametrize("code", ["bare", *EMPTY])
def test_what_is_not_there_is_null(landed, code, column):
    assert value(landed, code, column) is None


def test_fees_are_queried_by_their_names_and_sum_up(landed):
    query = "(platform_fees ->> 'handling_fee')::DECIMAL(18, 4), platform_fee_amount"
    assert [str(amount) for amount in value(landed, "full", query)] == ["1.5000", "2.7500"]


def test_a_sized_line_has_both_barcodes(landed):
    barcodes = "SELECT ean, item_ean FROM core.order_lines WHERE raw_record_id = ?"
    assert landed.one(barcodes, "full") == ("5200000000022", "5200000000015")
    assert landed.one(barcodes, "bare") == (None, None)


@pytest.mark.costly
def test_the_phone_is_the_mobile_or_else_the_other_one(road):
    road.receive(make_event(customer={key: item for key, item in CUSTOMER.items() if key != "mobile"}))
    road.land()
    assert road.one("SELECT ship_to_phone FROM core.orders") == "2109999999"


@pytest.mark.parametrize("code", BAD)
def test_another_type_is_a_reject_by_rule_and_field(landed, code):
    _, rule, field = BAD[code]
    rejects = landed.rows("SELECT rule, field FROM quarantine.rejects WHERE raw_record_id = ?", code)
    assert (rule, field) in rejects
    assert code not in landed.states()


def test_the_other_orders_arrive(landed):
    assert set(landed.states()) == {"full", "bare", *EMPTY}


def test_a_rejected_value_of_an_invoice_is_masked(landed):
    shown = landed.rows("SELECT value FROM quarantine.rejects WHERE field = 'vat_exclusion_requested'")
    assert shown == [("***",)]
