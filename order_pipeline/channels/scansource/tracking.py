"""Tracking alone: of the window's orders and of young unsettled ones, as far as raw knows them.

No list is read, so it is never complete: other orders may have shipped by now. Orders of which the known row says that
all is open are asked for too, for they may have shipped since (docs/apis/scansource.md section 3.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch
from order_pipeline.channels.scansource.answers import Bundle, tracking_problem
from order_pipeline.channels.scansource.list_step import CHUNK, ListStep, Run
from order_pipeline.channels.scansource.listed import ListedRow, read_row
from order_pipeline.channels.scansource.orders import OPERATIONS, ROWS, TRACKING
from order_pipeline.channels.scansource.progress import joined


class TrackingStep:
    """Reads the tracking of one customer's orders."""

    def __init__(self, run: Run, customer_number: str) -> None:
        self._run = run
        self._customer_number = customer_number
        operations = {ROWS: OPERATIONS[ROWS], TRACKING: OPERATIONS[TRACKING]}
        self._step = ListStep(run, customer_number, "orders", operations, self._read_row, self._fetch)

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """A group for every 50 orders, and a report at the end.

        Raises:
            ApiError: what ended the step, after its report.
        """
        rows = await asyncio.to_thread(self._known_rows)
        for start in range(0, len(rows), CHUNK):
            yield await self._fetch_chunk(rows[start : start + CHUNK])
        yield CommitGroup(reports=[self._report(len(rows))])
        self._step.raise_failure()

    def _known_rows(self) -> list[ListedRow]:
        run, prefix = self._run, f"{self._customer_number}:"
        oldest = run.now().date() - timedelta(days=run.settings.reread_days)
        unsettled = run.known.unsettled_orders(self._customer_number)
        ids = {each for each in run.known.latest_hashes(ROWS, run.window) if each.startswith(prefix)}
        ids |= {prefix + number for number, day in unsettled.items() if day >= oldest}
        payloads = run.known.latest_payloads(ROWS, sorted(ids))
        rows = [self._read_row(payload) for _, payload in sorted(payloads.items())]
        return [row for row in rows if isinstance(row, ListedRow) and (row.has_shipped or row.is_open)]

    def _read_row(self, payload: bytes) -> ListedRow | DeadLetter:
        return read_row(payload, "OrderNumber", self._customer_number, self._run.zone)

    async def _fetch_chunk(self, rows: list[ListedRow]) -> CommitGroup:
        batch = RecordBatch(TRACKING)
        bundles = await asyncio.gather(*(self._step.fetch_row(row) for row in rows))
        for row, bundle in zip(rows, bundles, strict=True):
            if bundle is None:
                continue
            for payload in bundle.payloads.values():
                batch.add(row.record_id, row.day, payload)
            batch.dead_letters += bundle.dead_letters.values()
            self._step.progress.unusable.update(bundle.dead_letters.keys())
        self._step.progress.handed_over[TRACKING] += len(batch) + len(batch.dead_letters)
        return CommitGroup([batch])

    async def _fetch(self, row: ListedRow) -> Bundle:
        calls = {TRACKING: self._run.client.order_tracking(self._customer_number, row.number)}
        return (await self._step.bundle(row, calls)).checked(row, {TRACKING: tracking_problem})

    def _report(self, orders: int) -> FetchReport:
        (report,) = [each for each in self._step.reports(self._run.window) if each.resource == TRACKING]
        note = joined([f"tracking of {orders} orders that are known", report.note])
        return replace(report, note=note, reading="of known orders", lists_window=False)
