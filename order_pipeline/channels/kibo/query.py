"""A search: every documented parameter of `GET /order/` (docs/apis/kibo.md section 3), checked before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, cast

_WIRE_NAMES = {
    "order_ids": "orderID",
    "shipment_ids": "shipmentID",
    "retailer_ids": "retailerID",
    "manufacturer_ids": "manufacturerID",
    "customer_id": "customerID",
    "external_order_id": "externalOrderID",
    "order_number_search": "orderNumberSearch",
    "order_statuses": "orderStatus",
    "shipment_statuses": "shipmentStatus",
    "catalog_id": "catalogID",
    "delivery_method": "deliveryMethod",
    "external_store_id": "externalStoreID",
    "order_date_start": "orderDateStart",
    "order_date_end": "orderDateEnd",
    "ship_date_start": "shipDateStart",
    "ship_date_end": "shipDateEnd",
    "order_type": "orderType",
    "shipment_state_type": "shipmentStateType",
    "shipment_state_code": "shipmentStateCode",
    "shipment_state_name": "shipmentStateName",
    "ship_type": "shipType",
    "order_feature": "orderFeature",
    "condensed_response": "condensedResponse",
    "exclude_fraudulent": "excludeFraudulent",
    "is_gift": "isGift",
    "is_external_payment": "isExternalPayment",
    "part_number": "partNumber",
    "upc": "UPC",
    "sku": "SKU",
    "channel": "channel",
    "payment_type": "paymentType",
    "payment_sub_type": "paymentSubType",
    "order_subtotal_min": "orderSubtotalMin",
    "order_subtotal_max": "orderSubtotalMax",
    "page": "page",
    "per_page": "perPage",
    "sort_by": "sortBy",
}
_REQUIRED_ONE_OF = tuple(_WIRE_NAMES)[:9]
_ID_LISTS = ("order_ids", "shipment_ids", "retailer_ids", "manufacturer_ids")
_LISTS = (*_ID_LISTS, "order_statuses", "shipment_statuses")
_LONGEST = {"external_order_id": 100, "part_number": 50, "upc": 50, "sku": 50, "channel": 50}
_RANGES: Mapping[str, tuple[int, int | None]] = {
    "catalog_id": (0, None),
    "order_subtotal_min": (0, None),
    "order_subtotal_max": (0, None),
    "page": (1, None),
    "per_page": (1, 100),
}
_WINDOWS = (("order_date_start", "order_date_end"), ("ship_date_start", "ship_date_end"))
_POSITIVE = re.compile(r"0*[1-9][0-9]*", re.ASCII)


class InvalidQuery(ValueError):  # noqa: N818  read as a statement about the query
    """A search that the API would refuse; the message lists everything that is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """One search. At least one of the first nine fields is required (documented); dates alone are not enough.

    Ids are text, each a positive integer; several values travel as a comma list. Times are aware and sent as UTC `Z`.
    Enumerations stay open: any text passes. `condensed_response` loses the lines and `exclude_fraudulent` hides orders
    from the warehouse; the extraction sends neither.

    Raises:
        InvalidQuery: when built from values that the API would refuse.
    """

    order_ids: Sequence[str] = ()
    shipment_ids: Sequence[str] = ()
    retailer_ids: Sequence[str] = ()
    manufacturer_ids: Sequence[str] = ()
    customer_id: str | None = None
    external_order_id: str | None = None
    order_number_search: str | None = None
    order_statuses: Sequence[str] = ()
    shipment_statuses: Sequence[str] = ()
    catalog_id: int | None = None
    delivery_method: str | None = None
    external_store_id: str | None = None
    order_date_start: datetime | None = None
    order_date_end: datetime | None = None
    ship_date_start: datetime | None = None
    ship_date_end: datetime | None = None
    order_type: str | None = None
    shipment_state_type: str | None = None
    shipment_state_code: str | None = None
    shipment_state_name: str | None = None
    ship_type: str | None = None
    order_feature: str | None = None
    condensed_response: bool | None = None
    exclude_fraudulent: bool | None = None
    is_gift: bool | None = None
    is_external_payment: bool | None = None
    part_number: str | None = None
    upc: str | None = None
    sku: str | None = None
    channel: str | None = None
    payment_type: str | None = None
    payment_sub_type: str | None = None
    order_subtotal_min: int | None = None
    order_subtotal_max: int | None = None
    page: int = 1
    per_page: int = 100
    sort_by: str | None = "orderDate"

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InvalidQuery("; ".join(problems))

    def parameters(self) -> dict[str, str]:
        """The query parameters as sent, in the contract's order; what is not set is left out."""
        return {_WIRE_NAMES[name]: _as_text(value) for name, value in self._given().items()}

    def _given(self) -> dict[str, Any]:
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in values if value is not None and value != ()}

    def _problems(self) -> Iterator[str]:
        given = self._given()
        if not any(given.get(name) for name in _REQUIRED_ONE_OF):
            yield f"one of {', '.join(_WIRE_NAMES[name] for name in _REQUIRED_ONE_OF)} is required"
        for name, value in given.items():
            yield from (f"{_WIRE_NAMES[name]} {problem}" for problem in _value_problems(name, value))
        for start, end in _WINDOWS:
            yield from _window_problems(start, given.get(start), end, given.get(end))
        low, high = given.get("order_subtotal_min"), given.get("order_subtotal_max")
        if low is not None and high is not None and low > high:
            yield "orderSubtotalMin must not exceed orderSubtotalMax"


def _value_problems(name: str, value: Any) -> Iterator[str]:
    if name in _LISTS:
        # A text is a sequence of its letters: "12" would silently become 1 and 2.
        values = [value] if isinstance(value, str) else [str(each) for each in value]
        if isinstance(value, str) or not all(each.strip() for each in values):
            yield f"must be a sequence of values that are not empty, not {value!r}"
        elif name in _ID_LISTS:
            yield from (f"must be positive integers, not {each!r}" for each in values if not _POSITIVE.fullmatch(each))
    elif isinstance(value, str):
        longest = _LONGEST.get(name)
        if not value.strip() or (longest is not None and len(value) > longest):
            yield f"must have 1 to {longest or 'any number of'} characters"
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            yield "must say its time zone"
    elif name in _RANGES:
        low, high = _RANGES[name]
        if value < low or (high is not None and value > high):
            yield f"must be {low} to {high or 'any'}, not {value}"


def _window_problems(start_name: str, start: datetime | None, end_name: str, end: datetime | None) -> Iterator[str]:
    pair = f"{_WIRE_NAMES[start_name]} and {_WIRE_NAMES[end_name]}"
    if (start is None) != (end is None):
        yield f"{pair} are used together"
    elif start is not None and end is not None and start.tzinfo and end.tzinfo and start >= end:
        yield f"{pair} must be in order"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(str, cast("Sequence[object]", value)))
    return str(value)
