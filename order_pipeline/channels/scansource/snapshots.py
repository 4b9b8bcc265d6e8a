"""Step 3 of the plan: prices and availability now, of the items of open orders and of the configured list.

Prices are asked for the quantity of each line, availability for each warehouse of the settings. The day and the
question (warehouse, quantity, ...) are in the record id, because the answer repeats neither; so a day's snapshot is
stored even where nothing changed. A row error inside a 200 (`PricingError`, `ErrorFlag`) is an observation
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
from order_pipeline.channels.scansource.listed import questions_of, read_row, text_of
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.progress import joined
from order_pipeline.channels.scansource.questions import Question, batches
from order_pipeline.http.errors import REFUSALS_BORNE, ApiError, NotSent, TransientError, concerns_the_record
from order_pipeline.http.record_ids import problem_of_id

PRICES, AVAILABILITY = "prices", "availability"
BATCHES_UNDER_WAY = 16
FAILURES_BORNE = 3
Ask = Callable[[Sequence[Question]], Awaitable[RecordBatch]]


@dataclass(slots=True)
class _Progress:
    """What came of the questions about one resource, and what did not.

    Attributes:
        resource: `prices` or `availability`.
        ask: asks about items.
        questions: all that is asked, in calls.
        rows_each: rows that answer one question.
        records: records and rejects that were handed over.
        without_answer: rows that did not come, for whatever reason.
        refused: questions that are rejects, because they were refused even alone. One that a 200 with an error or
            with no rows in it answered is a reject too, and stays without an answer: that proves nothing.
        refused_in_a_row: questions refused since one was answered.
        remaining: questions left for the next run.
        failed: calls that failed and not over an item.
    """

    resource: str
    ask: Ask
    questions: list[list[Question]]
    rows_each: int = 1
    records: int = 0
    without_answer: int = 0
    refused: int = 0
    refused_in_a_row: int = 0
    remaining: list[Question] = field(default_factory=list[Question])
    failed: list[ApiError] = field(default_factory=list[ApiError])

    @property
    def rows_wanted(self) -> int:
        """Rows that answer everything."""
        return sum(map(len, self.questions)) * self.rows_each

    @property
    def rows_missing(self) -> int:
        """Rows that did not come of what was asked: neither refused, for these are rejects, nor left for later."""
        return max(0, self.without_answer - (self.refused + len(self.remaining)) * self.rows_each)

    def count(self, questions: Sequence[Question], batch: RecordBatch) -> None:
        """Count what came of a call."""
        self.records += len(batch) + len(batch.dead_letters)
        self.without_answer += max(0, len(questions) * self.rows_each - len(set(batch.record_ids)))

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

    `items` are those of lines, with their quantities; `items_known` says whether they are those of all open orders.
    Without it no snapshot counts as complete.
    """

    def __init__(
        self,
        run: Run,
        customer_number: str,
        items: Iterable[Question],
        *,
        items_known: bool,
        resources: Collection[str] = (PRICES, AVAILABILITY),
    ) -> None:
        settings = run.settings
        self._resources = resources
        self._items_known = items_known
        self._run = run
        self._customer_number = customer_number
        known = {*items, *(Question(item, settings.priced_quantity) for item in settings.priced_items)}
        self._priced = sorted(question for question in known if problem_of_id(question.item) is None)
        self._stocked = [Question(item, 1) for item in sorted({question.item for question in self._priced})]
        self._left_out = len({question.item for question in known}) - len(self._stocked)
        self._day = run.now().date()

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """A group for every batch, and a report behind the last of each resource."""
        size, warehouses = self._run.settings.pricing_batch_size, self._run.settings.warehouses_of_stock
        asks = {
            PRICES: (_Progress(PRICES, self._prices, batches(self._priced, size)), "pricing"),
            AVAILABILITY: (
                _Progress(AVAILABILITY, self._availability, batches(self._stocked, size), len(warehouses)),
                AVAILABILITY,
            ),
        }
        streams = [self._snapshot(*asks[each]) for each in asks if each in self._resources]
        async with aclosing(merge_streams(streams)) as groups:
            async for group in groups:
                yield group

    async def _snapshot(self, progress: _Progress, operation: str) -> AsyncGenerator[CommitGroup]:
        calls = self._run.client.calls_by_operation
        asked_before = calls[operation]
        async with aclosing(self._answers(progress)) as answers:
            async for questions, batch in answers:
                progress.count(questions, batch)
                yield CommitGroup([batch])
        yield CommitGroup(reports=[self._report(progress, calls[operation] - asked_before)])
        if progress.failed and progress.has_ended:
            raise progress.failed[-1]

    async def _answers(self, progress: _Progress) -> AsyncGenerator[tuple[list[Question], RecordBatch]]:
        """The questions of each call and what came of them, in order."""
        under_way: deque[tuple[list[Question], asyncio.Task[RecordBatch]]] = deque()
        try:
            for questions in progress.questions:
                under_way.append((questions, asyncio.create_task(self._answer(progress, questions))))
                if len(under_way) == BATCHES_UNDER_WAY:
                    first, task = under_way.popleft()
                    yield first, await task
            while under_way:
                first, task = under_way.popleft()
                yield first, await task
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)

    async def _answer(self, progress: _Progress, questions: Sequence[Question]) -> RecordBatch:
        """What came of a call; one that is refused is asked in halves, down to the item that is refused.

        Questions that are left for the next run are noted in the progress.
        """
        if not (self._run.stop or progress.has_ended):
            try:
                batch = await progress.ask(questions)
            except (QuotaExceeded, RateLimited) as limit:
                self._run.stop.at_limit(limit, self._run.now())
            except ApiError as error:
                if progress.bears(error):
                    return await self._in_halves(progress, questions, error)
                progress.failed.append(error)
            else:
                progress.refused_in_a_row = 0
                return batch
        progress.remaining += questions
        return RecordBatch(progress.resource)

    async def _in_halves(self, progress: _Progress, questions: Sequence[Question], error: ApiError) -> RecordBatch:
        whole = RecordBatch(progress.resource)
        if len(questions) == 1:
            progress.refused += error.status != 200
            [question] = questions
            for record_id in self._ids_of(progress.resource, question):
                whole.dead_letters.append(refusal(question.item, "ItemNumber", error, record_id=record_id))
            return whole
        middle = len(questions) // 2
        for half in (questions[:middle], questions[middle:]):
            batch = await self._answer(progress, half)
            for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
                whole.add(record_id, day, payload)
            whole.dead_letters += batch.dead_letters
        return whole

    def _report(self, progress: _Progress, calls: int) -> FetchReport:
        left, remaining, failed = self._run.client.calls_left, progress.remaining, progress.failed
        wanted, missing = progress.rows_wanted, progress.rows_missing
        notes = [
            "" if self._items_known else "the lists of orders were not read to their ends: other items may be open",
            self._run.stop.describe() if remaining else "",
            f"{len(remaining) * progress.rows_each} of {wanted} answers remain" if remaining else "",
            f"{missing} of {wanted} answers missing" if missing else "",
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
            claimed_total=wanted,
            complete=self._items_known and not (remaining or missing or failed),
            note=joined(notes),
            calls=calls,
            account=self._customer_number,
            reading="snapshot",
        )

    def _ids_of(self, resource: str, question: Question) -> list[str]:
        """The record ids of a question's rows of this day, with what was asked.

        Of stock that was refused the item number stands in place of the material number, which only an answer tells.
        """
        if resource == PRICES:
            return [self._price_id(question)]
        return [self._stock_id(warehouse, question.item) for warehouse in self._run.settings.warehouses_of_stock]

    def _price_id(self, question: Question) -> str:
        settings = self._run.settings
        asked = (settings.warehouse, settings.business_unit, str(settings.part_number_type), str(question.quantity))
        return ":".join((self._customer_number, self._day.isoformat(), *asked, settings.deal_id, question.item))

    def _stock_id(self, warehouse: str, material: str) -> str:
        return f"{self._customer_number}:{self._day}:{warehouse}:{material}"

    async def _prices(self, questions: Sequence[Question]) -> RecordBatch:
        batch = RecordBatch(PRICES)
        asked = {question.item.casefold(): question for question in questions}
        for payload in await self._run.client.prices(self._customer_number, questions):
            row = decode_object(payload) or {}
            question = asked.get(text_of(field_of(row, "ItemNumber")).casefold())
            if question is None:
                number = text_of(field_of(row, "ItemNumber"))
                batch.dead_letters.append(DeadLetter("missing_key", "ItemNumber", number, payload, self._day))
                continue
            record_id = self._price_id(question)
            batch.add(record_id, self._day, payload)
            if is_true(field_of(row, "PricingError")):
                text = f"{question.item}: {field_of(row, 'PricingErrorDesc') or 'no text'}"
                batch.dead_letters.append(
                    DeadLetter("pricing_error", "PricingErrorDesc", text, payload, None, record_id)
                )
        return batch

    async def _availability(self, questions: Sequence[Question]) -> RecordBatch:
        batch = RecordBatch(AVAILABILITY)
        items, warehouses = [question.item for question in questions], self._run.settings.warehouses_of_stock
        for payload in await self._run.client.availability(self._customer_number, items):
            row = decode_object(payload) or {}
            material = text_of(field_of(row, "MaterialNumber"))
            # A row that names no warehouse can only be of the one that was asked for.
            warehouse = text_of(field_of(row, "Warehouse")) or (warehouses[0] if len(warehouses) == 1 else "")
            if not material:
                batch.dead_letters.append(DeadLetter("missing_key", "MaterialNumber", "", payload, self._day))
                continue
            if warehouse not in warehouses:
                batch.dead_letters.append(DeadLetter("missing_key", "Warehouse", warehouse, payload, self._day))
                continue
            record_id = self._stock_id(warehouse, material)
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


def known_open_items(run: Run, customer_number: str) -> set[Question]:
    """The items of the open orders among those that core holds as not settled, by the rows that raw has of them."""
    numbers = run.known.unsettled_orders(customer_number)
    payloads = run.known.latest_payloads("order_rows", [f"{customer_number}:{number}" for number in numbers])
    rows = [read_row(payload, "OrderNumber", customer_number, run.zone) for payload in payloads.values()]
    return {question for row in rows for question in questions_of(row, run.settings.priced_quantity)}
