"""A row of a list as the plan needs it: number, day, status, items, shipped or not, and whether it differs from raw.

A row of salesorder/list or invoice/summary that cannot be keyed becomes a dead letter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.dates import day_of

OPEN_STATUSES = frozenset({"open", "on hold", "partially shipped"})


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One usable row. `has_shipped` is True too when the row does not say."""

    record_id: str
    number: str
    day: date
    payload: bytes
    is_open: bool
    has_shipped: bool
    items: tuple[str, ...]

    @property
    def content_sha256(self) -> str:
        """The hash under which raw holds this content."""
        return hashlib.sha256(self.payload).hexdigest()


def read_order_row(payload: bytes, customer_number: str, zone: ZoneInfo) -> ListedRow | DeadLetter:
    """A row of salesorder/list."""
    return _read(payload, customer_number, zone, "OrderNumber")


def read_invoice_row(payload: bytes, customer_number: str, zone: ZoneInfo) -> ListedRow | DeadLetter:
    """A row of invoice/summary."""
    return _read(payload, customer_number, zone, "InvoiceNumber")


def _read(payload: bytes, customer_number: str, zone: ZoneInfo, key: str) -> ListedRow | DeadLetter:
    row = decode_object(payload)
    if row is None:
        return DeadLetter("bad_json", "", "not an object", payload)
    number = text_of(field_of(row, key))
    entered = field_of(row, "DateEntered")
    day = day_of(entered, zone)
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
        items=tuple(item for line in lines or [] if (item := text_of(field_of(line, "ItemNumber")))),
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


def _is_positive(value: object) -> bool:
    try:
        return float(str(value)) > 0
    except ValueError:
        return False
