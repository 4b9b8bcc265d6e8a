"""Bad values of one order go to quarantine by rule and field; the other orders arrive, unknown values stay."""

import pytest

from order_pipeline_tests.channels.skroutz.conftest import Road, make_event

LINE = {"id": "l1", "shop_uid": "SK-4001", "quantity": 1, "unit_price": 5, "total_price": 5}

# code -> (what is wrong in the order, table, rule, field)
BAD = {
    "lines are an object": ({"line_items": {"id": "l1"}}, "orders", "bad_json", "line_items"),
    "customer is a text": ({"customer": "Ελένη"}, "orders", "bad_json", "customer"),
    "fees are a list": ({"fees": [1.5]}, "orders", "bad_json", "fees"),
    "a fee is a text": ({"fees": {"handling_fee": "much"}}, "orders", "bad_number", "platform_fee_amount"),
    "tracking is a text": ({"courier_tracking_codes": "9001"}, "orders", "bad_json", "courier_tracking_codes"),
    "two as a word": ({"line_items": [{**LINE, "quantity": "two"}]}, "order_lines", "bad_number", "quantity_ordered"),
    "no quantity": ({"line_items": [{**LINE, "quantity": None}]}, "order_lines", "bad_number", "quantity_ordered"),
    "less than nothing": ({"line_items": [{**LINE, "quantity": -1}]}, "order_lines", "bad_number", "quantity_ordered"),
    "a price in words": ({"line_items": [{**LINE, "unit_price": "5 euro"}]}, "order_lines", "bad_number", "unit_price"),
    "no item": ({"line_items": [{**LINE, "shop_uid": ""}]}, "order_lines", "missing_sku", "sku"),
    "no line id": ({"line_items": [{**LINE, "id": None}]}, "order_lines", "missing_key", "line_key"),
    "expires whenever": ({"expires_at": "tomorrow"}, "orders", "bad_timestamp", "expires_at"),
    "expires without offset": ({"expires_at": "2026-01-16T10:00:00"}, "orders", "bad_timestamp", "expires_at"),
    "express or not": ({"express": "perhaps"}, "orders", "bad_json", "is_express"),
    "no state": ({"state": None}, "orders", "missing_key", "source_status"),
    "a line twice": (
        {"line_items": [LINE, {**LINE, "quantity": 2}]},
        "order_lines",
        "duplicate_key",
        "line_id",
    ),
}
STRANGE = {
    "an unknown state": {"state": "archived"},
    "the same line twice": {"line_items": [LINE, LINE]},
    "no lines": {"line_items": []},
    "numbers as texts": {"line_items": [{**LINE, "quantity": "1", "unit_price": "5.00"}], "commission": "0.5"},
    "custom as a list": {"custom": ["[GIFT-WRAP]"]},
    "custom as a text": {"custom": "[GIFT-WRAP]"},
    "nothing but null": {"customer": None, "fees": None, "courier": None, "courier_tracking_codes": None},
}


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("road"))
    road.receive(*(make_event(code, **changes) for code, (changes, *_) in BAD.items()))
    road.receive(*(make_event(code, **changes) for code, changes in STRANGE.items()))
    road.land()
    yield road
    road.close()


@pytest.mark.parametrize("code", BAD)
def test_a_bad_value_is_rejected_by_rule_and_field(landed, code):
    _, table, rule, field = BAD[code]
    rejects = landed.rows("SELECT table_name, rule, field FROM quarantine.rejects WHERE raw_record_id = ?", code)
    assert (table, rule, field) in rejects, rejects


def test_the_other_orders_arrive(landed):
    rejected_orders = {code for code, (_, table, *_) in BAD.items() if table == "orders"}
    assert set(landed.states()) == {*BAD, *STRANGE} - rejected_orders
    assert (
        landed.rows(
            "SELECT DISTINCT raw_record_id FROM quarantine.rejects WHERE raw_record_id IN (SELECT unnest(?))",
            list(STRANGE),
        )
        == []
    )


def test_strange_values_are_kept_and_mapped(landed):
    def order(code, columns):
        return landed.one(f"SELECT {columns} FROM core.orders WHERE order_number = ?", code)

    assert order("an unknown state", "order_status, source_status") == ("unknown", "archived")
    assert order("custom as a list", "is_gift") is True
    assert order("custom as a text", "is_gift") is True
    assert str(order("numbers as texts", "commission_amount")) == "0.5000"
    lines = landed.one("SELECT count(*) FROM core.order_lines WHERE raw_record_id = ?", "the same line twice")
    assert lines == 1
