"""From a source's commit groups to committed raw rows: fetching goes on while the groups before are being written.

Memory is bounded by the groups of two transactions, whatever the window's size. Small groups that follow each other
closely are written together, for a transaction costs tens of milliseconds. Groups of a slow API are written as they
come, for a call that a killed run has to repeat costs more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from order_pipeline.channels.base import Extraction, SourceState, Window
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.ingest_result import IngestResult
from order_pipeline.warehouse.raw.writer import RawWriter

COMMIT_BYTES = 32_000_000
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
        lake: where to write, migrated.
        source: the channel, the first part of its raw tables' names.
        extraction: yields the commit groups.
        window: the days to read.
        known: what the source may ask the warehouse.
        run_id: kept with every row.
        progress: called in the event loop after every write, with the result so far.
        commit_bytes: payload bytes that are collected for one transaction; then the source waits until the one before
            is written. 0: one transaction a group.
        clock: seconds; what came is written at the latest with the first group after `COMMIT_SECONDS` of collecting.

    Raises:
        Exception: what the extraction raised, after the groups before it are committed.
        LakeBusyError: another writer held the lake too long; earlier commits stand.
    """
    writer = RawWriter(lake, source, run_id)
    buffer, buffer_since = CommitBuffer(), clock()
    stream = extraction(window, known)
    with ThreadPoolExecutor(1, thread_name_prefix="raw-writer") as thread:

        async def write(full: CommitBuffer) -> None:
            if full.groups:
                await asyncio.get_running_loop().run_in_executor(thread, writer.write, full)
                if progress:
                    progress(writer.result)

        writing = asyncio.create_task(write(CommitBuffer()))
        try:
            async for group in stream:
                buffer.add(group, datetime.now(UTC))
                writer.result.so_far = group.so_far or writer.result.so_far
                if writing.done():
                    writing.result()  # groups that cannot be written cost no further calls
                if buffer.payload_bytes >= commit_bytes or clock() - buffer_since >= COMMIT_SECONDS:
                    await writing
                    writing = asyncio.create_task(write(buffer))
                    buffer, buffer_since = CommitBuffer(buffer.next_sequence), clock()
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
            await writing
            await write(buffer)
    return writer.result
