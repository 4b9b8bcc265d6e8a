"""What a fetch leaves on record beside its rows: counts of each window, watermarks, and what may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time

import pytest

from order_pipeline.channels.base import CommitGroup, FetchReport, SourceState, Window
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.warehouse.raw.small_raw import (
    FIRST,
    SECOND,
    WINDOW,
    group,
    load,
    report,
    rows,
)


def test_every_window_leaves_a_row_with_the_counts_of_its_own_records(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A"), ("2", FIRST, "A"), reports=[report(2)]))
    result = load(
        lake,
        group(("1", FIRST, "A"), ("2", FIRST, "B")),
        group(("3", FIRST, "A"), reports=[report(3)]),
        group(("4", SECOND, "A"), reports=[report(1, complete=False)]),
        CommitGroup(reports=[report(0)]),
        run_id="second",
    )
    counts = rows(
        lake,
        "SELECT records, new_versions, unchanged, reappeared, dead_letters, complete FROM raw.fetches"
        " WHERE run_id = 'second' ORDER BY records DESC",
    )
    assert counts == [(3, 2, 1, 0, 0, True), (1, 1, 0, 0, 0, False), (0, 0, 0, 0, 0, True)]
    assert result.incomplete == [report(1, complete=False)]


def test_the_counts_of_a_window_are_the_same_however_its_groups_are_committed(lake: Lake) -> None:
    groups = [group((str(n), FIRST, "A")) for n in range(5)] + [CommitGroup(reports=[report(5)])]
    load(lake, *groups, commit_bytes=0)
    assert rows(lake, "SELECT records, new_versions FROM raw.fetches") == [(5, 5)]


def test_the_known_state_answers_what_a_source_may_ask(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A"), ("2", SECOND, "B"), ("3", date(2026, 2, 1), "C")))
    load(lake, group(("1", FIRST, "A2")))
    state = WarehouseState(lake, "kibo")
    assert state.latest_payloads("orders", ["1", "3", "absent"]) == {"1": b"A2", "3": b"C"}
    assert sorted(state.latest_hashes("orders", Window(FIRST, SECOND))) == ["1"]
    assert sorted(state.latest_hashes("orders", WINDOW)) == ["1", "2"]
    assert state.latest_payloads("never_fetched", ["1"]) == {}
    assert state.latest_hashes("never_fetched", WINDOW) == {}
    assert state.unsettled_orders("shop") == {}


def test_a_watermark_is_the_end_of_the_latest_complete_proof_of_its_name(lake: Lake) -> None:
    state = WarehouseState(lake, "kibo")
    assert state.watermark("orders of A") is None
    days = [(date(2026, 1, 3), True), (date(2026, 1, 7), True), (date(2026, 1, 5), True), (date(2026, 1, 9), False)]
    for end, complete in days:
        start, stop = (datetime.combine(day, time(), UTC) for day in (FIRST, end))
        report = FetchReport("orders", start, stop, 0, 0, None, complete, watermark="orders of A")
        load(lake, CommitGroup(reports=[report]))
    assert state.watermark("orders of A") == date(2026, 1, 7)
    assert state.watermark("orders of B") is None
    assert WarehouseState(lake, "scansource").watermark("orders of A") is None


@pytest.mark.parametrize("commit_bytes", [0, 1_000_000])
def test_a_watermark_s_report_takes_no_counts_from_that_of_the_window(lake: Lake, commit_bytes: int) -> None:
    start, end = (datetime.combine(day, time(), UTC) for day in (FIRST, SECOND))
    watermark = FetchReport("orders", start, end, 0, 0, None, complete=True, watermark="orders of A")
    of_the_window = FetchReport("orders", start, end, 1, 2, 2, complete=True)

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield group(("1", FIRST, "A"))
        yield CommitGroup(reports=[watermark])
        yield group(("2", FIRST, "B"))
        yield CommitGroup(reports=[of_the_window])

    asyncio.run(
        ingest(lake, "kibo", extraction, WINDOW, WarehouseState(lake, "kibo"), "run", commit_bytes=commit_bytes)
    )
    counted = "SELECT watermark, new_versions FROM raw.fetches ORDER BY watermark NULLS FIRST"
    assert lake.query(counted).rows == [(None, 2), ("orders of A", 0)]
