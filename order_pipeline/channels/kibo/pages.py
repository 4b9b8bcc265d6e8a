"""From the bytes of a page to orders with their ids and times, without building Python objects of the orders.

Of an order only its key and its time are read here. Broken pages and broken orders are kept as far as they can be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeAlias, cast

import msgspec

from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.kibo.masking import mask_passwords
from order_pipeline.channels.meant_times import can_be_meant
from order_pipeline.http.errors import UNREADABLE_JSON
from order_pipeline.http.json_spans import array_elements
from order_pipeline.http.reply import Reply
from order_pipeline.redaction.errors import described

_SHOWN = 100
_COLLECTION = re.compile(rb'"collection"\s*:\s*(?=\[)')
_TOTAL = re.compile(rb'"totalCount"\s*:\s*"?([0-9]+)"?\s*(?=[,}])')
_POSITION = re.compile(r"\(byte (\d+)\)")
_KEY = re.compile(rb'"(\w+)"\s*:\s*', re.ASCII)
_NUMBER = re.compile(rb"[-+.]?[0-9][0-9a-zA-Z.+-]{0,40}")
_ID_SOMEWHERE = re.compile(rb'"orderID"\s*:\s*"?([1-9][0-9]{0,17})\b')
_ABSENT = msgspec.Raw(b"")


class _Envelope(msgspec.Struct):
    collection: list[msgspec.Raw] | None
    totalCount: msgspec.Raw = _ABSENT  # noqa: N815  the vendor's key
    error: msgspec.Raw = _ABSENT
    errors: msgspec.Raw = _ABSENT
    errorCode: msgspec.Raw = _ABSENT  # noqa: N815
    errorMessage: msgspec.Raw = _ABSENT  # noqa: N815
    fault: msgspec.Raw = _ABSENT
    exception: msgspec.Raw = _ABSENT


class _Key(msgspec.Struct):
    orderID: int | str | None = None  # noqa: N815
    orderDate: str | None = None  # noqa: N815


# Orders begin with their key and, after some plain values, their time (section 4): reading just these is three times as
# fast as reading the order to its end. Of an order that is valid JSON; what begins otherwise is read as a whole.
_KEY_FIRST = re.compile(
    rb'\{"orderID":([1-9][0-9]{0,17}),'
    rb'(?:"(?!order(?:ID|Date)")\w+":(?:"[^"\\]*"|[-+.0-9eE]+|true|false|null),)*'
    rb'"orderDate":"([-+:.0-9TZ]{1,40})"'
)

_ERROR_FIELDS = ("error", "errors", "errorCode", "errorMessage", "fault", "exception")
_NOTHING = frozenset({b"", b"null", b"[]", b"{}", b'""', b"false", b"0"})
_PAGING_KEYS = frozenset({"page", "perPage", "pageCount", "totalPages"})

_IdAndTime: TypeAlias = tuple[str | None, datetime | None]

_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_key = msgspec.json.Decoder(_Key).decode


@dataclass(slots=True)
class OrderPage:
    """A page as parallel columns: ids (text), times (UTC), payloads (JSON, passwords masked, views of it); the rest.

    Attributes:
        dead_letters: orders without a usable id or time, or that are no JSON objects; with their bytes.
        total: the API's `totalCount`, None if absent or no number.
        broken: the page is no JSON, so it was split by its brackets.
        cut: its list does not end, so orders may be missing from it.
        is_doubtful: it was split at places that may be wrong.
        doubt: why the page proves nothing about what is not on it; "" if it does.
    """

    ids: list[str] = field(default_factory=list[str])
    times: list[datetime] = field(default_factory=list[datetime])
    payloads: list[memoryview] = field(default_factory=list[memoryview])
    dead_letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    total: int | None = None
    broken: bool = False
    cut: bool = False
    is_doubtful: bool = False
    doubt: str = ""

    @property
    def items(self) -> int:
        """Orders on the page, usable or not."""
        return len(self.ids) + len(self.dead_letters)

    def hides_orders(self, number: int, size: int) -> bool:
        """Whether a broken order may have swallowed others: page `number` does not have its `size`, or odd orders."""
        promised = size if self.total is None else min(size, self.total - (number - 1) * size)
        return self.broken and (self.is_doubtful or self.items != promised)

    def add(self, other: OrderPage) -> None:
        """Put the orders of another page behind those of this one."""
        for mine, others in (
            (self.ids, other.ids),
            (self.times, other.times),
            (self.payloads, other.payloads),
            (self.dead_letters, other.dead_letters),
        ):
            mine.extend(others)  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
        self.total = self.total if other.total is None else other.total
        self.cut |= other.cut
        self.doubt = self.doubt or other.doubt


def read_page(reply: Reply, day: date | None = None, *, size: int | None = None) -> OrderPage:
    """Split a 200 reply of the search; an empty body means "no result" (observed). `day` goes to dead letters.

    A page that is not valid JSON is split by its brackets, so that one broken order does not take the others with it.
    One of `size` 1 is not split: all of it is that order.

    Raises:
        UnreadableBody: the reply is no page at all (no `collection`).
    """
    content = mask_passwords(reply.utf8("latin1"))  # the platform stores latin1 (section 8)
    page = OrderPage()
    if not content.strip():
        return page
    try:
        envelope = _decode_envelope(content)
    except msgspec.ValidationError as error:
        raise reply.unreadable(f"the reply holds no list of orders ({described(error)})") from error
    except UNREADABLE_JSON:
        _read_broken_page(reply, content, page, day, alone=size == 1)
        return page
    page.total = _total(bytes(envelope.totalCount))
    for raw in envelope.collection or ():
        _add_order(page, raw, _read_key_first(raw), day)
    page.doubt = _doubt_about(envelope, page) if page.items else _doubt_about_no_orders(envelope, content)
    return page


def _doubt_about(envelope: _Envelope, page: OrderPage) -> str:
    said = [name for name in _ERROR_FIELDS if bytes(getattr(envelope, name)) not in _NOTHING]
    return f"{page.items} orders came with {', '.join(said)}" if said else ""


def _doubt_about_no_orders(envelope: _Envelope, content: bytes) -> str:
    """Without a total, an empty list ends a search only in the envelope that the contract knows (section 4.1)."""
    if bytes(envelope.totalCount).strip(b' "').isdigit():
        return ""
    if envelope.collection is None:
        return "the collection is null and there is no total"
    try:
        strange = sorted(_decode_keys(content).keys() - {"collection", "totalCount"} - _PAGING_KEYS)
    except UNREADABLE_JSON:
        return "an empty list in an envelope whose keys cannot be read"
    return f"an empty list in an unknown envelope: {', '.join(strange)[:_SHOWN]}" if strange else ""


def _read_broken_page(reply: Reply, content: bytes, page: OrderPage, day: date | None, *, alone: bool) -> None:
    start = _COLLECTION.search(content)
    if start is None:
        raise reply.unreadable("the reply is neither JSON nor a broken list of orders")
    elements, end = array_elements(content, start.end())
    if alone and (last := content.rfind(b"]")) > start.end():
        elements, end = [whole] if (whole := content[start.end() + 1 : last].strip()) else [], last + 1
    outside = content[: start.start()] + (content[end:] if end is not None else b"")
    total = _TOTAL.search(outside)
    page.total = int(total[1]) if total else None
    page.cut = end is None
    page.broken = True
    page.is_doubtful = end is None or not _is_json(content[: start.end()] + b"[]" + content[end:])
    for element in elements:
        page.is_doubtful |= element[:1] != b"{" or element[-1:] != b"}"
        _add_order(page, element, _read_key(element), day)


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content)
    except UNREADABLE_JSON:
        return False
    return True


def _add_order(page: OrderPage, raw: msgspec.Raw | bytes, key: _IdAndTime, day: date | None) -> None:
    order_id, time = key
    if order_id is None or time is None:
        page.dead_letters.append(_explain(bytes(raw), day))
        return
    page.ids.append(order_id)
    page.times.append(time)
    page.payloads.append(memoryview(raw))


def _read_key_first(raw: msgspec.Raw) -> _IdAndTime:
    begins = _KEY_FIRST.match(raw)
    return (begins[1].decode(), _usable_time(begins[2].decode())) if begins else _read_key(raw)


def _read_key(raw: msgspec.Raw | bytes) -> _IdAndTime:
    try:
        key = _decode_key(raw)
    except UNREADABLE_JSON:
        return None, None
    return _usable_id(key.orderID), _usable_time(key.orderDate)


def _usable_id(value: object) -> str | None:
    """The id as text, from a number or a text (the contract accepts both); positive, not blank."""
    if isinstance(value, str):
        return value if value.strip() else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _usable_time(text: object) -> datetime | None:
    """An ISO date-time with an offset (`Z`, `+00:00`, `+0000`) that can be meant, in UTC (section 3.4)."""
    if not isinstance(text, str) or text[10:11] != "T" or text[4:5] != "-":
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC) if time.tzinfo else None
        return time if time and can_be_meant(time) else None
    except (ValueError, OverflowError):
        return None


def _explain(payload: bytes, day: date | None) -> DeadLetter:
    """Name the rule (docs/apis/common_schema.md section 13) that an order breaks, with field and value."""
    try:
        return _explain_order(msgspec.json.decode(payload), payload, day)
    except UNREADABLE_JSON as error:
        found = _ID_SOMEWHERE.search(payload)
        return DeadLetter("bad_json", *_place_of(error, payload), payload, day, found[1].decode() if found else None)


def _explain_order(order: object, payload: bytes, day: date | None) -> DeadLetter:
    if not isinstance(order, dict):
        return DeadLetter("bad_json", "order", f"{type(order).__name__} instead of an object", payload, day)
    fields = cast("dict[str, Any]", order)
    order_id = _usable_id(fields.get("orderID"))
    if order_id is None:
        return DeadLetter("missing_key", "orderID", _shown(fields, "orderID"), payload, day)
    return DeadLetter("bad_timestamp", "orderDate", _shown(fields, "orderDate"), payload, day, order_id)


def _place_of(error: Exception, payload: bytes) -> tuple[str, str]:
    """The key before the place where the JSON breaks, and what broke: the number as it stands, never a text."""
    position = _POSITION.search(str(error))
    keys = list(_KEY.finditer(payload, 0, int(position[1]))) if position else []
    if not keys:
        return "order", str(error)
    number = _NUMBER.match(payload, keys[-1].end())
    return keys[-1][1].decode(), f"{number[0].decode()}: {error}" if number else str(error)


def _shown(fields: dict[str, Any], name: str) -> str:
    return msgspec.json.encode(fields[name]).decode()[:_SHOWN] if name in fields else "absent"


def _total(raw: bytes) -> int | None:
    digits = raw.strip(b' "')
    return int(digits) if digits.isdigit() and len(digits) <= 12 else None
