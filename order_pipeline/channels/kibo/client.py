"""Calls on Order Search v2: headers, token, what refusals mean, and a walk through the pages of a search.

The rules are those of docs/apis/kibo.md sections 1, 2, 3.3 and 9.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date

from order_pipeline.channels.kibo.pages import OrderPage, read_page
from order_pipeline.channels.kibo.query import SearchQuery
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.http.auth import ClientCredentials
from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import ApiError, CutBody, NotConfigured, PermanentError, TransientError
from order_pipeline.http.pagination import NumberedPages, Walk, smaller_pages
from order_pipeline.http.reply import Reply, json_problem
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
    gateway = reply.headers.get("x-mashery-error-code", "").encode("latin1", "replace")
    if any(sign in (gateway + b"\n" + reply.content[:4096]).lower() for sign in _TOO_FAST):
        backoff = reply.retry_after or 2.0 ** (reply.attempts - 1)
        next_step = "Lower ORDER_PIPELINE_KIBO__RATE__REQUESTS_PER_SECOND, or wait until the daily quota is renewed."
        return reply.error(TransientError, "answered 403: over the rate limit", next_step, retry_after=backoff)
    return reply.error(
        PermanentError,
        "answered 403 also with a new token",
        "One of three: the key or secret is wrong, the account may not see this manufacturer, or the gateway limits "
        "the rate without saying so.",
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

        A page in which a broken order cannot be told from the next is asked for again in smaller pages. One that stays
        cut after all tries is split as far as it came, and `walk` is told that it proves nothing.

        Raises:
            ApiError: the API refused, failed beyond the retries, or answered something that is no page.
        """

        async def fetch(number: int) -> tuple[OrderPage, CutBody | None]:
            return await self._page(query, number, self._paging.size, day)

        async with aclosing(walk.read(fetch, ahead=self.transport.rate.max_in_flight)) as fetched:
            async for number, (page, cut) in fetched:
                size = walk.largest_page if number > 1 and walk.largest_page else self._paging.size
                if cut is None and size > 1 and page.hides_orders(number, size):
                    page, cut = await self._in_smaller_pages(query, number, size, day)  # noqa: PLW2901
                if cut is not None and page.cut:
                    walk.doubt(f"page {number} was cut after {cut.attempts} tries")
                if page.doubt:
                    walk.doubt(f"page {number}: {page.doubt}")
                yield page

    async def _page(
        self, query: SearchQuery, number: int, size: int, day: date | None
    ) -> tuple[OrderPage, CutBody | None]:
        """A page, and how it was cut if it was."""
        parameters = query.parameters() | self._paging.parameters(number, size)
        try:
            return read_page(await self.transport.request("GET", "order/", params=parameters), day, size=size), None
        except CutBody as cut:
            return read_page(Reply(cut.method, cut.url, 200, {}, cut.content, cut.attempts), day), cut

    async def _in_smaller_pages(
        self, query: SearchQuery, number: int, size: int, day: date | None
    ) -> tuple[OrderPage, CutBody | None]:
        """The page's orders, the broken one apart from the others; and how the first part was cut that was."""
        whole, first_cut = OrderPage(), None
        smaller, numbers = smaller_pages(number, size)
        for each in numbers:
            page, cut = await self._page(query, each, smaller, day)
            if cut is None and smaller > 1 and page.hides_orders(each, smaller):
                page, cut = await self._in_smaller_pages(query, each, smaller, day)
            whole.add(page)
            first_cut = first_cut or cut
            if not page.items:
                break
        return whole, first_cut
