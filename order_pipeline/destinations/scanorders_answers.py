"""What a ScanOrders reply means: the three envelopes, and the verdict on a `neworders` call. Pure functions, no I/O.

The rules come from docs/apis/scanorders.md sections 6 to 9 and 13. The verdict is cautious: a doubt costs a person a
look at a screen, a wrong "not sent" costs a double pick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import msgspec

from order_pipeline.redaction.texts import redact_text

REPLY_LIMIT = 500
"""Characters of a reply that are kept."""


class Outcome(StrEnum):
    """What is certain after one `neworders` call."""

    ACCEPTED = "accepted"
    """The fulfilment exists and was named."""
    REFUSED = "refused"
    """Definitely not created, for what the line is; sending the same again would be refused again."""
    LATER = "later"
    """Definitely not created, because of the moment (429); the same line may be sent after a pause."""
    NOT_SENT = "not_sent"
    """The request provably never left this machine."""
    UNAUTHORISED = "unauthorised"
    """Definitely not created: the token is not accepted."""
    MISCONFIGURED = "misconfigured"
    """Definitely not created: no such endpoint, or a user without rights. No line will fare better."""
    UNKNOWN = "unknown"
    """The request left and no definite answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict on one call. `message` and `reply` are redacted and short; `retry_after` is in seconds."""

    outcome: Outcome
    http_status: int | None = None
    fulfilment_id: str | None = None
    message: str = ""
    reply: str = ""
    retry_after: float | None = None


def decode_object(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None when it is anything else (half a body, HTML, a list)."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else None


def unwrap(body: Mapping[str, Any]) -> dict[str, Any]:
    """The reply's own fields, keys in lower case, out of any of the three envelopes (section 8).

    `response` if it is an object (Bubble), else `data` (as documented), else the top level (bare).
    """
    for name in ("response", "data"):
        inner = field(body, name)
        if isinstance(inner, Mapping):
            return {str(key).lower(): value for key, value in cast("Mapping[str, Any]", inner).items()}
    return {key.lower(): value for key, value in body.items()}


def field(body: Mapping[str, Any], name: str) -> Any:
    """A field by its name without regard to case (section 8); None when absent."""
    return next((value for key, value in body.items() if key.lower() == name), None)


def identifier(value: Any) -> str | None:
    """An id as text: `"17"`, `17` and `17.0` are the same id (section 11); None when it is empty or no id at all."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return str(value).strip() or None if isinstance(value, int | str) else None


def error_text(body: Mapping[str, Any] | None) -> tuple[str, str]:
    """Code and text of an error body (section 9): `{"statusCode", "body": {...}}` or flat; empty texts when unknown."""
    if body is None:
        return "", ""
    inner = field(body, "body")
    source = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else body
    code = field(source, "status") or field(source, "error_class") or ""
    text = field(source, "message") or field(source, "translation") or ""
    return str(code), str(text)


def redact(text: str, secrets: Sequence[str]) -> str:
    """The text without secrets, personal data and the given values (token, customer's name), cut to `REPLY_LIMIT`."""
    redacted = redact_text(text, secrets)
    return redacted if len(redacted) <= REPLY_LIMIT else f"{redacted[:REPLY_LIMIT]}..."


def judge_create(
    status: int,
    body: bytes,
    *,
    retry_after: float | None = None,
    secrets: Sequence[str] = (),
    unavailable_is_refusal: bool = False,
) -> Answer:
    """The verdict on a complete reply to `neworders`.

    Args:
        status: the HTTP status.
        body: the whole body.
        retry_after: the header's wait in seconds, when there was one above zero.
        secrets: values that must not be kept.
        unavailable_is_refusal: a 503 without Retry-After counts as "not created". Off by default: section 9 has seen
            503 as the limiter's answer, section 13 counts every 5xx after the body was sent as unknown. With
            Retry-After it is the limiter's.
    """
    decoded = decode_object(body)
    if (
        200 <= status < 300
        and decoded is not None
        and (fulfilment_id := identifier(unwrap(decoded).get("fulfilmentid")))
    ):
        reply = msgspec.json.encode({"fulfilmentid": fulfilment_id}).decode()  # all of it that means anything
        return Answer(outcome=Outcome.ACCEPTED, http_status=status, fulfilment_id=fulfilment_id, reply=reply)
    code, text = (redact(part, secrets) for part in error_text(decoded))
    common: dict[str, Any] = {
        "http_status": status,
        "reply": redact(body.decode("utf-8", "replace"), secrets),
        "retry_after": retry_after,
    }
    if 200 <= status < 300:
        return _judge_odd_success(decoded, code, text, common)
    outcome, message = _judge_failure(
        status, code, text, may_come_later=retry_after is not None or unavailable_is_refusal
    )
    return Answer(outcome=outcome, message=message, **common)


def _judge_failure(status: int, code: str, text: str, *, may_come_later: bool) -> tuple[Outcome, str]:
    if status == 429 or (status == 503 and may_come_later):
        return Outcome.LATER, f"HTTP {status}: over the limit"
    if status == 401:
        return Outcome.UNAUTHORISED, "HTTP 401: the access token is not accepted"
    if status in {403, 404, 405}:
        return Outcome.MISCONFIGURED, f"HTTP {status}: {text or 'endpoint, branch or user not accepted'}"
    if 400 <= status < 500 and status != 408:
        return Outcome.REFUSED, f"{code or f'HTTP {status}'}: {text or 'no text'}"
    return Outcome.UNKNOWN, f"HTTP {status}: the order may exist"


def _judge_odd_success(decoded: dict[str, Any] | None, code: str, text: str, common: dict[str, Any]) -> Answer:
    """A 2xx counts only with the id that create must name; without it the outcome is unknown (section 8)."""
    if decoded is None:
        return Answer(outcome=Outcome.UNKNOWN, message="a success status without readable JSON", **common)
    if code.upper() == "NOT_RUN":  # the workflow says itself that it did not run (section 9)
        return Answer(outcome=Outcome.REFUSED, message=f"NOT_RUN: {text}", **common)
    return Answer(outcome=Outcome.UNKNOWN, message="a success status without a fulfilment id", **common)
