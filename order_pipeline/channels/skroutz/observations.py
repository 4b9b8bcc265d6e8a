"""An observation: one order as it was at one moment, from a webhook or a read. What `raw.skroutz_orders` holds.

Every observation of an order is a version of the record with the order's code. Staging decides which of them is the
current state: the one with the latest `event_time` or `observed_at` (docs/apis/skroutz.md section 14). So events may
come late, twice or in any order. A webhook is kept byte for byte; one that is stamped
ahead also gets its arrival. What comes without a time of its own (a read, a bare `{"order": ...}`) is put into an
envelope that says when and how it was seen.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import msgspec

from order_pipeline.channels.base import DeadLetter, RecordBatch
from order_pipeline.channels.skroutz.order_document import mask_secrets, peek, without_secrets
from order_pipeline.channels.webhook import NotJsonError

RESOURCE = "orders"
VOLATILE_KEYS = ("accept_options", "reject_options", "reschedule_options", "relocate_options")
"""What an order offers at the moment: no facts about it, left out when two observations are compared."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much two clocks may differ that are both right."""

SeenBy = Literal["read", "webhook"]
_SHOWN = 100
# An order's code, in bytes that are no JSON: the first key `code` is the order's, its lines have none (section 3).
_CODE_SOMEWHERE = re.compile(rb'"code"\s*:\s*"([A-Za-z0-9-]{1,64})"')
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def add_observation(
    batch: RecordBatch, body: bytes, seen_at: datetime, seen_by: SeenBy, *, follows: datetime | None = None
) -> str | None:
    """Add a body to the batch, as a record of its order or as a dead letter; returns the order's code if it is usable.

    Args:
        batch: of resource `orders`.
        body: a webhook's or a read's, secrets and all; they are taken out here.
        seen_at: arrival of the webhook, or time of the read.
        seen_by: where it came from.
        follows: of a read, when the event counts that was here before the read was asked for.
    """
    try:
        seen, payload = peek(body), without_secrets(body)
    except NotJsonError as error:
        payload = mask_secrets(body)
        found = _CODE_SOMEWHERE.search(body)
        code = found[1].decode() if found else None
        batch.dead_letters.append(DeadLetter("bad_json", "payload", str(error), payload, None, code))
        return None
    if seen.problem is not None or seen.order_number is None or seen.order_day is None:
        problem = seen.problem
        rule, field, value = (problem.rule, problem.field, problem.value) if problem else ("missing_key", "order", "")
        batch.dead_letters.append(DeadLetter(rule, field, value[:_SHOWN], payload, seen.order_day, seen.order_number))
        return None
    if seen.event_time is None:
        payload = _in_envelope(payload, seen_at, seen_by, follows)
    elif seen.event_time > seen_at:
        payload = _with_arrival(payload, seen_at)
    batch.add(seen.order_number, seen.order_day, payload)
    return seen.order_number


def facts_of(payload: bytes) -> dict[str, Any]:
    """The order's facts inside a stored observation, to compare two of them: JSON values without what is volatile."""
    order = msgspec.json.decode(payload)["order"]
    return {key: value for key, value in cast("dict[str, Any]", order).items() if key not in VOLATILE_KEYS}


def is_read(payload: bytes) -> bool:
    """Whether a stored observation is a read. An event that calls itself one has a time of its own."""
    parts = _decode_parts(payload)
    seen_by = parts.get("observed_by")
    return (
        seen_by is not None and bytes(seen_by) == b'"read"' and parts.keys().isdisjoint({"event_time", "received_at"})
    )


def _with_arrival(payload: bytes, seen_at: datetime) -> bytes:
    """The same event with its arrival as last key: the last one counts, so no event can state its own."""
    return b'%b,"received_at":%b}' % (payload.rstrip()[:-1], msgspec.json.encode(seen_at))


def _in_envelope(payload: bytes, seen_at: datetime, seen_by: SeenBy, follows: datetime | None) -> bytes:
    """The order behind when and how it was seen.

    Times of events and of answers are whole seconds, of two clocks: a read may seem to be earlier than the event that
    it follows. What differs by more than clocks do is left to staging, which knows more rows.
    """
    envelope: dict[str, Any] = {"observed_at": seen_at, "observed_by": seen_by}
    if follows is not None and seen_at <= follows < seen_at + CLOCKS_DIFFER:
        envelope |= {"observed_at": follows, "follows_event": True}
    return msgspec.json.encode({**envelope, "order": _decode_parts(payload)["order"]})
