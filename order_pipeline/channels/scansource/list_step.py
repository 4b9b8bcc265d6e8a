"""A step of the plan that reads a list: walk it, fetch what belongs to each row that differs from raw, yield both.

A list row is committed in one group with all that belongs to it, so a list row in raw proves that the rest is there: a
killed or stopped run is resumed by comparing list rows, without any bookkeeping of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from order_pipeline.channels.base import CommitGroup, DeadLetter, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.channels.rereads import utc_now
from order_pipeline.channels.scansource.client import RowPages, ScanSourceClient, decode_object
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.channels.scansource.listed import ListedRow
from order_pipeline.channels.scansource.progress import StepProgress, Stop
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.http.errors import ApiError, NotSent, TransientError, UnreadableBody

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


@dataclass(frozen=True, slots=True)
class Bundle:
    """What belongs to a list row: payload by resource, and what came but cannot be used."""

    payloads: Mapping[str, bytes]
    dead_letters: Mapping[str, DeadLetter] = field(default_factory=dict[str, DeadLetter])


@dataclass(frozen=True, slots=True)
class Known:
    """What raw holds of some records: hashes of their list rows, and whose details are there."""

    row_hashes: Mapping[str, str]
    with_detail: Collection[str]

    def holds(self, row: ListedRow) -> bool:
        """Whether raw holds exactly this row and its detail."""
        return self.row_hashes.get(row.record_id) == row.content_sha256 and row.record_id in self.with_detail


@dataclass(slots=True)
class ListStep:
    """The machinery of a step: `fetch` brings a row's bundle, each of `fetched_resources` by one call."""

    run: Run
    row_resource: str
    fetched_resources: Sequence[str]
    read_row: Callable[[bytes], ListedRow | DeadLetter]
    fetch: Callable[[ListedRow], Awaitable[Bundle]]
    progress: StepProgress = field(default_factory=StepProgress)

    async def groups(
        self,
        pages: RowPages,
        wanted: Callable[[ListedRow], bool],
        known: Callable[[Sequence[ListedRow]], Awaitable[Known]],
    ) -> AsyncGenerator[CommitGroup]:
        """Commit groups of the walk, in the list's order; fetching goes on while a group is being committed.

        A step may walk several lists at once. An error that ends the step is kept in its progress and raised by
        `raise_failure`, so that what was fetched before can be handed over first.

        Args:
            pages: the list.
            wanted: whether a row belongs to this walk; others are dropped.
            known: what raw holds of some rows.
        """
        under_way: deque[asyncio.Task[CommitGroup]] = deque()
        try:
            async for rows, dead_letters in self._walk(pages, wanted):
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

    def raise_failure(self) -> None:
        """Raise the error that ended the step, if one did."""
        if self.progress.failure is not None:
            raise self.progress.failure

    async def _walk(
        self, pages: RowPages, wanted: Callable[[ListedRow], bool]
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
                yield kept, dead_letters
                if self.has_ended:
                    return
            self.progress.walks_finished += pages.walk.complete
            self.progress.doubts += [pages.walk.note] if pages.walk.note else []
        except (QuotaExceeded, RateLimited) as limit:
            self.run.stop.at_limit(limit, self.run.now())
        except ApiError as error:
            self.progress.fail(error)

    @staticmethod
    def _is_in_doubt(rows: Sequence[ListedRow], dead_letters: Sequence[DeadLetter]) -> bool:
        """Whether the page may be an error or of another kind: then what it lacks is not proved to be absent."""
        without_key = [letter for letter in dead_letters if letter.rule in {"bad_json", "missing_key"}]
        return any(decode_object(letter.payload) is None for letter in without_key) or bool(without_key and not rows)

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
        bundles = await asyncio.gather(*(self._fetch_row(row) for row in rows))
        batches: dict[str, RecordBatch] = {self.row_resource: RecordBatch(self.row_resource)}
        for row, bundle in zip(rows, bundles, strict=True):
            if bundle is None:
                continue
            for resource, payload in {self.row_resource: row.payload, **bundle.payloads}.items():
                batch = batches.setdefault(resource, RecordBatch(resource))
                batch.record_ids.append(row.record_id)
                batch.days.append(row.day)
                batch.payloads.append(payload)
            self.progress.unusable.update(bundle.dead_letters.keys())
            for resource, record in bundle.dead_letters.items():
                batches.setdefault(resource, RecordBatch(resource)).dead_letters.append(record)
            if self.fetched_resources[0] not in bundle.payloads:
                self.progress.without_detail.append(row.number)
        for resource, batch in batches.items():
            self.progress.handed_over[resource] += len(batch) + len(batch.dead_letters)
        return CommitGroup(list(batches.values()))

    async def _fetch_row(self, row: ListedRow) -> Bundle | None:
        """The row's bundle, or None when it has to be left for the next run."""
        if not self.has_ended:
            try:
                return await self.fetch(row)
            except (QuotaExceeded, RateLimited) as limit:
                self.run.stop.at_limit(limit, self.run.now())
            except (TransientError, UnreadableBody) as error:
                self.progress.failed.append(error)
                if isinstance(error, NotSent) or len(self.progress.failed) > FAILURES_BORNE:
                    self.progress.fail(error)
            except ApiError as error:
                self.progress.fail(error)
        self.progress.remaining.append((row.day, row.number))
        return None


async def all_of(*calls: Awaitable[bytes | None]) -> list[bytes | None]:
    """The answers of calls that run at once; when some fail, the first failure, after all of them have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


def known_by_id(known: SourceState, row_resource: str, detail_resource: str, rows: Sequence[ListedRow]) -> Known:
    """What raw holds of rows whose days may be anywhere."""
    ids = [row.record_id for row in rows]
    latest = known.latest_payloads(row_resource, ids) if ids else {}
    hashes = {row.record_id: row.content_sha256 for row in rows if latest.get(row.record_id) == row.payload}
    return Known(hashes, known.latest_payloads(detail_resource, list(hashes)).keys() if hashes else ())


def known_in_window(known: SourceState, row_resource: str, detail_resource: str, window: Window) -> Known:
    """What raw holds of the records of a window."""
    return Known(known.latest_hashes(row_resource, window), known.latest_hashes(detail_resource, window).keys())
