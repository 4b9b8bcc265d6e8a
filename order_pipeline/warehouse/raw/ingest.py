"""From a source's commit groups to committed raw rows: fetching goes on while the groups before are being written.

Memory is bounded by the groups of two transactions, whatever the window's size. Small groups that follow each other
closely are written together, for a transaction costs tens of milliseconds; from a slow API each is written as it comes,
for a call that a killed run has to repeat costs more. A group is never split, and what a transaction holds is committed
with its stale partitions and fetch reports or not at all. Does not belong here: which pages to ask for, and core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from order_pipeline.channels.base import Extraction, SourceState, Window
from order_pipeline.warehouse.lake.collector import older_objects_left_alone
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.commit import Gathered, GroupWriter
from order_pipeline.warehouse.raw.ingest_result import IngestResult

COMMIT_BYTES = 64_000_000
COMMIT_SECONDS = 5.0

Progress = Callable[[IngestResult], None]


async def ingest(  # noqa: PLR0917 - the one call that every channel's asset makes
    lake: Lake,
    source: str,
    extraction: Extraction,
    window: Window,
    known: SourceState,
    run_id: str,
    progress: Progress | None = None,
    *,
    commit_bytes: int = COMMIT_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> IngestResult:
    """Stream the extraction of the window into raw; whole groups received before a failure are kept.

    Args:
        lake: where to write; it is migrated while the first groups are fetched.
        source: the channel, the first part of its raw tables' names.
        extraction: yields the commit groups.
        window: the days to read.
        known: what the source may ask the warehouse.
        run_id: kept with every row.
        progress: called in the event loop after every commit, with the result so far.
        commit_bytes: payload bytes that are gathered for one transaction; then the source waits until the one before
            is written. 0: one transaction a group.
        clock: seconds; what came is written at the latest with the first group after `COMMIT_SECONDS` of gathering.

    Raises:
        Exception: what the extraction raised, after the groups before it are committed.
        LakeBusyError: another writer held the lake too long; earlier commits stand.
    """
    gathered = Gathered()
    writing: asyncio.Task[None] | None = None
    stream = extraction(window, known)
    gathering_since = clock()
    with older_objects_left_alone(), _LakeThread(lake, GroupWriter(lake, source, run_id), progress) as thread:
        try:
            async for group in stream:
                gathered.add(group, datetime.now(UTC))
                thread.raise_if_failed()
                if gathered.payload_bytes >= commit_bytes or clock() - gathering_since >= COMMIT_SECONDS:
                    if writing:
                        await writing
                    writing, gathered = asyncio.create_task(thread.write(gathered)), Gathered()
                    gathering_since = clock()
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
            if writing:
                await writing
            await thread.write(gathered)
    lake.give_back_memory(kept=0)
    return thread.writer.result


class _LakeThread:
    """The thread that brings the lake up to date, while the first groups are fetched, and then writes."""

    def __init__(self, lake: Lake, writer: GroupWriter, progress: Progress | None) -> None:
        self.writer = writer
        self._lake = lake
        self._progress = progress
        self._held = ExitStack()
        self._thread = self._held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="raw-writer"))
        self._ready = self._thread.submit(self._open)

    def _open(self) -> None:
        migrate(self._lake)
        self._held.enter_context(self._lake.kept_open())

    def raise_if_failed(self) -> None:
        """Raise what opening the lake raised, once it is known: groups that cannot be written cost no further calls."""
        if self._ready.done():
            self._ready.result()

    async def write(self, groups: Gathered) -> None:
        """Write the groups, if there are any; they are lost only with what this raises."""
        await asyncio.wrap_future(self._ready)
        if groups.groups:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.writer.write, groups)
            if self._progress:
                self._progress(self.writer.result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        wait([self._ready])  # what it opens must be closed
        self._held.close()
