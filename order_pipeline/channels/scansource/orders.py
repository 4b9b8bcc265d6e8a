"""Step 1 of the plan: the window's orders and unsettled ones before it, then older orders that changed lately.

Tracking and serials come with the detail. Which lists are walked, and what belongs to an order:
docs/apis/scansource.md sections 3 and 11.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date, timedelta
from typing import Any, cast

import msgspec

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, Window
from order_pipeline.channels.rereads import Reach, reach_back, take_turn
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.dates import day_of
from order_pipeline.channels.scansource.list_step import Bundle, ListStep, Run, all_of, known_by_id, known_in_window
from order_pipeline.channels.scansource.listed import ListedRow, read_order_row, text_of
from order_pipeline.channels.scansource.merged_streams import merge_streams

ROWS, DETAILS, TRACKING, SERIALS = "order_rows", "order_details", "order_tracking", "order_serials"
ONE_DAY = timedelta(days=1)
"""Asked before and after every window: whether its ends are inclusive is not documented."""


class OrderStep:
    """Reads one customer's orders; collects the items of its open orders on the way."""

    def __init__(self, run: Run, customer_number: str) -> None:
        self._run = run
        self._customer_number = customer_number
        self._asked_before = run.client.calls_by_operation.copy()
        self._step = ListStep(run, ROWS, (DETAILS, TRACKING, SERIALS), self._read_row, self._fetch)
        self._entered: list[Window] = []
        self.open_items: set[str] = set()

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
        yield CommitGroup(reports=[*self._reports(), *proof])
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
        return self._step.groups(pages, lambda row: self._in_window(row, window, asked), lambda _: known)

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

    def _reports(self) -> list[FetchReport]:
        """Reports on the lists, and on details, tracking and serials."""
        run, progress = self._run, self._step.progress
        asked = run.client.calls_by_operation - self._asked_before
        operations = {DETAILS: "order_detail", TRACKING: "order_tracking", SERIALS: "order_serials"}
        return [
            progress.list_report(ROWS, run.window, run.stop, asked["order_list"]),
            *(
                progress.detail_report(
                    resource,
                    run.window,
                    run.stop,
                    noun="orders",
                    calls=asked[operation],
                    calls_left=run.client.calls_left,
                    calls_saved=progress.calls_saved[resource],
                )
                for resource, operation in operations.items()
            ),
        ]

    def _read_row(self, payload: bytes) -> ListedRow | DeadLetter:
        row = read_order_row(payload, self._customer_number, self._run.zone)
        if isinstance(row, ListedRow) and row.is_open:
            self.open_items.update(row.items)
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
        detail_call = client.order_detail(customer, number)
        if row.has_shipped:
            detail, tracking, serials = await all_of(
                detail_call, client.order_tracking(customer, number), self._serials(number)
            )
        else:
            self._step.progress.calls_saved.update((TRACKING, SERIALS))
            detail, tracking, serials = await detail_call, None, None
        found = {DETAILS: detail, TRACKING: tracking, SERIALS: serials}
        payloads = {resource: payload for resource, payload in found.items() if payload is not None}
        looked_at = ((resource, _PROBLEMS[resource](payload, row)) for resource, payload in payloads.items())
        problems = {resource: problem for resource, problem in looked_at if problem is not None}
        return Bundle({name: payload for name, payload in payloads.items() if name not in problems}, problems)

    async def _serials(self, number: str) -> bytes:
        """The serial rows of an order as one array."""
        rows = await self._run.client.order_serials(self._customer_number, number).all_rows()
        return b"[" + b",".join(rows) + b"]"


def detail_problem(detail: bytes, row: ListedRow, key: str = "SalesOrderNumber") -> DeadLetter | None:
    """Why a detail cannot be the row's: no object, or another record's; leading zeros do not count."""
    decoded = decode_object(detail)
    if decoded is None:
        return DeadLetter("bad_json", "", "not an object", detail, row.day, row.record_id)
    number = text_of(field_of(decoded, key))
    if number.lstrip("0") != row.number.lstrip("0"):
        return DeadLetter("missing_key", key, number, detail, row.day, row.record_id)
    return None


def _tracking_problem(tracking: bytes, row: ListedRow) -> DeadLetter | None:
    """Why an answer is no tracking: it has no list of orders."""
    if isinstance(field_of(decode_object(tracking) or {}, "Orders"), list):
        return None
    return DeadLetter("missing_key", "Orders", "", tracking, row.day, row.record_id)


def _serials_problem(serials: bytes, row: ListedRow) -> DeadLetter | None:
    """Why an answer holds no serials: a row of it names none."""
    decoded: list[object] = msgspec.json.decode(serials)
    rows = [cast("dict[str, Any]", each) if isinstance(each, dict) else {} for each in decoded]
    if all(field_of(each, "SerialNumber") is not None for each in rows):
        return None
    return DeadLetter("missing_key", "SerialNumber", "", serials, row.day, row.record_id)


_PROBLEMS = {DETAILS: detail_problem, TRACKING: _tracking_problem, SERIALS: _serials_problem}
