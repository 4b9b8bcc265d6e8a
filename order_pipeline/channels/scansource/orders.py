"""Step 1 of the plan: the window's orders and unsettled ones before it, then older orders that changed lately.

Tracking and serials come with the detail. Which lists are walked, and what belongs to an order:
docs/apis/scansource.md sections 3 and 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from datetime import date, timedelta

from order_pipeline.channels.base import CommitGroup, DeadLetter, Window
from order_pipeline.channels.rereads import Reach, reach_back, take_turn
from order_pipeline.channels.scansource.answers import Bundle, detail_problem, serials_problem, tracking_problem
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.dates import day_of
from order_pipeline.channels.scansource.errors import RecordNotFound
from order_pipeline.channels.scansource.known_rows import known_by_id, known_in_window
from order_pipeline.channels.scansource.list_step import ListStep, Run
from order_pipeline.channels.scansource.listed import ListedRow, questions_of, read_row
from order_pipeline.channels.scansource.merged_streams import merge_streams
from order_pipeline.channels.scansource.questions import Question

ROWS, DETAILS, TRACKING, SERIALS = "order_rows", "order_details", "order_tracking", "order_serials"
OPERATIONS = {ROWS: "order_list", DETAILS: "order_detail", TRACKING: "order_tracking", SERIALS: "order_serials"}
PROBLEMS = {DETAILS: detail_problem, TRACKING: tracking_problem, SERIALS: serials_problem}
ONE_DAY = timedelta(days=1)
"""Asked before and after every window: whether its ends are inclusive is not documented."""


class OrderStep:
    """Reads one customer's orders; collects the items of its open orders on the way."""

    def __init__(self, run: Run, customer_number: str) -> None:
        self._run = run
        self._customer_number = customer_number
        self._step = ListStep(run, customer_number, "orders", OPERATIONS, self._read_row, self._fetch)
        self._entered: list[Window] = []
        self.open_items: set[Question] = set()

    @property
    def lists_read(self) -> bool:
        """Whether `open_items` are those of all orders listed."""
        return self._step.progress.list_finished

    async def groups(self) -> AsyncGenerator[CommitGroup]:
        """The step's commit groups; the last one holds its reports.

        Raises:
            ApiError: what ended the step, after its reports.
        """
        run = self._run
        reach = await asyncio.to_thread(self._reach_back)
        if not run.stop:
            self._entered = await asyncio.to_thread(self._windows, reach)
            walks = [self._of_window(window) for window in self._entered]
            if run.settings.changed_look_back_days:
                walks.append(self._changed_lately(reach))
            async with aclosing(merge_streams(walks)) as groups:
                async for group in groups:
                    yield group
        note = f"customer {self._customer_number}, orders"
        proof = reach.reports(ROWS, complete=self._step.progress.all_fetched, note=note)
        yield CommitGroup(reports=[*self._step.reports(run.window), *proof])
        self._step.raise_failure()

    def _reach_back(self) -> Reach:
        run = self._run
        return reach_back(
            run.known,
            f"orders of customer {self._customer_number}",
            run.window,
            today=run.now().date(),
            look_back_days=run.settings.changed_look_back_days,
            most_days=run.settings.catch_up_days,
        )

    def _windows(self, reach: Reach) -> list[Window]:
        """The days of which orders are listed: the window's, back to the oldest young unsettled order, and older days.

        A page of a list costs a call for a hundred orders, so unsettled orders are listed by their days and not by
        their numbers; only rows that differ from raw cost calls of their own.
        """
        run = self._run
        unsettled: Mapping[str, date] = {}
        if run.settings.reread_unsettled:
            unsettled = run.known.unsettled_orders(self._customer_number)
        oldest = reach.ages_from - run.settings.reread_days * ONE_DAY
        young = {day for day in unsettled.values() if day >= oldest}
        first = min({reach.ordered_from} | young)
        older = [day.isoformat() for day in unsettled.values() if day < first]
        in_turn = sorted(map(date.fromisoformat, take_turn({*older}, run.settings.reread_older_days, run.now())))
        if unsettled:
            self._step.progress.reread_note = (
                f"unsettled: {len(unsettled) - len(older)} listed since {first}, of {len(older)} older ones"
                f" {len(in_turn)} of {len({*older})} days in turn"
            )
        return [Window(first, run.window.end), *(Window(day, day + ONE_DAY) for day in in_turn)]

    def _of_window(self, window: Window) -> AsyncGenerator[CommitGroup]:
        """Orders entered in the window."""
        run = self._run
        asked = (window.start - ONE_DAY, window.end)
        known = asyncio.ensure_future(asyncio.to_thread(known_in_window, run.known, ROWS, DETAILS, window))
        pages = run.client.order_rows(self._customer_number, entered=asked)
        return self._step.groups(pages, lambda row: self._in_window(row, window, asked), lambda _: known, known)

    def _changed_lately(self, reach: Reach) -> AsyncGenerator[CommitGroup]:
        """Orders of any other day that changed since the last proof, or shortly before the window's end."""
        run = self._run
        asked = (reach.changed_from - ONE_DAY, run.window.end)
        pages = run.client.order_rows(self._customer_number, changed=asked)
        return self._step.groups(
            pages,
            lambda row: self._changed_elsewhere(row, asked),
            lambda rows: asyncio.to_thread(known_by_id, run.known, ROWS, DETAILS, rows),
        )

    def _read_row(self, payload: bytes) -> ListedRow | DeadLetter:
        row = read_row(payload, "OrderNumber", self._customer_number, self._run.zone)
        self.open_items |= questions_of(row, self._run.settings.priced_quantity)
        return row

    def _in_window(self, row: ListedRow, window: Window, asked: tuple[date, date]) -> bool:
        if not asked[0] - ONE_DAY <= row.day <= asked[1] + ONE_DAY:
            self._step.progress.outside_asked_days += 1
        return window.start <= row.day < window.end

    def _changed_elsewhere(self, row: ListedRow, asked: tuple[date, date]) -> bool:
        """Whether the row belongs to this walk: not of a day that is listed, and changed in the days asked for."""
        if any(window.start <= row.day < window.end for window in self._entered):
            return False
        changed_on = day_of(field_of(decode_object(row.payload) or {}, "LastChanged"), self._run.zone)
        if changed_on is not None and not asked[0] - ONE_DAY <= changed_on <= asked[1] + ONE_DAY:
            self._step.progress.outside_asked_days += 1
            return False
        return True

    async def _fetch(self, row: ListedRow) -> Bundle:
        """Detail, tracking and serials at once; an order of which nothing has shipped has only a detail."""
        client, customer, number = self._run.client, self._customer_number, row.number
        calls: dict[str, Awaitable[bytes | None]] = {DETAILS: client.order_detail(customer, number)}
        if row.has_shipped:
            calls |= {TRACKING: client.order_tracking(customer, number), SERIALS: self._serials(number)}
        else:
            self._step.progress.calls_saved.update((TRACKING, SERIALS))
        found = await self._step.bundle(row, calls)
        return found.checked(row, PROBLEMS)

    async def _serials(self, number: str) -> bytes | None:
        """The serial rows of an order as one array; None when the API knows no such order there."""
        try:
            rows = await self._run.client.order_serials(self._customer_number, number).all_rows()
        except RecordNotFound:
            return None
        return b"[" + b",".join(rows) + b"]"
