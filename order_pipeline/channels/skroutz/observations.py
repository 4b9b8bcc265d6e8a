"""An observation: one order as it was at one moment, from a webhook or a read. What `raw.skroutz_orders` holds.

Every observation of an order is a version of the record with the order's code. Staging decides which of them is the
current state: the one with the latest `event_time` or `observed_at` (docs/apis/skroutz.md section 14). So events may
come late, twice or in any order. A webhook is kept byte for byte; what comes without a time of its own (a read, a bare
`{"order": ...}`) is put into an envelope that says when and how it was seen.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from order_pipeline.channels.base import DeadLetter, RecordBatch
from order_pipeline.channels.skroutz.order_document import mask_secrets, peek, without_secrets
from order_pipeline.channels.webhook import NotJsonError

RESOURCE = "orders"
VOLATILE_KEYS = ("accept_options", "reject_options", "reschedule_options", "relocate_options")
"""What an order offers at the moment: no facts about it, left out when two observations are compared."""

SeenBy = Literal["read", "webhook"]
_SHOWN = 100
# An order's code, in bytes that are no JSON: the first key `code` is the order's, its lines have none (section 3).
_CODE_SOMEWHERE = re.compile(rb'"code"\s*:\s*"([A-Za-z0-9-]{1,64})"')
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def add_observation(batch: RecordBatch, body: bytes, seen_at: datetime, seen_by: SeenBy) -> str | None:
    """Add a body to the batch, as a record of its order or as a dead letter; returns the order's code if it is usable.

    Args:
        batch: of resource `orders`.
        body: a webhook's or a read's, secrets and all; they are taken out here.
        seen_at: arrival of the webhook, or time of the read.
        seen_by: where it came from.
    """
    try:
        seen = peek(body)
    except NotJsonError as error:
        payload = mask_secrets(body)
        found = _CODE_SOMEWHERE.search(body)
        code = found[1].decode() if found else None
        batch.dead_letters.append(DeadLetter("bad_json", "payload", str(error), payload, None, code))
        return None
    payload = without_secrets(body)
    if seen.problem is not None or seen.order_number is None or seen.order_day is None:
        problem = seen.problem
        rule, field, value = (problem.rule, problem.field, problem.value) if problem else ("missing_key", "order", "")
        batch.dead_letters.append(DeadLetter(rule, field, value[:_SHOWN], payload, seen.order_day, seen.order_number))
        return None
    if seen.event_time is None:
        payload = _in_envelope(payload, seen_at, seen_by)
    batch.record_ids.append(seen.order_number)
    batch.days.append(seen.order_day)
    batch.payloads.append(payload)
    return seen.order_number


def facts_of(payload: bytes) -> dict[str, Any]:
    """The order's facts inside a stored observation, to compare two of them: JSON values without what is volatile."""
    order = msgspec.json.decode(payload)["order"]
    return {key: value for key, value in cast("dict[str, Any]", order).items() if key not in VOLATILE_KEYS}


def is_read(payload: bytes) -> bool:
    """Whether a stored observation is a read."""
    seen_by = _decode_parts(payload).get("observed_by")
    return seen_by is not None and bytes(seen_by) == b'"read"'


def _in_envelope(payload: bytes, seen_at: datetime, seen_by: SeenBy) -> bytes:
    order = _decode_parts(payload)["order"]
    return msgspec.json.encode({"observed_at": seen_at, "observed_by": seen_by, "order": order})
