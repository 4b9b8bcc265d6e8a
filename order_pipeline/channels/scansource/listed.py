"""A row of a list as the plan needs it: number, day, status, items, shipped or not, and whether it differs from raw.

A row of salesorder/list or invoice/summary that cannot be keyed becomes a dead letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from order_pipeline.channels.base import DeadLetter, content_hash
from order_pipeline.channels.meant_times import can_be_meant
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.dates import parse_moment

MOST_PIECES = 999_999
OPEN_STATUSES = frozenset({"open", "on hold", "partially shipped"})


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One usable row. `has_shipped` is True too when the row does not say.

    `items` are the item numbers of its lines, each with the quantity ordered, None where that is not a whole number of
    pieces.
    """

    record_id: str
    number: str
    day: date
    payload: bytes
    is_open: bool
    has_shipped: bool
    items: tuple[tuple[str, int | None], ...]

    @property
    def content_sha256(self) -> str:
        """The hash under which raw holds this content."""
        return content_hash(self.payload)


def read_row(payload: bytes, key: str, customer_number: str, zone: ZoneInfo) -> ListedRow | DeadLetter:
    """A row of salesorder/list (key `OrderNumber`) or of invoice/summary (`InvoiceNumber`)."""
    try:
        return _read(payload, key, customer_number, zone)
    except RecursionError:
        return DeadLetter("bad_json", "", "nested too deeply", payload)


def _read(payload: bytes, key: str, customer_number: str, zone: ZoneInfo) -> ListedRow | DeadLetter:
    row = decode_object(payload)
    if row is None:
        return DeadLetter("bad_json", "", "not an object", payload)
    number = text_of(field_of(row, key))
    entered = field_of(row, "DateEntered")
    moment = parse_moment(entered, zone)
    day = moment.date() if moment and can_be_meant(moment) else None
    if not number:
        return DeadLetter("missing_key", key, "", payload, day)
    record_id = f"{customer_number}:{number}"
    if day is None:
        return DeadLetter("bad_timestamp", "DateEntered", str(entered or ""), payload, None, record_id)
    lines = _lines(row)
    return ListedRow(
        record_id=record_id,
        number=number,
        day=day,
        payload=payload,
        is_open=str(field_of(row, "Status") or "").strip().casefold() in OPEN_STATUSES,
        has_shipped=lines is None or any(_is_positive(field_of(line, "Shipped")) for line in lines),
        items=tuple(
            (item, _whole(field_of(line, "Ordered")))
            for line in lines or []
            if (item := text_of(field_of(line, "ItemNumber")))
        ),
    )


def text_of(value: object) -> str:
    """An id as text: ids may come as numbers; anything else is none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _lines(row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    lines = field_of(row, "SalesOrderLines")
    if not isinstance(lines, list):
        return None
    return [cast("dict[str, Any]", line) for line in cast("list[Any]", lines) if isinstance(line, dict)]


def _whole(value: object) -> int | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if 1 <= number <= MOST_PIECES and number.is_integer() else None


def _is_positive(value: object) -> bool:
    try:
        return float(str(value)) > 0
    except ValueError:
        return False
