"""From a source's commit groups to committed raw rows: fetching goes on while the groups before are being written.

Memory is bounded by the groups of two transactions, whatever the window's size. Small groups that follow each other
closely are written together, for a transaction costs tens of milliseconds; from a slow API each is written as it comes,
for a call that a killed run has to repeat costs more. A group is never split, and what a transaction holds is committed
with its dirty days and fetch reports or not at all. Does not belong here: which pages to ask for, and core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from order_pipeline.sources.records import Extraction, KnownState, Window
from order_pipeline.warehouse.group_writer import Gathered, GroupWriter
from order_pipeline.warehouse.ingest_result import IngestResult
from order_pipeline.warehouse.lake import Lake
from order_pipeline.warehouse.migrations import migrate

COMMIT_BYTES = 16_000_000
COMMIT_SECONDS = 5.0

Progress = Callable[[IngestResult], None]


async def ingest(  # noqa: PLR0917 - the one call that every channel's asset makes
    lake: Lake,
    source: str,
    extraction: Extraction,
    window: Window,
    known: KnownState,
    run_id: str,
    progress: Progress | None = None,
    *,
    commit_bytes: int = COMMIT_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> IngestResult:
    """Stream the extraction of the window into raw; whole groups received before a failure are kept.

    Args:
        lake: where to write; it is migrated first.
        source: the channel, the first part of its raw tables' names.
        extraction: yields the commit groups.
        window: the days to read.
        known: what the source may ask the warehouse.
        run_id: kept with every row.
        progress: called in the event loop after every commit, with the result so far.
        commit_bytes: payload bytes that are gathered before a transaction is worth it; 0: one transaction a group.
        clock: seconds; what came is written at the latest with the first group after `COMMIT_SECONDS` of gathering.

    Raises:
        Exception: what the extraction raised, after the groups before it are committed.
        LakeBusyError: another writer held the lake too long; earlier commits stand.
    """
    migrate(lake)
    writer = GroupWriter(lake, source, run_id)
    gathered = Gathered()
    writing: asyncio.Task[None] | None = None
    stream = extraction(window, known)
    gathering_since = clock()
    with lake.kept_open(), ThreadPoolExecutor(1, thread_name_prefix="raw-writer") as thread:

        async def write(groups: Gathered) -> None:
            await asyncio.get_running_loop().run_in_executor(thread, writer.write, groups)
            if progress:
                progress(writer.result)

        try:
            async for group in stream:
                gathered.add(group, datetime.now(UTC))
                if gathered.payload_bytes >= commit_bytes or clock() - gathering_since >= COMMIT_SECONDS:
                    if writing:
                        await writing
                    writing, gathered = asyncio.create_task(write(gathered)), Gathered()
                    gathering_since = clock()
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
            if writing:
                await writing
            if gathered.groups:
                await write(gathered)
    return writer.result
