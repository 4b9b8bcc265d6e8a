"""The Kibo search request: every documented parameter, what is refused, and which orders match.

Refusals carry the vendor's codes. Which code belongs to which mistake is our choice (docs/apis/kibo.md section 12); a
client must not depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from order_pipeline.sandbox.kibo.orders import Order
from order_pipeline.sandbox.kibo.values import PayloadSwitches, order_status, status_text

CODES = {
    5002: (404, "NOT_FOUND"),
    5003: (400, "BAD_REQUEST"),
    5004: (403, "NOT_AUTHORIZED"),
    5005: (405, "NOT_ALLOWED"),
    5010: (400, "MISSING_QUERY_PARAM"),
    5013: (400, "INVALID_ID"),
    5014: (400, "INVALID_QUERY_PARAM"),
    5016: (400, "UNSUPPORTED_QUERY_PARAM"),
    5017: (400, "NO_VALID_QUERY_PARAMS"),
}


class SearchError(Exception):
    """A request that the API refuses with one of the vendor's codes."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Moment:
    """What an order looks like when it is asked for: the time, and how payloads are written."""

    now: datetime
    switches: PayloadSwitches


Matcher = Callable[[Order, Any, Moment], bool]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter: how its text is read, and when an order matches the value."""

    read: Callable[[str, str], Any]
    matches: Matcher
    required_one: bool = False


def _invalid(name: str, text: str, wanted: str) -> SearchError:
    return SearchError(5014, f"{name}={text!r} is no {wanted}")


def _ids(name: str, text: str) -> frozenset[int]:
    parts = text.split(",")
    if not all(re.fullmatch(r"[1-9]\d*", part) for part in parts):
        raise SearchError(5013, f"{name}={text!r} is no comma list of positive integers")
    return frozenset(int(part) for part in parts)


def _texts(longest: int | None = None) -> Callable[[str, str], frozenset[str]]:
    def read(name: str, text: str) -> frozenset[str]:
        parts = text.split(",")
        if any(not part or (longest is not None and len(part) > longest) for part in parts):
            raise _invalid(name, text, f"text of 1 to {longest or 'any number of'} characters")
        return frozenset(parts)

    return read


def _enum(name: str, text: str) -> frozenset[str]:
    parts = text.split(",")
    if not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", part) for part in parts):
        raise _invalid(name, text, "value in capital letters")
    return frozenset(parts)


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise _invalid(name, text, "true or false")
    return text == "true"


def _integer(lowest: int, highest: int | None = None) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not re.fullmatch(r"\d+", text) or int(text) < lowest or (highest is not None and int(text) > highest):
            raise _invalid(name, text, f"integer from {lowest} to {highest if highest is not None else 'any'}")
        return int(text)

    return read


def _time(name: str, text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(name, text, "time like 2020-09-01T00:00:00Z") from None


def _sort(name: str, text: str) -> str:
    if text.lstrip("+-") != "orderDate" or len(text) > len("-orderDate"):
        raise _invalid(name, text, "sortable field (orderDate, with - for descending)")
    return text


def _always(_order: Order, _value: Any, _moment: Moment) -> bool:
    return True


def _only(known: str) -> Matcher:
    """A parameter without a field in the payload: every order of the sandbox has the one value `known`."""
    return lambda _order, value, _moment: known in value


def _any_shipment(test: Callable[[Any, Any, Moment], bool]) -> Matcher:
    return lambda order, value, moment: any(
        test(shipment, value, moment) for shipment in order.shipments if shipment.created_at <= moment.now
    )


def _shipment_status(shipment: Any, value: frozenset[str], moment: Moment) -> bool:
    state = shipment.state_at(moment.now)
    return status_text(state, moment.switches, two_l=True) in value


def _number_search(order: Order, value: frozenset[str], _moment: Moment) -> bool:
    return bool(value & {str(order.order_id), order.external_id})


def _is_clean(order: Order, value: bool, _moment: Moment) -> bool:  # noqa: FBT001  (a parameter's value)
    return not value or (order.fraud_lock == "WILL_CHARGE" and not order.address_locked)


def _subtotal_units(order: Order) -> float:
    return sum(line.unit_cents * line.quantity - line.discount_cents for line in order.lines) / 100


def _order_type(order: Order, value: frozenset[str], _moment: Moment) -> bool:
    return ("ISPU" if order.in_store_pickup else "STANDARD") in value


def _delivery(order: Order, value: frozenset[str], _moment: Moment) -> bool:
    return ("IN_STORE_PICKUP" if order.in_store_pickup else "SHIP_TO_HOME") in value


def _state_type(order: Order, value: frozenset[str], _moment: Moment) -> bool:
    return ("ISPU" if order.in_store_pickup else "STH") in value


def _state_code(shipment: Any, value: frozenset[str], moment: Moment) -> bool:
    return "4-100" in value and shipment.state_at(moment.now) == "READY"


def _state_name(shipment: Any, value: frozenset[str], moment: Moment) -> bool:
    return "accept_order" in value and shipment.state_at(moment.now) == "READY"


def _any_product(text_of: Callable[[Any], str]) -> Matcher:
    return lambda order, value, _moment: any(text_of(line.product) in value for line in order.lines)


PARAMETERS: dict[str, Parameter] = {
    "orderID": Parameter(_ids, lambda order, value, _: order.order_id in value, required_one=True),
    "shipmentID": Parameter(_ids, _any_shipment(lambda s, value, _: s.shipment_id in value), required_one=True),
    "retailerID": Parameter(_ids, _any_shipment(lambda s, value, _: s.location in value), required_one=True),
    "manufacturerID": Parameter(_ids, lambda order, value, _: order.manufacturer in value, required_one=True),
    "customerID": Parameter(_texts(), lambda order, value, _: order.customer_id in value, required_one=True),
    "externalOrderID": Parameter(_texts(100), lambda order, value, _: order.external_id in value, required_one=True),
    "orderNumberSearch": Parameter(_texts(), _number_search, required_one=True),
    "orderStatus": Parameter(_enum, lambda o, v, m: order_status(o, m.now, m.switches) in v, required_one=True),
    "shipmentStatus": Parameter(_enum, _any_shipment(_shipment_status), required_one=True),
    "catalogID": Parameter(_integer(0), lambda _order, value, _: value == 0),
    "deliveryMethod": Parameter(_enum, _delivery),
    "externalStoreID": Parameter(_texts(), _any_shipment(lambda s, value, _: f"STORE-{s.location}" in value)),
    "orderDateStart": Parameter(_time, _always),
    "orderDateEnd": Parameter(_time, _always),
    "shipDateStart": Parameter(_time, _always),
    "shipDateEnd": Parameter(_time, _always),
    "orderType": Parameter(_enum, _order_type),
    "shipmentStateType": Parameter(_enum, _state_type),
    "shipmentStateCode": Parameter(_texts(), _any_shipment(_state_code)),
    "shipmentStateName": Parameter(_texts(), _any_shipment(_state_name)),
    "shipType": Parameter(_enum, lambda order, value, _: order.ship_type in value),
    "orderFeature": Parameter(_enum, lambda _order, _value, _moment: False),
    "condensedResponse": Parameter(_boolean, _always),
    "excludeFraudulent": Parameter(_boolean, _is_clean),
    "isGift": Parameter(_boolean, lambda order, value, _: order.is_gift == value),
    "isExternalPayment": Parameter(_boolean, lambda _order, value, _: not value),
    "partNumber": Parameter(_texts(50), _any_product(lambda product: product.part_number)),
    "UPC": Parameter(_texts(50), _any_product(lambda product: product.barcode)),
    "SKU": Parameter(_texts(50), _any_product(lambda product: product.sku("kibo"))),
    "channel": Parameter(_texts(50), _only("WEB")),
    "paymentType": Parameter(_texts(), _only("CREDIT_CARD")),
    "paymentSubType": Parameter(_texts(), _only("VISA")),
    "orderSubtotalMin": Parameter(_integer(0), lambda order, value, _: _subtotal_units(order) >= value),
    "orderSubtotalMax": Parameter(_integer(0), lambda order, value, _: _subtotal_units(order) <= value),
    "page": Parameter(_integer(1), _always),
    "perPage": Parameter(_integer(1, 100), _always),
    "sortBy": Parameter(_sort, _always),
}
WINDOWS = (("orderDateStart", "orderDateEnd"), ("shipDateStart", "shipDateEnd"))
NOT_FILTERS = frozenset({"page", "perPage", "sortBy", "condensedResponse"})


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A request that is allowed. `values` are read parameters; `key` identifies the rows it finds, pages apart."""

    values: Mapping[str, Any]
    key: tuple[tuple[str, Any], ...] = field(default=())

    @property
    def page(self) -> int:
        """The page asked for, from 1."""
        return self.values.get("page", 1)

    @property
    def per_page(self) -> int:
        """Rows a page."""
        return self.values.get("perPage", 10)

    @property
    def condensed(self) -> bool:
        """Whether parts are to be left out."""
        return self.values.get("condensedResponse", False)

    def of_account(self) -> SearchQuery:
        """The same question without its filters: all orders of the manufacturers."""
        kept = {"manufacturerID", "sortBy", *NOT_FILTERS}
        return SearchQuery(
            {name: value for name, value in self.values.items() if name in kept},
            tuple((name, value) for name, value in self.key if name in kept),
        )


def read_query(pairs: Sequence[tuple[str, str]]) -> SearchQuery:
    """Check a query string against the documented tables.

    Raises:
        SearchError: with the vendor's code for what is wrong.
    """
    if not pairs:
        raise SearchError(5010, "a search needs at least one parameter")
    values: dict[str, Any] = {}
    for name, text in pairs:
        parameter = PARAMETERS.get(name)
        if parameter is None:
            raise SearchError(5016, f"there is no parameter {name}")
        if name in values:
            raise SearchError(5014, f"{name} came twice; several values are joined by commas")
        values[name] = parameter.read(name, text)
    if not any(PARAMETERS[name].required_one for name in values):
        needed = ", ".join(name for name, parameter in PARAMETERS.items() if parameter.required_one)
        raise SearchError(5017, f"at least one of {needed} is required")
    for start, end in WINDOWS:
        if (start in values) != (end in values):
            raise SearchError(5010, f"{start} and {end} are used together")
        if start in values and values[start] > values[end]:
            raise SearchError(5014, f"{start} is after {end}")
    key = tuple(sorted((name, value) for name, value in values.items() if name not in {"page", "perPage"}))
    return SearchQuery(values, key)


def matches(order: Order, query: SearchQuery, moment: Moment) -> bool:
    """Whether an order matches every filter but the windows (those are the caller's, who knows about their ends)."""
    return all(
        PARAMETERS[name].matches(order, value, moment)
        for name, value in query.values.items()
        if name not in NOT_FILTERS
    )
