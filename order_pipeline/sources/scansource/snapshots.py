"""Step 3 of the plan: prices and availability now, of the items of open orders and of the configured list.

Belongs here: batches, and how a row is keyed. The day and the question (warehouse, quantity, ...) are in the record id,
as the answer repeats neither; so a day's snapshot is stored even where nothing changed. A row error inside a 200
(`PricingError`) goes to quarantine with its text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from order_pipeline.sources.records import CommitGroup, FetchReport, RecordBatch, UnusableRecord, Window
from order_pipeline.sources.scansource.client import PriceQuestion, decode_object, field_of
from order_pipeline.sources.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.sources.scansource.listed import text_of
from order_pipeline.sources.scansource.progress import bounds, joined
from order_pipeline.sources.scansource.step import Run

PRICES, AVAILABILITY = "prices", "availability"


@dataclass(slots=True)
class _Counts:
    records: int = 0
    calls: int = 0
    remaining: list[str] = field(default_factory=list[str])


class SnapshotStep:
    """Asks prices and availability for one customer."""

    def __init__(self, run: Run, customer_number: str, items: Iterable[str]) -> None:
        settings = run.settings
        self._run = run
        self._customer_number = customer_number
        self._items = sorted({*items, *settings.priced_items})
        self._day = run.now().date()
        self._question = PriceQuestion(
            warehouse=settings.warehouse,
            business_unit=settings.business_unit,
            part_number_type=settings.part_number_type,
            quantity=settings.priced_quantity,
            deal_id=settings.deal_id,
        )

    async def groups(self) -> AsyncIterator[CommitGroup]:
        """A group for every batch, then the reports."""
        size = self._run.settings.pricing_batch_size
        batches = [self._items[start : start + size] for start in range(0, len(self._items), size)]
        for resource, ask in ((PRICES, self._prices), (AVAILABILITY, self._availability)):
            counts = _Counts()
            for batch in batches:
                if self._run.stop:
                    counts.remaining += batch
                    continue
                try:
                    counts.calls += 1
                    records = await ask(batch)
                except (QuotaExceeded, RateLimited) as limit:
                    self._run.stop.at_limit(limit, self._run.now())
                    counts.remaining += batch
                else:
                    counts.records += len(records) + len(records.unusable)
                    yield CommitGroup([records])
            yield CommitGroup(reports=[self._report(resource, counts)])

    def _report(self, resource: str, counts: _Counts) -> FetchReport:
        left = self._run.client.calls_left
        notes = [
            self._run.stop.describe() if counts.remaining else "",
            f"{len(counts.remaining)} of {len(self._items)} items remain" if counts.remaining else "",
            f"{left} calls left in the budget" if left is not None else "",
        ]
        return FetchReport(
            resource,
            *bounds(Window(self._day, self._day + timedelta(days=1))),
            pages=counts.calls,
            records=counts.records,
            claimed_total=len(self._items),
            complete=not counts.remaining,
            note=joined(notes),
            calls=counts.calls,
        )

    async def _prices(self, items: Sequence[str]) -> RecordBatch:
        batch = RecordBatch(PRICES)
        asked = {item.casefold(): item for item in items}
        question = self._question
        key = (
            f"{self._customer_number}:{self._day}:{question.warehouse}:{question.business_unit}"
            f":{question.part_number_type}:{question.quantity}:{question.deal_id}"
        )
        for payload in await self._run.client.prices(self._customer_number, items, question):
            row = decode_object(payload) or {}
            item = asked.get(text_of(field_of(row, "ItemNumber")).casefold())
            if item is None:
                number = text_of(field_of(row, "ItemNumber"))
                batch.unusable.append(UnusableRecord("missing_key", "ItemNumber", number, payload, self._day))
            elif is_true(field_of(row, "PricingError")):
                text = f"{item}: {field_of(row, 'PricingErrorDesc') or 'no text'}"
                batch.unusable.append(UnusableRecord("pricing_error", "PricingErrorDesc", text, payload, self._day))
            else:
                self._add(batch, f"{key}:{item}", payload)
        return batch

    async def _availability(self, items: Sequence[str]) -> RecordBatch:
        batch = RecordBatch(AVAILABILITY)
        settings = self._run.settings
        for payload in await self._run.client.availability(
            self._customer_number, [settings.warehouse], items, settings.part_number_type
        ):
            row = decode_object(payload) or {}
            material = text_of(field_of(row, "MaterialNumber"))
            warehouse = text_of(field_of(row, "Warehouse")) or settings.warehouse
            if material:
                self._add(batch, f"{self._customer_number}:{self._day}:{warehouse}:{material}", payload)
            else:
                batch.unusable.append(UnusableRecord("missing_key", "MaterialNumber", "", payload, self._day))
        return batch

    def _add(self, batch: RecordBatch, record_id: str, payload: bytes) -> None:
        batch.record_ids.append(record_id)
        batch.days.append(self._day)
        batch.payloads.append(payload)


def is_true(value: object) -> bool:
    """Whether a loosely typed flag is set."""
    return value is True or (isinstance(value, str) and value.strip().casefold() == "true")
