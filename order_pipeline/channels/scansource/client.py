"""One method for each ScanSource read; the generation (current, legacy) and the paths are settings.

Parameters, bodies and the outer shape of answers are those of docs/apis/scansource.md sections 3 to 6.
Answers stay bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import msgspec

from order_pipeline.channels.scansource.authentication import authentication_for, host_for
from order_pipeline.channels.scansource.errors import QuotaExceeded, RecordNotFound, classify
from order_pipeline.channels.scansource.operations import operations_for
from order_pipeline.channels.scansource.questions import Question
from order_pipeline.channels.scansource.rows import Rows, rows_of_page, split_rows
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.errors import UNREADABLE_JSON, ApiError, CallsUsedUp
from order_pipeline.http.pagination import NumberedPages, Walk
from order_pipeline.http.reply import Reply
from order_pipeline.http.transport import Transport

LARGEST_CUSTOMER_NUMBER = 10
MAX_PAGES = 10_000
DEFAULT_PAGE_SIZE = 100
# Where calls wait for each other: a list's page opens the way for many calls, and orders matter most when a quota ends.
_URGENCY = {"order_list": 3, "invoice_summary": 2, "order_detail": 1, "order_tracking": 1, "order_serials": 1}


class ScanSourceClient:
    """ScanSource as this pipeline sees it: reads only. Every method raises the errors of `errors.py`."""

    def __init__(self, transport: Transport, settings: ScanSourceSettings) -> None:
        self._transport = transport
        self._settings = settings
        self._operations = operations_for(settings.generation, settings.paths)
        # Calls that have ended, repeated ones included.
        self.calls_by_operation: Counter[str] = Counter()

    @property
    def calls_left(self) -> int | None:
        """Calls left in this run's budget; None without a budget."""
        budget = self._settings.call_budget
        return None if budget is None else max(0, budget - self._transport.calls)

    async def _call(self, operation: str, parameters: Mapping[str, str | None], json: object = None) -> Reply:
        chosen = self._operations[operation]
        path, query = chosen.resolve(parameters)
        try:
            reply = await self._transport.request(
                chosen.method, path, params=query, json=json, idempotent=True, urgency=_URGENCY.get(operation, 0)
            )
        except ApiError as error:
            self.calls_by_operation[operation] += error.attempts
            if isinstance(error, CallsUsedUp):
                next_step = "The next run goes on; or raise ORDER_PIPELINE_SCANSOURCE__CALL_BUDGET."
                raise QuotaExceeded(error.reason, next_step=next_step) from error
            raise
        self.calls_by_operation[operation] += reply.attempts
        return reply

    async def _one(self, operation: str, parameters: Mapping[str, str | None]) -> bytes | None:
        """The answer's bytes; None when there is no such record, which may be a 404 or an empty 200."""
        try:
            reply = await self._call(operation, parameters)
        except RecordNotFound:
            return None
        content = reply.utf8()
        return content if content.strip() else None

    def _pages(
        self, operation: str, parameters: Mapping[str, str | None], *, short_page_ends: bool = False
    ) -> RowPages:
        size = DEFAULT_PAGE_SIZE if short_page_ends else self._settings.page_size
        paging = NumberedPages(
            size_parameter="pageSize", size=size, max_pages=MAX_PAGES, short_page_ends=short_page_ends
        )

        walk = paging.walk()

        async def fetch(number: int, size: int) -> Rows:
            reply = await self._call(operation, {**parameters, **paging.parameters(number, size)})
            return split_rows(reply, size)

        async def rows(number: int) -> list[bytes]:
            if short_page_ends:
                return (await fetch(number, size)).rows
            return await rows_of_page(fetch, number, size, walk.largest_page)

        return RowPages(walk, rows)

    def order_rows(
        self,
        customer_number: str,
        *,
        entered: tuple[date, date] | None = None,
        changed: tuple[date, date] | None = None,
    ) -> RowPages:
        """salesorder/list. `entered` and `changed` are first and last day."""
        return self._pages("order_list", {"customerNumber": customer_number, **_days(entered, changed)})

    async def order_detail(self, customer_number: str, order_number: str) -> bytes | None:
        """salesorder/detail with serials and tracking."""
        return await self._one("order_detail", {"customerNumber": customer_number, "salesOrderNumber": order_number})

    async def order_tracking(self, customer_number: str, order_number: str) -> bytes | None:
        """salesorder/tracking."""
        return await self._one("order_tracking", {"customerNumber": customer_number, "salesOrderNumber": order_number})

    def order_serials(self, customer_number: str, order_number: str) -> RowPages:
        """salesorder/serials of one order.

        A page below the documented default size ends the walk: it saves a call an order, and a server that serves less
        than its own default is not expected (inferred). The lists are read to the empty page.
        """
        parameters = {"customerNumber": customer_number, "salesOrderNumber": order_number}
        return self._pages("order_serials", parameters, short_page_ends=True)

    def invoice_summaries(self, customer_number: str, *, dated: tuple[date, date]) -> RowPages:
        """invoice/summary: the only place of an invoice's date."""
        return self._pages("invoice_summary", {"customerNumber": customer_number, **_days(dated, None)})

    async def invoice_detail(self, customer_number: str, invoice_number: str) -> bytes | None:
        """invoice/detail."""
        return await self._one("invoice_detail", {"customerNumber": customer_number, "InvoiceNumber": invoice_number})

    async def prices(self, customer_number: str, questions: Sequence[Question]) -> list[bytes]:
        """product/pricing by the settings: one row per line; row errors come inside a 200. At most 40 items."""
        settings = self._settings
        kind = settings.part_number_type
        body: dict[str, Any] = {
            "CustomerNumber": customer_number,
            "Warehouse": settings.warehouse,
            "BusinessUnit": settings.business_unit,
            "Lines": [
                {"ItemNumber": item, "PartNumberType": kind, "Quantity": quantity} for item, quantity in questions
            ],
        }
        if settings.deal_id:
            body["DealID1"] = settings.deal_id
        return await self._rows_of("pricing", customer_number, body, len(questions))

    async def availability(self, customer_number: str, items: Sequence[str]) -> list[bytes]:
        """product/availability: one row per item and warehouse of the settings, keyed by SAP material number."""
        warehouses = self._settings.warehouses_of_stock
        body = {
            "CustomerNumber": customer_number,
            "Warehouses": list(warehouses),
            "ItemNumbers": list(items),
            "PartNumberType": self._settings.part_number_type,
        }
        return await self._rows_of("availability", customer_number, body, len(items) * len(warehouses))

    async def _rows_of(self, operation: str, customer_number: str, body: dict[str, Any], rows: int) -> list[bytes]:
        reply = await self._call(operation, {"customerNumber": customer_number}, body)
        answer = split_rows(reply, rows)
        if answer.is_doubtful and rows > 1:
            raise reply.unreadable("the rows cannot be told apart")
        return answer.rows

    async def customer(self, customer_number: str) -> bytes | None:
        """customer/{number}: whether the number exists; what the answer holds is not documented."""
        return await self._one("customer", {"customerNumber": customer_number})


@dataclass(slots=True)
class RowPages:
    """A walk over the pages of a bare array. Iterate, and call `walk.saw` for every page, as `Walk.read` wants."""

    walk: Walk
    _fetch: Callable[[int], Awaitable[list[bytes]]]

    def read(self) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Page number and the page's rows."""
        return self.walk.read(self._fetch)

    async def all_rows(self) -> list[bytes]:
        """Every row; for answers that are small by nature."""
        rows: dict[bytes, None] = {}
        async for _, page in self.read():
            fresh = [row for row in page if row not in rows]
            self.walk.saw(len(page), len(fresh))
            rows |= dict.fromkeys(fresh)
        return list(rows)


@asynccontextmanager
async def open_client(settings: ScanSourceSettings) -> AsyncGenerator[ScanSourceClient]:
    """A client with connections of its own.

    Raises:
        NotConfigured: if a credential is missing.
        ValueError: for a customer number that the API cannot take, or a path setting that names no operation.
    """
    for number in settings.customer_numbers:
        if not number or len(number) > LARGEST_CUSTOMER_NUMBER or ":" in number:
            raise ValueError(f"scansource.customer_numbers: {number!r} is not a text of 1 to 10 characters")
    auth, headers = authentication_for(settings)
    transport = Transport(
        "scansource",
        host_for(settings).base_url,
        auth=auth,
        rate=settings.rate,
        headers=headers,
        classify=classify,
        most_calls=settings.call_budget,
    )
    async with transport:
        yield ScanSourceClient(transport, settings)


def _days(first: tuple[date, date] | None, changed: tuple[date, date] | None) -> dict[str, str | None]:
    days: dict[str, str | None] = {}
    if first is not None:
        days |= {"fromDate": first[0].isoformat(), "toDate": first[1].isoformat()}
    if changed is not None:
        days |= {"fromLastChangeDate": changed[0].isoformat(), "toLastChangeDate": changed[1].isoformat()}
    return days


def field_of(row: Mapping[str, Any], name: str) -> Any:
    """A row's value by name, compared without case (section 12); None when absent."""
    if name in row:
        return row[name]
    wanted = name.casefold()
    return next((value for key, value in row.items() if key.casefold() == wanted), None)


def decode_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object, or None when it is none."""
    try:
        decoded = msgspec.json.decode(content)
    except UNREADABLE_JSON:
        return None
    return cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else None
