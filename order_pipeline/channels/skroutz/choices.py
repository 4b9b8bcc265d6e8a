"""What an order offers at this moment, and a person's choice as a request (docs/apis/skroutz.md 3.2 to 3.5, 5.4).

A wrong choice is answered with the list of the right ones. Nothing here calls the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from order_pipeline.channels.operator_commands import RequestError

Order = dict[str, Any]
Options = list[dict[str, Any]]

COURIERS = ("acs", "dhl", "geniki_taxydromiki", "dpd", "gls")
"""The codes of couriers that `/tracking_details` takes; not the names in `order.courier`."""


@dataclass(frozen=True, slots=True)
class LineRejection:
    """A line that cannot be delivered. `available_quantity` is required by some reasons (limited pieces)."""

    line_id: str
    reason_id: int
    available_quantity: int | None = None

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A rejection as a person writes it: `LINE:REASON` or `LINE:REASON:AVAILABLE`.

        Raises:
            RequestError: another form.
        """
        line_id, *numbers = text.split(":")
        if not line_id or len(numbers) not in {1, 2} or not all(number.isdecimal() for number in numbers):
            raise RequestError(f"{text!r} is not LINE:REASON or LINE:REASON:AVAILABLE, the last two numbers.")
        return cls(line_id, *map(int, numbers))


@dataclass(frozen=True, slots=True)
class Shipment:
    """A parcel that the shop gave to a courier; `courier` is one of `COURIERS`."""

    courier: str
    tracking_code: str

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A shipment as a person writes it: `COURIER:TRACKING_CODE`.

        Raises:
            RequestError: another form, or a courier that Skroutz does not list.
        """
        courier, _, tracking_code = (part.strip() for part in text.partition(":"))
        if courier not in COURIERS:
            raise RequestError(f"{courier!r} is no courier code of Skroutz; possible: {', '.join(COURIERS)}.")
        if not tracking_code:
            raise RequestError(f"{text!r} is not COURIER:TRACKING_CODE.")
        return cls(courier, tracking_code)


def choose_tracking(order: Order, shipments: Sequence[Shipment]) -> dict[str, Any]:
    """The body of `/tracking_details`, one entry for each shipment.

    Raises:
        RequestError: Skroutz fulfils the order, no shipment, a code twice, or a code that the order has already.
    """
    if order.get("fulfilled_by_skroutz") is True:
        raise RequestError(
            "Skroutz ships this order itself: it takes tracking codes for the shop's own shipments only."
        )
    codes = [shipment.tracking_code for shipment in shipments]
    known = [code for code in codes if code in _tracking_codes(order)]
    if not codes or len(set(codes)) < len(codes):
        raise RequestError("Give one tracking code for each shipment, and each code once.")
    if known:
        raise RequestError(f"The order has {', '.join(known)} already; what a second call does is not documented.")
    return {"tracking_details": [{"courier": s.courier, "tracking_code": s.tracking_code} for s in shipments]}


def shows_all(order: Order, shipments: Sequence[Shipment]) -> bool:
    """Whether the order shows the tracking code of every shipment."""
    return all(shipment.tracking_code in _tracking_codes(order) for shipment in shipments)


def _tracking_codes(order: Order) -> list[Any]:
    codes = order.get("courier_tracking_codes")
    return cast("list[Any]", codes) if isinstance(codes, list) else []


def choose_acceptance(order: Order, location: str | None, window: int | None, parcels: int) -> dict[str, Any]:
    """The body of `/accept`: ids out of `accept_options`, None where there is nothing to choose.

    Raises:
        RequestError: the order cannot be accepted, or the choice is not among its options.
    """
    _check_open(order)
    if order.get("express") is True:
        raise RequestError("Express orders are accepted by Skroutz itself, never here.")
    options = _options(order, "accept_options")
    locations, windows = _listed(options, "pickup_location"), _listed(options, "pickup_window")
    request = {"pickup_location": _chosen(location, locations, "pickup location")}
    # A store pickup has no windows; what to send then is not documented, so nothing is.
    if windows or window is not None:
        request["pickup_window"] = _chosen(window, windows, "pickup window")
    numbers = options.get("number_of_parcels") or [1]
    if parcels not in numbers:
        raise RequestError(f"{parcels} parcels are not offered; possible: {numbers}.")
    return {**request, "number_of_parcels": parcels}


def choose_rejection(order: Order, lines: Sequence[LineRejection], other_reason: str | None) -> dict[str, Any]:
    """The body of `/reject`.

    Raises:
        RequestError: the order cannot be rejected, or not in this way.
    """
    _check_open(order)
    text = (other_reason or "").strip()
    if bool(lines) == bool(text):
        raise RequestError("Give either lines with reasons or one text for the whole order.")
    if text:
        return {"rejection_reason_other": text}
    known = {str(line.get("id")) for line in _listed(order, "line_items")}
    reasons = _listed(_options(order, "reject_options"), "line_item_rejection_reasons")
    return {"line_items": [_rejected_line(line, known, reasons) for line in lines]}


def _rejected_line(line: LineRejection, known: set[str], reasons: Options) -> dict[str, Any]:
    if line.line_id not in known:
        raise RequestError(f"The order has no line {line.line_id}; its lines: {', '.join(sorted(known))}.")
    reason = next((offered for offered in reasons if offered.get("id") == line.reason_id), None)
    if reason is None:
        raise RequestError(f"Reason {line.reason_id} is not offered; possible: {_shown(reasons)}.")
    request: dict[str, Any] = {"id": line.line_id, "reason_id": line.reason_id}
    if line.available_quantity is not None:
        request["available_quantity"] = line.available_quantity
    elif reason.get("requires_available_quantity") is True:
        raise RequestError(f"Reason {line.reason_id} needs the quantity that is available.")
    return request


def _check_open(order: Order) -> None:
    if order.get("state") != "open":
        raise RequestError(f"The order is {order.get('state')!r}, not open: it cannot be accepted or rejected.")


def _options(order: Order, key: str) -> dict[str, Any]:
    options = order.get(key)
    if not isinstance(options, dict):
        raise RequestError(f"The order offers no {key}: Skroutz gives them only while it can be acted on.")
    return cast("dict[str, Any]", options)


def _listed(container: dict[str, Any], key: str) -> Options:
    return cast("Options", container.get(key) or [])


def _chosen(wanted: str | int | None, offered: Options, what: str) -> Any:
    """The offered id that is wanted, in the type in which it was offered (old documents have numbers for texts)."""
    if wanted is None and len(offered) == 1:
        return offered[0]["id"]
    found = next((option["id"] for option in offered if str(option["id"]) == str(wanted)), None)
    if wanted is None or found is None:
        asked = f"There is no {what} {wanted!r}" if wanted is not None else f"Choose a {what}"
        raise RequestError(f"{asked}; possible: {_shown(offered)}.")
    return found


def _shown(options: Options) -> str:
    return "; ".join(f"{option.get('id')} ({option.get('label')})" for option in options) or "none"
