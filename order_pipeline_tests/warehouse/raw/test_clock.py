"""A local clock that once stood ahead: what arrives later is later all the same, and the jump is a warning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.writer import RawWriter
from order_pipeline_tests.warehouse.raw.test_ingest import FIRST, current, group, rows

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def fetch(lake: Lake, content: str, at: datetime) -> RawWriter:
    """One run of one record, while the clock says `at`."""
    buffer = CommitBuffer()
    buffer.received_at = at
    buffer.add(group(("1", FIRST, content)), at)
    writer = RawWriter(lake, "kibo", f"run of {at}")
    writer.write(buffer)
    return writer


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
    assert not caplog.text
