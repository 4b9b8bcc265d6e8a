"""Step 3 of the plan: prices and availability now, of the items of open orders and of the configured list.

The day and the question (warehouse, quantity, ...) are in the record id, because the answer repeats neither; so a day's
snapshot is stored even where nothing changed. A row error inside a 200 (`PricingError`, `ErrorFlag`) is an observation
like any other, and is a dead letter too (docs/apis/scansource.md section 9), without a day, until the item's row
arrives without it, or a person closes the reject.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, Window
from order_pipeline.channels.refusals import refusal
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.channels.scansource.list_step import Run
from order_pipeline.channels.scansource.listed import ListedRow, read_row, text_of
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.progress import joined
from order_pipeline.http.errors import REFUSALS_BORNE, ApiError, NotSent, TransientError, concerns_the_record
from order_pipeline.http.record_ids import problem_of_id

PRICES, AVAILABILITY = "prices", "availability"
BATCHES_UNDER_WAY = 16
FAILURES_BORNE = 3
Ask = Callable[[Sequence[str]], Awaitable[RecordBatch]]


@dataclass(slots=True)
class _Progress:
    """What came of the questions about one resource, and what did not.

    Attributes:
        resource: `prices` or `availability`.
        ask: asks about items.
        records: records and rejects that were handed over.
        without_answer: items of which no record came, for whatever reason.
        refused: items that are rejects, because the question about them alone was refused. One that a 200 with an error
            or with no rows in it answered is a reject too, and stays without an answer: that proves nothing.
        refused_in_a_row: questions refused since one was answered.
        remaining: items left for the next run.
        failed: calls that failed and not over an item.
    """

    resource: str
    ask: Ask
    records: int = 0
    without_answer: int = 0
    refused: int = 0
    refused_in_a_row: int = 0
    remaining: list[str] = field(default_factory=list[str])
    failed: list[ApiError] = field(default_factory=list[ApiError])

    def count(self, items: Sequence[str], batch: RecordBatch) -> None:
        """Count what came of a question."""
        self.records += len(batch) + len(batch.dead_letters)
        self.without_answer += max(0, len(items) - len({key.rpartition(":")[2] for key in batch.record_ids}))

    def bears(self, error: ApiError) -> bool:
        """Whether a refusal is about an item of the question, and not the API that refuses."""
        self.refused_in_a_row += concerns_the_record(error)
        return concerns_the_record(error) and self.refused_in_a_row <= REFUSALS_BORNE

    @property
    def has_ended(self) -> bool:
        """Whether the next questions need not be asked: the API is down, refuses, or failed too often."""
        passing = all(isinstance(error, TransientError) and not isinstance(error, NotSent) for error in self.failed)
        return not passing or len(self.failed) > FAILURES_BORNE


class SnapshotStep:
    """Asks prices and availability for one customer.

    `items_known` says whether `items` are those of all open orders; without it no snapshot counts as complete.
    """

    def __init__(
        self,
        run: Run,
        customer_number: str,
        items: Iterable[str],
        *,
        items_known: bool,
        resources: Collection[str] = (PRICES, AVAILABILITY),
    ) -> None:
        settings = run.settings
        self._resources = resources
        self._items_known = items_known
        self._run = run
        self._customer_number = customer_number
        known = {*items, *settings.priced_items}
        self._items = sorted(item for item in known if problem_of_id(item) is None)
        self._left_out = len(known) - len(self._items)
        self._day = run.now().date()

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """A group for every batch, and a report behind the last of each resource."""
        asks = {PRICES: ("pricing", self._prices), AVAILABILITY: (AVAILABILITY, self._availability)}
        streams = [self._snapshot(each, *asks[each]) for each in asks if each in self._resources]
        async with aclosing(merge_streams(streams)) as groups:
            async for group in groups:
                yield group

    async def _snapshot(self, resource: str, operation: str, ask: Ask) -> AsyncGenerator[CommitGroup]:
        calls = self._run.client.calls_by_operation
        asked_before = calls[operation]
        progress = _Progress(resource, ask)
        async with aclosing(self._answers(progress)) as answers:
            async for items, batch in answers:
                progress.count(items, batch)
                yield CommitGroup([batch])
        yield CommitGroup(reports=[self._report(progress, calls[operation] - asked_before)])
        if progress.failed and progress.has_ended:
            raise progress.failed[-1]

    async def _answers(self, progress: _Progress) -> AsyncGenerator[tuple[list[str], RecordBatch]]:
        """The items of each question and what came of them, in order."""
        size = self._run.settings.pricing_batch_size
        under_way: deque[tuple[list[str], asyncio.Task[RecordBatch]]] = deque()
        try:
            for start in range(0, len(self._items), size):
                items = self._items[start : start + size]
                under_way.append((items, asyncio.create_task(self._answer(progress, items))))
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

    async def _answer(self, progress: _Progress, items: Sequence[str]) -> RecordBatch:
        """What came of the items; a question that is refused is asked in halves, down to the item that is refused.

        Items that are left for the next run are noted in the progress.
        """
        if not (self._run.stop or progress.has_ended):
            try:
                batch = await progress.ask(items)
            except (QuotaExceeded, RateLimited) as limit:
                self._run.stop.at_limit(limit, self._run.now())
            except ApiError as error:
                if progress.bears(error):
                    return await self._in_halves(progress, items, error)
                progress.failed.append(error)
            else:
                progress.refused_in_a_row = 0
                return batch
        progress.remaining += items
        return RecordBatch(progress.resource)

    async def _in_halves(self, progress: _Progress, items: Sequence[str], error: ApiError) -> RecordBatch:
        whole = RecordBatch(progress.resource)
        if len(items) == 1:
            progress.refused += error.status != 200
            record_id = self._id_of(progress.resource, items[0])
            whole.dead_letters.append(refusal(items[0], "ItemNumber", error, record_id=record_id))
            return whole
        for half in (items[: len(items) // 2], items[len(items) // 2 :]):
            batch = await self._answer(progress, half)
            for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
                whole.add(record_id, day, payload)
            whole.dead_letters += batch.dead_letters
        return whole

    def _report(self, progress: _Progress, calls: int) -> FetchReport:
        left, remaining, failed = self._run.client.calls_left, progress.remaining, progress.failed
        # A refused item is a reject, an item that remains is counted as such: neither came, and neither is missed here.
        unanswered = max(0, progress.without_answer - progress.refused - len(remaining))
        notes = [
            "" if self._items_known else "the lists of orders were not read to their ends: other items may be open",
            self._run.stop.describe() if remaining else "",
            f"{len(remaining)} of {len(self._items)} items remain" if remaining else "",
            f"{unanswered} of {len(self._items)} items without an answer" if unanswered else "",
            f"{progress.refused} items refused" if progress.refused else "",
            f"{self._left_out} items left out: no call can ask for their numbers" if self._left_out else "",
            f"{len(failed)} calls failed; the first: {failed[0].reason}" if failed else "",
            f"{left} calls left in the budget" if left is not None else "",
        ]
        return FetchReport(
            progress.resource,
            *Window(self._day, self._day + timedelta(days=1)).moments,
            pages=calls,
            records=progress.records,
            claimed_total=len(self._items),
            complete=self._items_known and not (remaining or unanswered or failed),
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


def known_open_items(run: Run, customer_number: str) -> set[str]:
    """The items of the open orders among those that core holds as not settled, by the rows that raw has of them."""
    numbers = run.known.unsettled_orders(customer_number)
    payloads = run.known.latest_payloads("order_rows", [f"{customer_number}:{number}" for number in numbers])
    rows = [read_row(payload, "OrderNumber", customer_number, run.zone) for payload in payloads.values()]
    return {item for row in rows if isinstance(row, ListedRow) and row.is_open for item in row.items}
