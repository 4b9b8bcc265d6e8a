"""A step of the plan that reads a list: walk it, fetch what belongs to each row that differs from raw, yield both.

A list row is committed in one group with all that belongs to it, so a list row in raw proves that the rest is there: a
killed or stopped run is resumed by comparing list rows, without any bookkeeping of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.channels.refusals import REFUSED_CALL, about, refusal
from order_pipeline.channels.rereads import utc_now
from order_pipeline.channels.scansource.answers import Bundle
from order_pipeline.channels.scansource.client import RowPages, ScanSourceClient
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited, names_a_record
from order_pipeline.channels.scansource.known_rows import Known
from order_pipeline.channels.scansource.listed import ListedRow
from order_pipeline.channels.scansource.progress import StepProgress, Stop
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.errors import ApiError, NotSent, TransientError, concerns_the_record
from order_pipeline.http.record_ids import problem_of_id
from order_pipeline.http.reply import is_utf8

CHUNK = 50
CHUNKS_UNDER_WAY = 3
FAILURES_BORNE = 20
"""Single records that may fail (an order whose detail always answers 500) before the run is given up."""


@dataclass(slots=True)
class Run:
    """What the steps of one extraction share."""

    client: ScanSourceClient
    settings: ScanSourceSettings
    window: Window
    known: SourceState
    now: Callable[[], datetime] = utc_now
    stop: Stop = field(default_factory=Stop)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of dates without an offset."""
        return ZoneInfo(self.settings.timezone)


@dataclass
class ListStep:
    """The machinery of a step.

    Attributes:
        run: what the steps share.
        account: the customer number.
        noun: what the rows are, for people: `orders`.
        operations: the operation that brings each resource: the list's own first, then a row's detail, then the rest.
        read_row: reads a row of the list.
        fetch: brings what belongs to a row, each resource by one call.
    """

    run: Run
    account: str
    noun: str
    operations: Mapping[str, str]
    read_row: Callable[[bytes], ListedRow | DeadLetter]
    fetch: Callable[[ListedRow], Awaitable[Bundle]]
    progress: StepProgress = field(default_factory=StepProgress)

    def __post_init__(self) -> None:
        self.row_resource, *self.fetched_resources = self.operations
        self._asked_before = self.run.client.calls_by_operation.copy()

    async def groups(
        self,
        pages: RowPages,
        wanted: Callable[[ListedRow], bool],
        known: Callable[[Sequence[ListedRow]], Awaitable[Known]],
        must_list: Awaitable[Known] | None = None,
    ) -> AsyncGenerator[CommitGroup]:
        """Commit groups of the walk, in the list's order; fetching goes on while a group is being committed.

        A step may walk several lists at once. An error that ends the step is kept in its progress and raised by
        `raise_failure`, so that what was fetched before can be handed over first.

        Args:
            pages: the list.
            wanted: whether a row belongs to this walk; others are dropped.
            known: what raw holds of some rows.
            must_list: what raw holds of all rows that the list must have, where that is known.
        """
        under_way: deque[asyncio.Task[CommitGroup]] = deque()
        try:
            async for rows, dead_letters in self._walk(pages, wanted, must_list):
                changed, unchanged = self._divide(rows, await known(rows))
                for start in range(0, len(changed), CHUNK):
                    under_way.append(asyncio.create_task(self._fetch_chunk(changed[start : start + CHUNK])))
                if unchanged or dead_letters:
                    yield CommitGroup([self._rows_alone(unchanged, dead_letters)])
                while len(under_way) > CHUNKS_UNDER_WAY or (under_way and under_way[0].done()):
                    yield await under_way.popleft()
            while under_way:
                yield await under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def has_ended(self) -> bool:
        """Whether the step makes no more calls: a limit stopped the run, or an error the step."""
        return bool(self.run.stop) or self.progress.failure is not None

    def reports(self, window: Window) -> list[FetchReport]:
        """The report on the lists, and one on each resource that belongs to their rows."""
        made = self.run.client.calls_by_operation - self._asked_before
        calls = {resource: made[operation] for resource, operation in self.operations.items()}
        progress, stop, left = self.progress, self.run.stop, self.run.client.calls_left
        asked = {"account": self.account, "lists_window": True, "doubt": progress.doubt_about_list(self.noun)}
        return [
            replace(
                progress.list_report(self.row_resource, window, stop, calls[self.row_resource]),
                reading="list",
                ids=progress.listed_in(window),
                **asked,
            ),
            *(
                replace(
                    progress.detail_report(each, window, stop, noun=self.noun, calls=calls[each], calls_left=left),
                    reading="of listed rows",
                    **asked,
                )
                for each in self.fetched_resources
            ),
        ]

    def raise_failure(self) -> None:
        """Raise the error that ended the step, if one did."""
        if self.progress.failure is not None:
            raise self.progress.failure

    async def _walk(
        self, pages: RowPages, wanted: Callable[[ListedRow], bool], must_list: Awaitable[Known] | None
    ) -> AsyncIterator[tuple[list[ListedRow], list[DeadLetter]]]:
        """Usable rows that are wanted, and dead letters, page by page; a row seen twice comes once.

        A row that comes again with other content has changed between two pages: it comes again.
        """
        longest_page = 0
        numbers: set[str] = set()
        contents: set[bytes] = set()
        self.progress.walks_begun += 1
        try:
            async for number, page in pages.read():
                read = [self.read_row(payload) for payload in page if payload not in contents]
                rows = [row for row in read if isinstance(row, ListedRow)]
                dead_letters = [row for row in read if isinstance(row, DeadLetter)]
                new = {row.record_id for row in rows} - numbers
                # Rows that move while pages are read may leave a short page of rows seen before: that is the end.
                is_rest = len(page) < longest_page and not new and not dead_letters
                longest_page = max(longest_page, len(page))
                pages.walk.saw(0 if is_rest else len(page), len(new) + len(dead_letters))
                numbers |= new
                contents |= {row.payload for row in read}
                if self._is_in_doubt(rows, dead_letters):
                    pages.walk.doubt(f"page {number}: {len(dead_letters)} rows are no records")
                self.progress.pages += 1
                kept = [row for row in rows if wanted(row)]
                self.progress.listed |= {row.record_id: row.day for row in kept}
                yield kept, dead_letters
                if self.has_ended:
                    return
            self.progress.walks_finished += pages.walk.complete
            if must_list is not None and pages.walk.complete:
                of_account = {each for each in (await must_list).row_hashes if each.startswith(f"{self.account}:")}
                self.progress.unlisted |= of_account - numbers
            self.progress.doubts += [pages.walk.note] if pages.walk.note else []
        except (QuotaExceeded, RateLimited) as limit:
            self.run.stop.at_limit(limit, self.run.now())
        except ApiError as error:
            self.progress.fail(error)

    @staticmethod
    def _is_in_doubt(rows: Sequence[ListedRow], dead_letters: Sequence[DeadLetter]) -> bool:
        """Whether the page may be an error or of another kind: then what it lacks is not proved to be absent.

        A broken record is still a record. A row that is no object is none; nor is any on a page without a record's key.
        """
        nameless = [letter for letter in dead_letters if letter.rule in {"bad_json", "missing_key"}]
        if any(letter.payload[:1] != b"{" for letter in nameless):
            return True
        return bool(nameless) and not rows and not any(names_a_record(letter.payload) for letter in nameless)

    def _divide(self, rows: Sequence[ListedRow], known: Known) -> tuple[list[ListedRow], list[ListedRow]]:
        """Rows that differ from raw, and those that do not."""
        changed = [row for row in rows if not known.holds(row)]
        unchanged = [row for row in rows if known.holds(row)]
        self.progress.calls_saved.update(dict.fromkeys(self.fetched_resources, len(unchanged)))
        return changed, unchanged

    def _rows_alone(self, unchanged: Sequence[ListedRow], dead_letters: list[DeadLetter]) -> RecordBatch:
        """Rows that need no call. Raw holds the unchanged ones; they are handed over to be counted there."""
        self.progress.handed_over[self.row_resource] += len(unchanged) + len(dead_letters)
        return RecordBatch(
            self.row_resource,
            [row.record_id for row in unchanged],
            [row.day for row in unchanged],
            Payloads(row.payload for row in unchanged),
            dead_letters,
        )

    async def _fetch_chunk(self, rows: Sequence[ListedRow]) -> CommitGroup:
        bundles = await asyncio.gather(*(self.fetch_row(row) for row in rows))
        batches: dict[str, RecordBatch] = {self.row_resource: RecordBatch(self.row_resource)}
        for row, bundle in zip(rows, bundles, strict=True):
            if bundle is None:
                continue
            for resource, payload in {self.row_resource: row.payload, **bundle.payloads}.items():
                batches.setdefault(resource, RecordBatch(resource)).add(row.record_id, row.day, payload)
            self.progress.unusable.update(bundle.dead_letters.keys())
            for resource, record in bundle.dead_letters.items():
                batches.setdefault(resource, RecordBatch(resource)).dead_letters.append(record)
            if self.fetched_resources[0] not in bundle.payloads:
                self.progress.without_detail.append(row.number)
        for resource, batch in batches.items():
            self.progress.handed_over[resource] += len(batch) + len(batch.dead_letters)
        return CommitGroup(list(batches.values()))

    async def bundle(self, row: ListedRow, calls: Mapping[str, Awaitable[bytes | None]]) -> Bundle:
        """What a row's calls brought, by resource. A call that failed over the record is a reject of that resource.

        Raises:
            ApiError: a call failed for another reason, or is refused for every record; after all of them have ended.
        """
        answers = await asyncio.gather(*calls.values(), return_exceptions=True)
        payloads: dict[str, bytes] = {}
        rejects: dict[str, DeadLetter] = {}
        failure: BaseException | None = None
        for resource, answer in zip(calls, answers, strict=True):
            if not isinstance(answer, BaseException):
                self.progress.refused_in_a_row[resource] = 0
                if answer is not None and is_utf8(answer):
                    payloads[resource] = answer
                elif answer is not None:
                    rejects[resource] = DeadLetter(
                        "bad_json", resource, "not UTF-8", about(row.number, answer), row.day, row.record_id
                    )
            elif isinstance(answer, ApiError) and self._is_borne(answer, resource, row):
                rejects[resource] = refusal(
                    row.number, resource, answer, record_id=row.record_id, day=row.day, known=row.payload
                )
            else:
                failure = failure or answer
        if failure is not None:
            raise failure
        return Bundle(payloads, rejects)

    def _is_borne(self, error: ApiError, resource: str, row: ListedRow) -> bool:
        over_the_record = concerns_the_record(error) and not isinstance(error, QuotaExceeded)
        return over_the_record and self.progress.bears(resource, row.number)

    async def fetch_row(self, row: ListedRow) -> Bundle | None:
        """The row's bundle, or None when it has to be left for the next run."""
        if problem := problem_of_id(row.number):
            unasked = DeadLetter(
                REFUSED_CALL, "number", problem, about(row.number, row.payload), row.day, row.record_id
            )
            return Bundle({}, {self.fetched_resources[0]: unasked})
        if not self.has_ended:
            try:
                return await self.fetch(row)
            except (QuotaExceeded, RateLimited) as limit:
                self.run.stop.at_limit(limit, self.run.now())
            except TransientError as error:
                self.progress.failed.append(error)
                if isinstance(error, NotSent) or len(self.progress.failed) > FAILURES_BORNE:
                    self.progress.fail(error)
            except ApiError as error:
                self.progress.fail(error)
        self.progress.remaining.append((row.day, row.number))
        return None
