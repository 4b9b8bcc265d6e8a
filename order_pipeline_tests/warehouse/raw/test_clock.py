"""A local clock that once stood ahead: what arrives later is later all the same, and the jump is a warning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from order_pipeline.channels.base import CommitGroup, FetchReport
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.raw.writer import RawWriter
from order_pipeline_tests.warehouse.raw.small_raw import FIRST, current, group, rows

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def fetch(lake: Lake, content: str, at: datetime) -> RawWriter:
    """One run of one record, while the clock says `at`."""
    buffer = CommitBuffer()
    buffer.received_at = at
    buffer.add(group(("1", FIRST, content)), at)
    writer = RawWriter(lake, "kibo", f"run of {at}")
    writer.write(buffer)
    return writer


@pytest.mark.costly
def test_what_is_fetched_later_is_newer_though_the_clock_stood_a_day_ahead(lake: Lake) -> None:
    fetch(lake, "A", NOON + timedelta(days=1))
    for hour, content in enumerate("BCAB"):
        fetch(lake, content, NOON + timedelta(hours=hour))
        assert current(lake) == {"1": content}


def test_the_same_moment_of_another_run_is_later(lake: Lake) -> None:
    for content in "ABA":
        fetch(lake, content, NOON)
        assert current(lake) == {"1": content}


def test_a_time_that_runs_forward_is_stored_as_it_was_read(lake: Lake) -> None:
    for hour, content in enumerate("AB"):
        fetch(lake, content, NOON + timedelta(hours=hour))
    found = rows(lake, "SELECT epoch_us(fetched_at) FROM raw.kibo_orders ORDER BY 1")
    assert [us for (us,) in found] == [int((NOON + timedelta(hours=hour)).timestamp() * 1e6) for hour in (0, 1)]


def test_a_clock_that_jumped_back_is_a_warning(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    fetch(lake, "A", NOON + timedelta(days=1))
    writer = fetch(lake, "B", NOON)
    assert writer.result.clock_behind == timedelta(days=1)
    assert "stands 1 day, 0:00:00 behind rows of kibo orders" in caplog.text


def test_runs_side_by_side_are_no_jump(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    fetch(lake, "A", NOON + timedelta(seconds=40))
    assert fetch(lake, "B", NOON).result.clock_behind == timedelta(0)
    assert "clock" not in caplog.text


MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)


def prove(lake: Lake, to: datetime, at: datetime) -> date | None:
    """Store a proof that everything up to a day is there, while the clock says `at`; the watermark after it."""
    buffer = CommitBuffer()
    report = FetchReport("orders", MIDNIGHT - timedelta(days=60), to, 0, 0, None, complete=True, watermark="orders")
    buffer.add(CommitGroup(reports=[report]), at)
    RawWriter(lake, "kibo", f"run of {at}").write(buffer)
    return WarehouseState(lake, "kibo").watermark("orders")


def test_a_proof_of_a_clock_that_stood_ahead_is_none_once_the_clock_is_right(lake: Lake) -> None:
    assert prove(lake, MIDNIGHT, NOON) == MIDNIGHT.date()
    ahead = timedelta(days=30)
    assert prove(lake, MIDNIGHT + ahead, NOON + ahead) == (MIDNIGHT + ahead).date()
    day = timedelta(days=1)
    assert prove(lake, MIDNIGHT + day, NOON + day) == (MIDNIGHT + day).date()
    assert prove(lake, MIDNIGHT + 2 * day, NOON + 2 * day) == (MIDNIGHT + 2 * day).date()


def test_a_clock_that_stood_far_behind_asks_too_much_and_never_too_little(lake: Lake) -> None:
    long_ago, day = timedelta(days=365), timedelta(days=1)
    prove(lake, MIDNIGHT, NOON)
    assert prove(lake, MIDNIGHT - long_ago, NOON - long_ago) == (MIDNIGHT - long_ago).date()
    assert prove(lake, MIDNIGHT + day, NOON + day) == (MIDNIGHT + day).date()


def test_proofs_of_runs_side_by_side_all_count(lake: Lake) -> None:
    prove(lake, MIDNIGHT, NOON + timedelta(seconds=40))
    assert prove(lake, MIDNIGHT - timedelta(days=1), NOON) == MIDNIGHT.date()
