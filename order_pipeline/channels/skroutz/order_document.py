"""What the bytes of a webhook or of a read say of their order (`peek`), and the bytes without their secrets.

Columns and types are SQL, in `dbt_style_sql/models/staging/skroutz`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from order_pipeline.channels.meant_times import can_be_meant
from order_pipeline.channels.webhook import NotJsonError, Peek, Problem
from order_pipeline.http.errors import UNREADABLE_JSON

FORBIDDEN_KEYS = frozenset({"otp"})
"""Keys whose values no one may keep: the one-time password of a VAT exclusion (docs/apis/skroutz.md section 12)."""

_SECRETS = re.compile(
    rb'("(?:' + "|".join(sorted(FORBIDDEN_KEYS)).encode() + rb')"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)', re.IGNORECASE
)
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def peek(body: bytes) -> Peek:
    """Read the few facts that say which order a webhook's body, or a read's, is about.

    Accepts both event types, a bare `{"order": ...}`, and any JSON: without a usable order it carries a `problem`.

    Raises:
        NotJsonError: the bytes are not JSON.
    """
    try:
        return _peek(msgspec.json.decode(body))
    except UNREADABLE_JSON as error:
        raise _not_json(body, error) from None


def _peek(document: object) -> Peek:
    if not isinstance(document, dict):
        return Peek(None, None, None, None, Problem("bad_json", "$", type(document).__name__))
    envelope = cast("dict[str, Any]", document)
    event_time = parse_time(envelope.get("event_time"))
    if not isinstance(envelope.get("order"), dict):
        problem = Problem("bad_json", "order", type(envelope.get("order")).__name__)
        return Peek(None, None, event_time, None, problem)
    order = cast("dict[str, Any]", envelope["order"])
    return _peek_at_order(order, envelope, event_time)


def _peek_at_order(order: dict[str, Any], envelope: dict[str, Any], event_time: datetime | None) -> Peek:
    code, state, created_at = order.get("code"), order.get("state"), order.get("created_at")
    order_number = code if isinstance(code, str) and code.strip() else None
    ordered_at = parse_time(created_at)
    problem = None
    if order_number is None:
        problem = Problem("missing_key", "order.code", repr(code))
    elif ordered_at is None or not can_be_meant(ordered_at):
        problem = Problem("bad_timestamp", "order.created_at", repr(created_at))
    elif envelope.get("event_time") is not None and event_time is None:
        problem = Problem("bad_timestamp", "event_time", repr(envelope["event_time"]))
    return Peek(
        order_number=order_number,
        order_day=ordered_at.date() if ordered_at and can_be_meant(ordered_at) else None,
        event_time=event_time,
        state=state if isinstance(state, str) else None,
        problem=problem,
    )


def parse_time(value: object) -> datetime | None:
    """A timestamp with offset (or `Z`, fractions allowed) as UTC; None when it is anything else.

    A time without offset is refused, not guessed: docs/apis/common_schema.md section 13, rule bad_timestamp.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def without_secrets(body: bytes) -> bytes:
    """The same JSON without the forbidden keys, wherever they are; bytes without any are returned untouched.

    Everything else keeps its bytes (numbers above all: `10.40` stays `10.40`). Keys that are repeated inside an object
    on the way to a secret are reduced to their last occurrence, which is the one that counts.

    Raises:
        NotJsonError: the bytes are no JSON, or nested deeper than it can be followed from here.
    """
    lowered = body.lower()
    # An escaped key ("\\u006ftp") means the same: such bodies, rare, are searched as well.
    if not any(key.encode() in lowered for key in FORBIDDEN_KEYS) and b"\\u00" not in lowered:
        return body
    try:
        return _cleaned(body)
    except UNREADABLE_JSON as error:
        raise _not_json(body, error) from None


def without_codes(body: bytes) -> bytes:
    """A body as it may be kept: without the forbidden keys, or with their values masked where it is no JSON."""
    try:
        return without_secrets(body)
    except NotJsonError:
        return mask_secrets(body)


def mask_secrets(body: bytes) -> bytes:
    """Bytes that are no JSON, with what looks like a forbidden key's value masked."""
    return _SECRETS.sub(rb'\1"***"', body)


def _cleaned(value: bytes) -> bytes:
    opening = value.lstrip()[:1]
    if opening == b"{":
        kept = {
            key: msgspec.Raw(_cleaned(bytes(part)))
            for key, part in _decode_object(value).items()
            if key.strip().casefold() not in FORBIDDEN_KEYS
        }
        return _encode(kept)
    if opening == b"[":
        return _encode([msgspec.Raw(_cleaned(bytes(part))) for part in _decode_array(value)])
    return value


def _not_json(body: bytes, error: BaseException) -> NotJsonError:
    return NotJsonError(f"{type(error).__name__} in {len(body)} bytes: {_where(error)}")


def _where(error: BaseException) -> str:
    """The position part of a decoder's message: the rest may quote the body."""
    text = str(error)
    return text[text.rfind("(byte") :] if "(byte" in text else "position unknown"
