"""Reads one order by its code, and says what the API's refusals mean (docs/apis/skroutz.md sections 2 to 4).

The URLs inside an order are never fetched: a voucher's changes the order (section 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote

from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.auth import BearerToken
from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import ApiError, NotBuilt, NotConfigured, PermanentError, TransientError
from order_pipeline.http.record_ids import problem_of_path_id
from order_pipeline.http.reply import Reply, json_problem
from order_pipeline.http.transport import Transport

ACCEPT = "application/vnd.skroutz+json; version=3.0"
JSON_TYPE = "application/json; charset=utf-8"  # of every request body but a file's (section 1)
_MOST_ORDER_BYTES = 16_000_000  # an order of 10,000 lines has 3 to 11 MB


class TokenReplacedError(PermanentError):
    """401: the shop's token does not work any more. Every call fails until the setting is changed: stop at once."""


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """The answer to one read. `content` is None when Skroutz knows no such order; `read_at` is Skroutz's own time."""

    code: str
    content: bytes | None
    read_at: datetime


def open_transport(settings: SkroutzSettings) -> Transport:
    """The transport of the configured shop.

    Raises:
        NotConfigured: no token, or an account name that cannot be part of an id.
    """
    if settings.token is None:
        raise NotConfigured("Skroutz needs ORDER_PIPELINE_SKROUTZ__TOKEN; make one in the merchant panel")
    if not settings.account or ":" in settings.account:
        raise NotConfigured("ORDER_PIPELINE_SKROUTZ__ACCOUNT names the shop in every id: not empty, no colon")
    return Transport(
        "skroutz",
        settings.base_url,
        auth=BearerToken(settings.token.get_secret_value()),
        rate=settings.rate,
        headers={"Accept": ACCEPT},
        classify=classify,
        json_type=JSON_TYPE,
        max_body_bytes=_MOST_ORDER_BYTES,
    )


def order_path(code: str, action: str = "") -> str:
    """The path of an order or of an action on it. Codes are opaque text, so they are quoted whole.

    Raises:
        NotBuilt: no URL can carry the code.
    """
    if problem := problem_of_path_id(code):
        raise NotBuilt(problem, next_step="Check the code; Skroutz's look like 191128-1234567.")
    return f"/merchants/ecommerce/orders/{quote(code, safe='')}" + (f"/{action}" if action else "")


async def read_order(transport: Transport, code: str) -> ReadOrder:
    """Read one order as it is now.

    Raises:
        NotBuilt: no URL can carry the code; nothing was sent.
        TokenReplacedError: nothing can be read with this token.
        ApiError: the read failed for another reason; `attempts` says how often it was tried.
    """
    try:
        reply = await transport.request("GET", order_path(code))
    except PermanentError as error:
        if error.status == 404:
            return ReadOrder(code, None, datetime.now(UTC))
        raise
    return ReadOrder(code, reply.utf8(), answered_at(reply))


def answered_at(reply: Reply) -> datetime:
    """When Skroutz answered, by its own clock, to the second like `event_time`; by ours where it does not say."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).astimezone(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)


def classify(reply: Reply) -> ApiError | None:
    """401 is final for all calls; a 403 that carries `message` instead of `errors` is a rate limit (section 2)."""
    if reply.status == 200:
        return json_problem(reply) or error_answer(reply, ("order",))
    if reply.status == 401:
        next_step = (
            "Somebody made a new token, which ended this one: put the new one into ORDER_PIPELINE_SKROUTZ__TOKEN."
        )
        return reply.error(TokenReplacedError, "answered 401: the token is refused", next_step)
    if reply.status == 403 and _is_throttle(reply):
        next_step = "Lower ORDER_PIPELINE_SKROUTZ__RATE__REQUESTS_PER_SECOND."
        wait = reply.retry_after or 2.0**reply.attempts
        return reply.error(TransientError, "answered 403: over the rate limit", next_step, retry_after=wait)
    return None


def _is_throttle(reply: Reply) -> bool:
    try:
        body = reply.json()
    except ApiError:
        return False
    return isinstance(body, dict) and "message" in cast("dict[str, Any]", body) and "errors" not in body
