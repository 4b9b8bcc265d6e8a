"""How single Kibo values are written: statuses, money, times, text; and switches where the vendor does not say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from html.entities import codepoint2name
from typing import Literal

from order_pipeline.sandbox.kibo.orders import Order, RecordSize, State

PriceBasis = Literal["unit", "line", "both_unit"]
Spelling = Literal["documented", "one_l", "two_l"]


@dataclass(frozen=True, slots=True)
class PayloadSwitches:
    """How payloads are written; the truth is not documented (docs/apis/kibo.md section 12).

    prices: `unit` (actualPrice per unit, subtotal per line), `line` (both per line), `both_unit` (both per unit).
    tracking: whether shipments that left carry `trackingInformation`.
    items_in: where assigned items stand; `shipments` still shows unassigned ones in orderItems.
    spelling: of cancelled; `documented` has one L for orders and items, two for shipments.
    shipped_status: the text of the undocumented status after READY; an invention of this sandbox.
    size: `full`, or `lean` records of about 4.7 KB for measurements.
    """

    prices: PriceBasis = "unit"
    tracking: Literal["present", "absent"] = "present"
    items_in: Literal["shipments", "orderItems", "both"] = "shipments"
    ids: Literal["numbers", "strings"] = "numbers"
    spelling: Spelling = "documented"
    shipped_status: str = "HANDED_OVER"
    size: RecordSize = "full"


def order_status(order: Order, now: datetime, switches: PayloadSwitches) -> str:
    """AVAILABLE while unassigned, else what its shipments say together."""
    states = {state for shipment in order.shipments if (state := shipment.state_at(now)) is not None}
    for state in ("READY", "BACKORDER", "SHIPPED", "CANCELLED"):
        if state in states:
            return status_text(state, switches, two_l=False)
    return "AVAILABLE"


def status_text(state: State, switches: PayloadSwitches, *, two_l: bool) -> str:
    """The text of a state; `two_l` is the documented spelling of the place it stands in."""
    if state == "SHIPPED":
        return switches.shipped_status
    if state != "CANCELLED":
        return state
    doubled = two_l if switches.spelling == "documented" else switches.spelling == "two_l"
    return "CANCELLED" if doubled else "CANCELED"


def amount(cents: int) -> int | float:
    """Hundredths as a JSON number: whole when it is whole, as the sample does."""
    return cents // 100 if cents % 100 == 0 else cents / 100


def stamp(moment: datetime | None) -> str | None:
    """A time as responses write it: `+00:00`."""
    return moment.isoformat(timespec="seconds") if moment else None


@lru_cache(maxsize=4096)
def entity_text(text: str) -> str:
    """Text as the platform stores it: ASCII, named entities for latin-1 letters, numbers for the rest."""
    if text.isascii() and "&" not in text:
        return text
    return "".join(_entity(character) for character in text)


def _entity(character: str) -> str:
    code = ord(character)
    if character == "&" or 160 <= code < 256:
        return f"&{codepoint2name[code]};" if code in codepoint2name else f"&#{code};"
    return character if code < 128 else f"&#{code};"
