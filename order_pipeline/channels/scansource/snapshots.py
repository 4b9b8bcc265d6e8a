"""Step 3 of the plan: prices and availability now, of the items of open orders and of the configured list.

The day and the question (warehouse, quantity, ...) are in the record id, because the answer repeats neither; so a day's
snapshot is stored even where nothing changed. A row error inside a 200 (`PricingError`, `ErrorFlag`) is an observation
like any other, and is a dead letter too (docs/apis/scansource.md section 9), without a day, until a later complete
snapshot lacks it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, Window
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.channels.scansource.list_step import Run
from order_pipeline.channels.scansource.listed import text_of
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.progress import bounds, joined
from order_pipeline.http.errors import ApiError, NotSent, TransientError, UnreadableBody

PRICES, AVAILABILITY = "prices", "availability"
BATCHES_UNDER_WAY = 16
FAILURES_BORNE = 3
Ask = Callable[[Sequence[str]], Awaitable[RecordBatch]]


class SnapshotStep:
    """Asks prices and availability for one customer.

    `items_known` says whether `items` are those of all open orders; without it no snapshot counts as complete.
    """

    def __init__(self, run: Run, customer_number: str, items: Iterable[str], *, items_known: bool) -> None:
        settings = run.settings
        self._items_known = items_known
        self._run = run
        self._customer_number = customer_number
        self._items = sorted({*items, *settings.priced_items})
        self._day = run.now().date()

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """A group for every batch, and a report behind the last of each resource."""
        resources = (
            self._snapshot(PRICES, "pricing", self._prices),
            self._snapshot(AVAILABILITY, AVAILABILITY, self._availability),
        )
        async with aclosing(merge_streams(resources)) as groups:
            async for group in groups:
                yield group

    async def _snapshot(self, resource: str, operation: str, ask: Ask) -> AsyncGenerator[CommitGroup]:
        calls = self._run.client.calls_by_operation
        asked_before = calls[operation]
        records = 0
        remaining: list[str] = []
        failed: list[ApiError] = []
        unanswered = 0
        async with aclosing(self._answers(ask, failed)) as answers:
            async for items, batch in answers:
                if batch is None:
                    remaining += items
                    continue
                records += len(batch) + len(batch.dead_letters)
                unanswered += max(0, len(items) - len({key.rpartition(":")[2] for key in batch.record_ids}))
                yield CommitGroup([batch])
        report = self._report(resource, calls[operation] - asked_before, records, remaining, unanswered, failed)
        yield CommitGroup(reports=[report])
        if failed and _ends_the_step(failed):
            raise failed[-1]

    async def _answers(self, ask: Ask, failed: list[ApiError]) -> AsyncGenerator[tuple[list[str], RecordBatch | None]]:
        """The items of each batch and what came of them, in order; None: the batch is left for the next run."""
        size = self._run.settings.pricing_batch_size
        under_way: deque[tuple[list[str], asyncio.Task[RecordBatch | None]]] = deque()
        try:
            for start in range(0, len(self._items), size):
                items = self._items[start : start + size]
                under_way.append((items, asyncio.create_task(self._answer(ask, items, failed))))
                if len(under_way) == BATCHES_UNDER_WAY:
                    items, task = under_way.popleft()
                    yield items, await task
            while under_way:
                items, task = under_way.popleft()
                yield items, await task
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)

    async def _answer(self, ask: Ask, items: Sequence[str], failed: list[ApiError]) -> RecordBatch | None:
        if self._run.stop or _ends_the_step(failed):
            return None
        try:
            return await ask(items)
        except (QuotaExceeded, RateLimited) as limit:
            self._run.stop.at_limit(limit, self._run.now())
        except ApiError as error:
            failed.append(error)
        return None

    def _report(  # noqa: PLR0917 - the facts of one report
        self,
        resource: str,
        calls: int,
        records: int,
        remaining: Sequence[str],
        unanswered: int,
        failed: Sequence[ApiError],
    ) -> FetchReport:
        left = self._run.client.calls_left
        notes = [
            "" if self._items_known else "the lists of orders were not read to their ends: other items may be open",
            self._run.stop.describe() if remaining else "",
            f"{len(remaining)} of {len(self._items)} items remain" if remaining else "",
            f"{unanswered} of {len(self._items)} items without an answer" if unanswered else "",
            f"{len(failed)} calls failed; the first: {failed[0].reason}" if failed else "",
            f"{left} calls left in the budget" if left is not None else "",
        ]
        return FetchReport(
            resource,
            *bounds(Window(self._day, self._day + timedelta(days=1))),
            pages=calls,
            records=records,
            claimed_total=len(self._items),
            complete=self._items_known and not remaining and not unanswered,
            note=joined(notes),
            calls=calls,
        )

    async def _prices(self, items: Sequence[str]) -> RecordBatch:
        batch = RecordBatch(PRICES)
        asked = {item.casefold(): item for item in items}
        question = self._run.settings
        key = (
            f"{self._customer_number}:{self._day}:{question.warehouse}:{question.business_unit}"
            f":{question.part_number_type}:{question.priced_quantity}:{question.deal_id}"
        )
        for payload in await self._run.client.prices(self._customer_number, items):
            row = decode_object(payload) or {}
            item = asked.get(text_of(field_of(row, "ItemNumber")).casefold())
            if item is None:
                number = text_of(field_of(row, "ItemNumber"))
                batch.dead_letters.append(DeadLetter("missing_key", "ItemNumber", number, payload, self._day))
                continue
            self._add(batch, f"{key}:{item}", payload)
            if is_true(field_of(row, "PricingError")):
                text = f"{item}: {field_of(row, 'PricingErrorDesc') or 'no text'}"
                batch.dead_letters.append(
                    DeadLetter("pricing_error", "PricingErrorDesc", text, payload, None, f"{key}:{item}")
                )
        return batch

    async def _availability(self, items: Sequence[str]) -> RecordBatch:
        batch = RecordBatch(AVAILABILITY)
        for payload in await self._run.client.availability(self._customer_number, items):
            row = decode_object(payload) or {}
            material = text_of(field_of(row, "MaterialNumber"))
            warehouse = text_of(field_of(row, "Warehouse")) or self._run.settings.warehouse
            if not material:
                batch.dead_letters.append(DeadLetter("missing_key", "MaterialNumber", "", payload, self._day))
                continue
            record_id = f"{self._customer_number}:{self._day}:{warehouse}:{material}"
            self._add(batch, record_id, payload)
            if is_true(field_of(row, "ErrorFlag")):
                text = f"{material}: {field_of(row, 'ErrorDescription') or 'no text'}"
                batch.dead_letters.append(
                    DeadLetter("availability_error", "ErrorDescription", text, payload, None, record_id)
                )
        return batch

    def _add(self, batch: RecordBatch, record_id: str, payload: bytes) -> None:
        batch.record_ids.append(record_id)
        batch.days.append(self._day)
        batch.payloads.append(payload)


def _ends_the_step(failed: Sequence[ApiError]) -> bool:
    """Whether the next batches need not be asked: the API is down, refuses, or failed too often."""
    borne = all(
        isinstance(error, (TransientError, UnreadableBody)) and not isinstance(error, NotSent) for error in failed
    )
    return not borne or len(failed) > FAILURES_BORNE


def is_true(value: object) -> bool:
    """Whether a loosely typed flag is set."""
    return value is True or (isinstance(value, str) and value.strip().casefold() == "true")
