"""Step 2 of the plan: invoice summaries by date with a look-back, a detail for each that differs from raw.

There is no changed-since filter, and only the summary has an invoice date (apis/scansource.md section 4): its row is
what is compared and what dates the detail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from order_pipeline.sources.records import CommitGroup, UnusableRecord, Window
from order_pipeline.sources.scansource.client import decode_object
from order_pipeline.sources.scansource.listed import ListedRow, read_invoice_row
from order_pipeline.sources.scansource.orders import ONE_DAY
from order_pipeline.sources.scansource.step import Bundle, ListStep, Run, known_in_window

SUMMARIES, DETAILS = "invoice_summaries", "invoice_details"


class InvoiceStep:
    """Reads one customer's invoices."""

    def __init__(self, run: Run, customer_number: str) -> None:
        self._run = run
        self._customer_number = customer_number
        self._calls_before = run.client.calls
        self._step = ListStep(run, SUMMARIES, (DETAILS,), self._read_row, self._fetch)

    async def groups(self) -> AsyncIterator[CommitGroup]:
        """The step's commit groups; the last one holds its reports."""
        run, progress = self._run, self._step.progress
        look_back = run.window.end - timedelta(days=run.settings.invoice_look_back_days)
        window = Window(min(run.window.start, look_back), run.window.end)
        if not run.stop:
            asked = (window.start - ONE_DAY, window.end)
            known = known_in_window(run.known, SUMMARIES, DETAILS, window)
            pages = run.client.invoice_summaries(self._customer_number, dated=asked)
            async for group in self._step.groups(
                pages, lambda row: window.start <= row.day < window.end, lambda _: known
            ):
                yield group
        calls = run.client.calls - self._calls_before - progress.pages
        yield CommitGroup(
            reports=[
                progress.list_report(SUMMARIES, window, run.stop),
                progress.detail_report(
                    DETAILS,
                    window,
                    run.stop,
                    noun="invoices",
                    calls=calls,
                    calls_left=run.client.calls_left,
                    calls_saved=progress.calls_saved[DETAILS],
                ),
            ]
        )

    def _read_row(self, payload: bytes) -> ListedRow | UnusableRecord:
        return read_invoice_row(payload, self._customer_number, self._run.zone)

    async def _fetch(self, row: ListedRow) -> Bundle:
        detail = await self._run.client.invoice_detail(self._customer_number, row.number)
        if detail is None:
            return Bundle({})
        if decode_object(detail) is None:
            return Bundle({}, {DETAILS: UnusableRecord("bad_json", "", "not an object", detail, row.day)})
        return Bundle({DETAILS: detail})
