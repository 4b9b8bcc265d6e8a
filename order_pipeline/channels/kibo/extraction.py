"""What a run asks of Kibo: by order date, by ship date, and again for the orders that can still change.

The API has no "changed since" filter, so three reads together see what changed (docs/apis/kibo.md section 12). This
module plans the reads, decides what of an answer is kept, and reports what came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from order_pipeline.channels.base import (
    CommitGroup,
    Extraction,
    FetchReport,
    RecordBatch,
    SoFar,
    SourceState,
    Window,
)
from order_pipeline.channels.kibo.client import KiboClient, open_transport
from order_pipeline.channels.kibo.kept_orders import OrderKeeper
from order_pipeline.channels.kibo.query import SearchQuery, can_be_asked_for
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.channels.refusals import refusal
from order_pipeline.channels.rereads import Reach, Rereads, plan_rereads, reach_back, utc_now
from order_pipeline.http.errors import REFUSALS_BORNE, ApiError, PagingError, PermanentError, concerns_the_record
from order_pipeline.http.pagination import Walk

RESOURCE = "orders"
GROUP_BYTES = 8_000_000  # the warehouse writes several in one transaction; larger groups only cost memory
IDS_PER_SEARCH = 50
_UNITS = ("days", "days of a manufacturer")
"""What is counted of a long run: with one manufacturer, and with several."""


def build_extraction(settings: KiboSettings, *, now: Callable[[], datetime] = utc_now) -> Extraction:
    """The extraction of all configured manufacturers. One transport serves a run; it is closed when the run ends.

    Its call raises:
        NotConfigured: credentials or manufacturer ids are not set.
        ApiError: a search failed for good; what came before it was yielded, with a report that says so. A refusal may
            be about one manufacturer only, so the others are read first; an API that is down ends the run at once.
    """

    async def extract(window: Window, known: SourceState) -> AsyncGenerator[CommitGroup]:
        refusal: PermanentError | None = None
        async with open_transport(settings) as transport:
            client = KiboClient(transport, settings)
            accounts, days = settings.manufacturer_ids, len(window.days)
            for number, account in enumerate(accounts):
                account_run = _AccountRun(client, settings, account, now())
                try:
                    async with aclosing(account_run.run(window, known)) as groups:
                        async for group in groups:
                            done, unit = number * days + account_run.days_read, _UNITS[len(accounts) > 1]
                            group.so_far = SoFar(transport.calls, done, len(accounts) * days, unit)
                            yield group
                except PermanentError as error:
                    error.add_note(f"This was manufacturer {account}; the run went on with the others.")
                    refusal = refusal or error
        if refusal:
            raise refusal

    return extract


@dataclass(frozen=True, slots=True)
class _Read:
    """One search and what it is for; `day` limits what is kept to orders of that UTC day (section 3.4)."""

    name: str
    query: SearchQuery
    window: Window
    day: date | None = None
    expected: int | None = None
    calls_saved: int = 0
    note: str = ""


class _AccountRun:
    """One manufacturer's reads. Memory holds one commit group, the pages in flight and one walk's ids."""

    def __init__(self, client: KiboClient, settings: KiboSettings, account: str, now: datetime) -> None:
        self._client = client
        self._settings = settings
        self._account = account
        self._now = now
        self.days_read = 0
        self._all_proved = True
        self._group = CommitGroup()
        self._batch = RecordBatch(RESOURCE)
        self._bytes = 0
        self._to_reread: set[str] = set()
        self._refusals = 0

    async def run(self, window: Window, known: SourceState) -> AsyncGenerator[CommitGroup]:
        """Yield the groups of all reads; a search whose paging contradicts itself fails the run after the others."""
        reach = self._reach_back(window, known)
        rereads = self._plan_rereads(reach, known)
        self._to_reread = {*rereads.young, *rereads.in_turn}
        contradiction: PagingError | None = None
        for read in self._plan(window, reach, rereads):
            try:
                async with aclosing(self._read_bearing_refusals(read)) as groups:
                    async for group in groups:
                        yield group
                self.days_read += read.day in window.days
            except PagingError as error:
                contradiction = contradiction or error
            except ApiError:
                yield self._take_group()
                raise
        note = f"manufacturer {self._account}, orders and ship dates"
        self._group.reports += reach.reports(RESOURCE, complete=self._all_proved, note=note)
        yield self._take_group()
        if contradiction:
            raise contradiction

    def _reach_back(self, window: Window, known: SourceState) -> Reach:
        return reach_back(
            known,
            f"manufacturer {self._account}",
            window,
            today=self._now.date(),
            look_back_days=self._settings.ship_date_look_back_days,
            most_days=self._settings.catch_up_days,
        )

    def _plan_rereads(self, reach: Reach, known: SourceState) -> Rereads:
        settings = self._settings
        unsettled: Mapping[str, date] = {}
        if settings.reread_unsettled:
            unsettled = known.unsettled_orders(self._account)
        return plan_rereads(
            {order_id: day for order_id, day in unsettled.items() if can_be_asked_for(order_id)},
            oldest=reach.ages_from - timedelta(days=settings.reread_days),
            most_older=settings.reread_older_orders,
            now=self._now,
        )

    def _plan(self, window: Window, reach: Reach, rereads: Rereads) -> Iterator[_Read]:
        """The reads in order; the last ones are planned when the others have shown what need not be asked again."""
        account = (self._account,)
        overlap = timedelta(minutes=self._settings.window_overlap_minutes)
        for day in Window(reach.ordered_from, window.end).days:
            asked = Window(day, day + timedelta(days=1))
            start, end = asked.moments
            query = SearchQuery(manufacturer_ids=account, order_dates=(start - overlap, end))
            yield _Read("order date", query, asked, day=day)
        if self._settings.ship_date_look_back_days:
            asked = Window(reach.changed_from, window.end)
            yield _Read("ship date", SearchQuery(manufacturer_ids=account, ship_dates=asked.moments), asked)
        rest = sorted(self._to_reread)
        saved = -(-(len(rereads.young) + len(rereads.in_turn)) // IDS_PER_SEARCH) - -(-len(rest) // IDS_PER_SEARCH)
        note = rereads.describe(self._settings.reread_days)
        for ids in (rest[first : first + IDS_PER_SEARCH] for first in range(0, len(rest), IDS_PER_SEARCH)):
            yield _Read("unsettled", self._by_id(ids), window, expected=len(ids), calls_saved=saved, note=note)
            saved, note = 0, ""

    def _by_id(self, ids: Sequence[str]) -> SearchQuery:
        return SearchQuery(manufacturer_ids=(self._account,), order_ids=ids)

    async def _read_bearing_refusals(self, read: _Read) -> AsyncGenerator[CommitGroup]:
        """The read. A search by ids that is refused is asked in halves: one id must not spoil those beside it."""
        waiting = [read]
        while waiting:
            one = waiting.pop()
            try:
                async with aclosing(self._read(one)) as groups:
                    async for group in groups:
                        yield group
                self._refusals = 0
            except ApiError as error:
                ids = one.query.order_ids
                self._refusals += 1
                if not ids or not concerns_the_record(error) or self._refusals > REFUSALS_BORNE:
                    raise
                half = len(ids) // 2
                note = f"{len(ids)} ids {error.reason}, asked again in halves" if half else f"{error.reason}: a reject"
                note = "; ".join(filter(None, (f"manufacturer {self._account}, by {one.name}: {note}", one.note)))
                self._group.reports[-1] = replace(self._group.reports[-1], complete=True, note=note)
                if half:
                    halves = ids[half:], ids[:half]
                    one = replace(one, calls_saved=0, note="")  # they are counted with the whole
                    waiting += [replace(one, query=self._by_id(some), expected=len(some)) for some in halves]
                else:
                    self._batch.dead_letters.append(refusal(ids[0], "orderID", error, record_id=ids[0]))

    async def _read(self, read: _Read) -> AsyncGenerator[CommitGroup]:
        walk = self._client.walk(expected=read.expected)
        keeper = OrderKeeper(read.query, read.day)
        calls_before = self._client.transport.calls
        failure: ApiError | None = None
        try:
            async with aclosing(self._client.pages(read.query, walk, read.day)) as pages:
                async for page in pages:
                    new = keeper.new_in(page)
                    self._bytes += keeper.keep(page, self._batch, self._to_reread)
                    walk.saw(page.items, new, page.total)
                    if self._bytes >= GROUP_BYTES:
                        yield self._take_group()
        except ApiError as error:
            failure = error
            raise
        finally:
            calls = self._client.transport.calls - calls_before
            report = _report(read, self._account, walk, keeper, calls=calls, failure=failure)
            self._group.reports.append(report)
            self._all_proved &= report.complete or read.expected is not None
        yield self._take_group()  # what the next read brings is counted with that one's report

    def _take_group(self) -> CommitGroup:
        group = self._group
        if self._batch.record_ids or self._batch.dead_letters:
            group.batches.append(self._batch)
        self._group, self._batch, self._bytes = CommitGroup(), RecordBatch(RESOURCE), 0
        return group


def _report(
    read: _Read, account: str, walk: Walk, keeper: OrderKeeper, *, calls: int, failure: ApiError | None
) -> FetchReport:
    notes = [f"manufacturer {account}, by {read.name}"]
    if read.note:
        notes.append(read.note)
    if keeper.left_out:
        notes.append(f"{keeper.left_out} of other days left out (overlap)")
    notes += [note for note in (walk.note, str(failure) if failure and not walk.note else "") if note]
    return FetchReport(
        RESOURCE,
        *read.window.moments,
        pages=walk.pages,
        records=keeper.kept,
        claimed_total=walk.claimed_total,
        complete=walk.complete and failure is None,
        note="; ".join(notes),
        calls=calls,
        calls_saved=read.calls_saved,
        account=account,
        reading=read.name,
        lists_window=read.day is not None,
        ids=keeper.ids,
        doubt=f"the API ignored its filter by {read.name}: {keeper.unasked} orders were not asked for"
        if keeper.unasked
        else "",
    )
