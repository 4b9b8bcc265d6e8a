"""Step 3 of the plan: prices and availability now, of the items of open orders and of the configured list.

The day and the question (warehouse, quantity, ...) are in the record id, because the answer repeats neither; so a day's
snapshot is stored even where nothing changed. A row error inside a 200 (`PricingError`, `ErrorFlag`) is an observation
like any other, and is a dead letter too (docs/apis/scansource.md section 9), without a day, until a later complete
snapshot lacks it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, Window
from order_pipeline.channels.refusals import refusal
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.channels.scansource.list_step import Run
from order_pipeline.channels.scansource.listed import text_of
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.progress import joined
from order_pipeline.http.errors import REFUSALS_BORNE, ApiError, concerns_the_record
from order_pipeline.http.record_ids import problem_of_id

PRICES, AVAILABILITY = "prices", "availability"
BATCHES_UNDER_WAY = 16
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
        known = {*items, *settings.priced_items}
        self._items = sorted(item for item in known if problem_of_id(item) is None)
        self._left_out = len(known) - len(self._items)
        self._refused_in_a_row: Counter[str] = Counter()
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
        async with aclosing(self._answers(resource, ask)) as answers:
            async for items, batch in answers:
                if batch is None:
                    remaining += items
                    continue
                records += len(batch) + len(batch.dead_letters)
                yield CommitGroup([batch])
        yield CommitGroup(reports=[self._report(resource, calls[operation] - asked_before, records, remaining)])

    async def _answers(self, resource: str, ask: Ask) -> AsyncGenerator[tuple[list[str], RecordBatch | None]]:
        """The items of each batch and what came of them, in order; None: the batch is left for the next run."""
        size = self._run.settings.pricing_batch_size
        under_way: deque[tuple[list[str], asyncio.Task[RecordBatch | None]]] = deque()
        try:
            for start in range(0, len(self._items), size):
                items = self._items[start : start + size]
                under_way.append((items, asyncio.create_task(self._answer(resource, ask, items))))
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

    async def _answer(self, resource: str, ask: Ask, items: Sequence[str]) -> RecordBatch | None:
        """What came of the items; a question that is refused is asked in halves, down to the item that is refused."""
        if self._run.stop:
            return None
        try:
            batch = await ask(items)
        except (QuotaExceeded, RateLimited) as limit:
            self._run.stop.at_limit(limit, self._run.now())
            return None
        except ApiError as error:
            self._refused_in_a_row[resource] += 1
            if not concerns_the_record(error) or self._refused_in_a_row[resource] > REFUSALS_BORNE:
                raise
            return await self._in_halves(resource, ask, items, error)
        self._refused_in_a_row[resource] = 0
        return batch

    async def _in_halves(self, resource: str, ask: Ask, items: Sequence[str], error: ApiError) -> RecordBatch | None:
        if len(items) == 1:
            return RecordBatch(
                resource,
                dead_letters=[refusal(items[0], "ItemNumber", error, record_id=self._id_of(resource, items[0]))],
            )
        whole = RecordBatch(resource)
        for half in (items[: len(items) // 2], items[len(items) // 2 :]):
            batch = await self._answer(resource, ask, half)
            if batch is None:
                return None
            for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
                whole.add(record_id, day, payload)
            whole.dead_letters += batch.dead_letters
        return whole

    def _report(self, resource: str, calls: int, records: int, remaining: Sequence[str]) -> FetchReport:
        left = self._run.client.calls_left
        notes = [
            "" if self._items_known else "the lists of orders were not read to their ends: other items may be open",
            self._run.stop.describe() if remaining else "",
            f"{len(remaining)} of {len(self._items)} items remain" if remaining else "",
            f"{self._left_out} items left out: no call can ask for their numbers" if self._left_out else "",
            f"{left} calls left in the budget" if left is not None else "",
        ]
        return FetchReport(
            resource,
            *Window(self._day, self._day + timedelta(days=1)).moments,
            pages=calls,
            records=records,
            claimed_total=len(self._items),
            complete=self._items_known and not remaining,
            note=joined(notes),
            calls=calls,
        )

    def _id_of(self, resource: str, item: str) -> str:
        """The record id of an item's snapshot of this day: with the question that was asked."""
        settings = self._run.settings
        asked = [settings.warehouse]
        if resource == PRICES:
            asked += [settings.business_unit, str(settings.part_number_type), str(settings.priced_quantity)]
            asked.append(settings.deal_id)
        return ":".join((self._customer_number, self._day.isoformat(), *asked, item))

    async def _prices(self, items: Sequence[str]) -> RecordBatch:
        batch = RecordBatch(PRICES)
        asked = {item.casefold(): item for item in items}
        for payload in await self._run.client.prices(self._customer_number, items):
            row = decode_object(payload) or {}
            item = asked.get(text_of(field_of(row, "ItemNumber")).casefold())
            if item is None:
                number = text_of(field_of(row, "ItemNumber"))
                batch.dead_letters.append(DeadLetter("missing_key", "ItemNumber", number, payload, self._day))
                continue
            batch.add(self._id_of(PRICES, item), self._day, payload)
            if is_true(field_of(row, "PricingError")):
                text = f"{item}: {field_of(row, 'PricingErrorDesc') or 'no text'}"
                batch.dead_letters.append(
                    DeadLetter("pricing_error", "PricingErrorDesc", text, payload, None, self._id_of(PRICES, item))
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
            batch.add(record_id, self._day, payload)
            if is_true(field_of(row, "ErrorFlag")):
                text = f"{material}: {field_of(row, 'ErrorDescription') or 'no text'}"
                batch.dead_letters.append(
                    DeadLetter("availability_error", "ErrorDescription", text, payload, None, record_id)
                )
        return batch


def is_true(value: object) -> bool:
    """Whether a loosely typed flag is set."""
    return value is True or (isinstance(value, str) and value.strip().casefold() == "true")
