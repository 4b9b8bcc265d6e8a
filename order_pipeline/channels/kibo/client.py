"""Calls on Order Search v2: headers, token, what refusals mean, and a walk through the pages of a search.

The rules are those of docs/apis/kibo.md sections 1, 2, 3.3 and 9.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from typing import Any

from order_pipeline.channels.kibo.pages import OrderPage, read_page
from order_pipeline.channels.kibo.query import SearchQuery
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.http.auth import ClientCredentials
from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import ApiError, CutBody, NotConfigured, PermanentError, TransientError
from order_pipeline.http.pagination import NumberedPages, Walk
from order_pipeline.http.reply import Reply, json_problem
from order_pipeline.http.retry import parse_retry_after
from order_pipeline.http.transport import Transport

_RECORD_KEYS = ("collection",)
_REFUSALS = frozenset({*range(5002, 5006), *range(5010, 5018)})
"""The vendor's codes for what will be refused again; 5001 (unavailable) and 5006 (server error) pass (section 9)."""
_TOO_FAST = (
    b"over queries per second",
    b"over rate limit",
    b"over qps",
    b"over_qps",
    b"over_rate",
    b"rate limit exceed",
)


def open_transport(settings: KiboSettings) -> Transport:
    """The transport of the configured account.

    Raises:
        NotConfigured: key, secret or manufacturer ids are not set.
    """
    if settings.api_key is None or settings.api_secret is None:
        raise NotConfigured("Kibo needs ORDER_PIPELINE_KIBO__API_KEY and ORDER_PIPELINE_KIBO__API_SECRET")
    if not settings.manufacturer_ids:
        raise NotConfigured('Kibo needs ORDER_PIPELINE_KIBO__MANUFACTURER_IDS, for example ["1234"]')
    key = settings.api_key.get_secret_value()
    return Transport(
        "kibo",
        settings.base_url,
        auth=ClientCredentials(
            settings.token_url,
            key,
            settings.api_secret.get_secret_value(),
            extra_headers=settings.extra_headers,
            renew_statuses=frozenset({401, 403}),
        ),
        rate=settings.rate,
        headers={"API-Key": key, "Content-Type": "application/json", **settings.extra_headers},
        classify=classify,
    )


def classify(reply: Reply) -> ApiError | None:
    """What a reply means after a new token was tried: 403 is ambiguous, a 200 may be cut (section 9)."""
    if reply.status == 200:
        if not reply.content.strip():
            return None
        return json_problem(reply) or _error_without_orders(reply)
    if reply.status != 403:
        return None
    about: dict[str, Any] = {"method": reply.method, "url": reply.url, "excerpt": reply.excerpt()}
    gateway = reply.headers.get("x-mashery-error-code", "").encode("latin1", "replace")
    if any(sign in (gateway + b"\n" + reply.content[:4096]).lower() for sign in _TOO_FAST):
        backoff = parse_retry_after(reply.headers.get("retry-after")) or 2.0 ** (reply.attempts - 1)
        next_step = "Lower ORDER_PIPELINE_KIBO__RATE__REQUESTS_PER_SECOND, or wait until the daily quota is renewed."
        return TransientError(
            "answered 403: over the rate limit", status=403, retry_after=backoff, next_step=next_step, **about
        )
    return PermanentError(
        "answered 403 also with a new token",
        status=403,
        next_step="One of three: the key or secret is wrong, the account may not see this manufacturer, or the gateway "
        "limits the rate without saying so.",
        **about,
    )


def _error_without_orders(reply: Reply) -> ApiError | None:
    """A page that has orders beside an error is kept: `pages.read_page` says that it proves nothing."""
    return None if b'"orderID"' in reply.content else error_answer(reply, _RECORD_KEYS, _REFUSALS)


class KiboClient:
    """Walks through searches; pages are fetched ahead within the transport's budget while earlier ones are used."""

    def __init__(self, transport: Transport, settings: KiboSettings) -> None:
        self.transport = transport
        self._paging = NumberedPages(size=settings.per_page, max_pages=settings.max_pages)

    def walk(self, *, expected: int | None = None) -> Walk:
        """A walk by the stop rule of section 3.3; `expected` when orders are asked for by id."""
        return self._paging.walk(expected=expected)

    async def pages(self, query: SearchQuery, walk: Walk, day: date | None = None) -> AsyncGenerator[OrderPage]:
        """Yield the pages of a search, passwords masked; the consumer calls `walk.saw` for each.

        A page that stays cut after all tries is split as far as it came, and `walk` is told that it proves nothing.

        Raises:
            ApiError: the API refused, failed beyond the retries, or answered something that is no page.
        """

        async def fetch(number: int) -> Reply:
            parameters = query.parameters() | self._paging.parameters(number)
            try:
                return await self.transport.request("GET", "order/", params=parameters)
            except CutBody as cut:
                return Reply(cut.method, cut.url, 200, {}, cut.content, cut.attempts)

        async with aclosing(walk.read(fetch, ahead=self.transport.rate.max_in_flight)) as fetched:
            async for number, reply in fetched:
                page = read_page(reply, day)
                if page.cut:
                    walk.doubt(f"page {number} was cut after {reply.attempts} tries")
                if page.doubt:
                    walk.doubt(f"page {number}: {page.doubt}")
                yield page
