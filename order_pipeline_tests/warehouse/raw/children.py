"""Processes that tests start, talk to by lines on stdin and stdout, and kill.

python -m order_pipeline_tests.warehouse.raw.children ingest DIRECTORY SOURCE GROUPS [DIE_AT DIE_IN_GROUP]
python -m order_pipeline_tests.warehouse.raw.children hold DIRECTORY
python -m order_pipeline_tests.warehouse.raw.children query DIRECTORY SQL
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from order_pipeline.channels.base import CommitGroup, Extraction, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw import writer
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

FIRST_DAY = date(2026, 1, 1)
GROUP_SIZE = 20


def group(number: int) -> CommitGroup:
    """Group `number`: twenty orders of one day, and the report of the window that they make up."""
    day = FIRST_DAY + timedelta(days=number)
    ids = [f"{number:03}-{n:02}" for n in range(GROUP_SIZE)]
    payloads = [f'{{"id": "{one}", "text": "{"x" * 200}"}}'.encode() for one in ids]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    report = FetchReport("orders", start, start + timedelta(days=1), 1, GROUP_SIZE, GROUP_SIZE, complete=True)
    return CommitGroup([RecordBatch("orders", ids, [day] * GROUP_SIZE, Payloads(payloads))], [report])


def extraction_of(groups: int) -> Extraction:
    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for number in range(groups):
            yield group(number)
            await asyncio.sleep(0)

    return extraction


def say(line: str) -> None:
    print(line, flush=True)


def die_in(module: Any, name: str, at_call: int, *, after: bool) -> None:
    """Let the process be killed (as by `kill -9`) at the n-th call of a function, before or after it."""
    original = getattr(module, name)
    calls = 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at_call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if calls == at_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, dying)


DEATHS: dict[str, tuple[Any, str, bool]] = {
    "before the rows": (writer, "append_versions", False),
    "after the rows": (writer, "append_versions", True),
    "after the stale partitions": (writer, "mark_stale", True),
    "after the reports": (writer, "insert_rows", True),
    "after the commit": (IngestResult, "add", False),
}


def run_ingest(lake: Lake, source: str, groups: int) -> None:
    def progress(result: IngestResult) -> None:
        say(f"committed {result.commits}")

    window = Window(FIRST_DAY, FIRST_DAY + timedelta(days=groups))
    state = WarehouseState(lake, source)
    asyncio.run(ingest(lake, source, extraction_of(groups), window, state, "run", progress, commit_bytes=0))


def main(command: str, directory: str, *rest: str) -> None:
    catalog = os.environ.get("TEST_CATALOG")
    lake = Lake(settings_in(Path(directory), LakeSettings(catalog=catalog, lock_timeout_seconds=60)))
    if command == "ingest":
        source, groups, *death = rest
        if death:
            module, name, after = DEATHS[death[0]]
            die_in(module, name, int(death[1]), after=after)
        migrate(lake)
        run_ingest(lake, source, int(groups))
    elif command == "hold":
        with lake.transaction("a long write") as connection:
            connection.execute("INSERT INTO raw.stale_partitions VALUES ('kibo', '2026-01-01', 'held', now(), 'run')")
            say("holding")
            sys.stdin.readline()
    else:
        say(str(lake.query(rest[0]).rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
