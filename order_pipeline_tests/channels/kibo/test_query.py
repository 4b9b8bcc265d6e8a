"""A search that the API would refuse is refused before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.channels.kibo.query import _WIRE_NAMES, InvalidQuery, SearchQuery

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 2, tzinfo=UTC)
REQUIRED: list[dict[str, Any]] = [
    {"order_ids": ("1", "2")},
    {"shipment_ids": ("7",)},
    {"retailer_ids": ["7"]},
    {"manufacturer_ids": ("0012",)},
    {"customer_id": "0000001"},
    {"external_order_id": "A-1"},
    {"order_number_search": "A-1"},
    {"order_statuses": ("READY", "BACKORDER")},
    {"shipment_statuses": ("READY",)},
]
OPTIONAL: dict[str, Any] = {
    "catalog_id": 0,
    "delivery_method": "SHIP_TO_HOME",
    "external_store_id": "s",
    "order_date_start": START,
    "order_date_end": END,
    "ship_date_start": START,
    "ship_date_end": END,
    "order_type": "STANDARD",
    "shipment_state_type": "STS",
    "shipment_state_code": "4-100",
    "shipment_state_name": "accept_order",
    "ship_type": "REGULAR",
    "order_feature": "OPEN_RETURNS",
    "condensed_response": False,
    "exclude_fraudulent": True,
    "is_gift": True,
    "is_external_payment": False,
    "part_number": "p",
    "upc": "u",
    "sku": "s",
    "channel": "c",
    "payment_type": "card",
    "payment_sub_type": "visa",
    "order_subtotal_min": 0,
    "order_subtotal_max": 10,
    "page": 3,
    "per_page": 100,
    "sort_by": "-orderDate",
}


@pytest.mark.parametrize("required", REQUIRED)
def test_any_one_of_the_nine_is_enough(required: dict[str, Any]) -> None:
    SearchQuery(**required)


def test_dates_and_options_without_one_of_the_nine_are_refused() -> None:
    with pytest.raises(InvalidQuery, match=r"one of orderID, .*shipmentStatus is required"):
        SearchQuery(**OPTIONAL)


def test_every_documented_parameter_can_be_sent_under_its_name() -> None:
    everything = SearchQuery(**{name: value for each in REQUIRED for name, value in each.items()}, **OPTIONAL)
    parameters = everything.parameters()
    assert list(parameters) == list(_WIRE_NAMES.values())
    assert parameters["orderID"] == "1,2"
    assert parameters["manufacturerID"] == "0012"
    assert parameters["orderDateStart"] == "2026-03-01T00:00:00Z"
    assert (parameters["isGift"], parameters["condensedResponse"]) == ("true", "false")
    assert parameters["catalogID"] == "0"


def test_what_is_not_set_is_not_sent() -> None:
    assert SearchQuery(customer_id="5").parameters() == {
        "customerID": "5",
        "page": "1",
        "perPage": "100",
        "sortBy": "orderDate",
    }


def test_times_of_another_zone_are_sent_as_utc() -> None:
    athens = timezone(timedelta(hours=2))
    query = SearchQuery(customer_id="5", order_date_start=START.astimezone(athens), order_date_end=END)
    assert query.parameters()["orderDateStart"] == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"order_ids": ("12", "x")}, "orderID must be positive integers, not 'x'"),
        ({"order_ids": ("0",)}, "orderID must be positive"),
        ({"order_ids": ("-4",)}, "orderID must be positive"),
        ({"order_ids": "12"}, "orderID must be a sequence"),
        ({"shipment_ids": ("٣",)}, "shipmentID must be positive"),
        ({"order_statuses": ("READY", " ")}, "orderStatus must be a sequence of values that are not empty"),
        ({"customer_id": ""}, "customerID must have 1"),
        ({"external_order_id": "x" * 101}, "externalOrderID must have 1 to 100 characters"),
        ({"part_number": "x" * 51}, "partNumber must have 1 to 50"),
        ({"per_page": 101}, "perPage must be 1 to 100, not 101"),
        ({"per_page": 0}, "perPage"),
        ({"page": 0}, "page must be 1 to any"),
        ({"catalog_id": -1}, "catalogID"),
        ({"order_subtotal_min": 5, "order_subtotal_max": 4}, "orderSubtotalMin must not exceed"),
        ({"order_date_start": START}, "orderDateStart and orderDateEnd are used together"),
        ({"ship_date_end": START}, "shipDateStart and shipDateEnd are used together"),
        ({"order_date_start": END, "order_date_end": START}, "must be in order"),
        ({"order_date_start": datetime(2026, 3, 1), "order_date_end": END}, "must say its time zone"),  # noqa: DTZ001
        ({"sort_by": ""}, "sortBy"),
    ],
)
def test_a_value_outside_its_range_is_refused_and_named(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidQuery, match=text):
        SearchQuery(**{"manufacturer_ids": ("1",), **wrong})


@given(st.lists(st.integers(1, 10**12).map(str), min_size=1, max_size=60))
def test_ids_travel_as_one_comma_list_in_order(ids: list[str]) -> None:
    assert SearchQuery(order_ids=ids).parameters()["orderID"].split(",") == ids
