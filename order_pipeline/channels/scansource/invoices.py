"""Step 2 of the plan: invoice summaries by date with a look-back, and a detail for each that differs from raw.

There is no changed-since filter, and only the summary has an invoice date (docs/apis/scansource.md section 4): its row
is what is compared, and what dates the detail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from order_pipeline.channels.base import CommitGroup, DeadLetter, Window
from order_pipeline.channels.rereads import Reach, reach_back
from order_pipeline.channels.scansource.answers import Bundle, detail_problem
from order_pipeline.channels.scansource.known_rows import known_in_window
from order_pipeline.channels.scansource.list_step import ListStep, Run
from order_pipeline.channels.scansource.listed import ListedRow, read_row
from order_pipeline.channels.scansource.orders import ONE_DAY

SUMMARIES, DETAILS = "invoice_summaries", "invoice_details"
OPERATIONS = {SUMMARIES: "invoice_summary", DETAILS: "invoice_detail"}


class InvoiceStep:
    """Reads one customer's invoices."""

    def __init__(self, run: Run, customer_number: str) -> None:
        self._run = run
        self._customer_number = customer_number
        self._step = ListStep(run, customer_number, "invoices", OPERATIONS, self._read_row, self._fetch)

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """The step's commit groups; the last one holds its reports.

        Raises:
            ApiError: what ended the step, after its reports.
        """
        run = self._run
        reach = await asyncio.to_thread(self._reach_back)
        window = Window(min(run.window.start, reach.changed_from), run.window.end)
        if not run.stop:
            async with aclosing(self._of_window(window)) as groups:
                async for group in groups:
                    yield group
        note = f"customer {self._customer_number}, invoices"
        proof = reach.reports(SUMMARIES, complete=self._step.progress.all_fetched, note=note)
        yield CommitGroup(reports=[*self._step.reports(window), *proof])
        self._step.raise_failure()

    def _reach_back(self) -> Reach:
        run = self._run
        return reach_back(
            run.known,
            f"invoices of customer {self._customer_number}",
            run.window,
            today=run.now().date(),
            look_back_days=run.settings.invoice_look_back_days,
            most_days=run.settings.catch_up_days,
        )

    def _of_window(self, window: Window) -> AsyncGenerator[CommitGroup]:
        """Invoices dated in the window."""
        run = self._run
        known = asyncio.ensure_future(asyncio.to_thread(known_in_window, run.known, SUMMARIES, DETAILS, window))
        pages = run.client.invoice_summaries(self._customer_number, dated=(window.start - ONE_DAY, window.end))
        return self._step.groups(pages, lambda row: window.start <= row.day < window.end, lambda _: known, known)

    def _read_row(self, payload: bytes) -> ListedRow | DeadLetter:
        return read_row(payload, "InvoiceNumber", self._customer_number, self._run.zone)

    async def _fetch(self, row: ListedRow) -> Bundle:
        call = self._run.client.invoice_detail(self._customer_number, row.number)
        found = await self._step.bundle(row, {DETAILS: call})
        return found.checked(row, {DETAILS: partial(detail_problem, key="InvoiceNumber")})
