"""From commit groups to raw: once per content, every change kept, every fetch on record."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from order_pipeline.channels.base import CommitGroup, DeadLetter, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.raw.stale_partitions import clear_marks, stale_marks
from order_pipeline.warehouse.raw.versions import current_versions
from order_pipeline.warehouse.raw.writer import RawWriter
from order_pipeline_tests.warehouse.raw.small_raw import (
    FIRST,
    SECOND,
    WINDOW,
    all_stale,
    batch,
    current,
    group,
    heal,
    in_day,
    load,
    report,
    rows,
)


def test_the_same_records_again_write_nothing_at_all(lake: Lake) -> None:
    records = [("1", FIRST, '{"a":1}'), ("2", SECOND, '{"a":2}')]
    assert load(lake, group(*records)).total == Counts(new_versions=2)
    heal(lake)
    with lake.connect() as connection:
        before = snapshot_id(connection)
    assert load(lake, group(*records)).total == Counts(unchanged=2)
    with lake.connect() as connection:
        assert snapshot_id(connection) == before
    assert all_stale(lake) == []


def test_the_marks_of_a_transaction_go_into_one_file_and_so_do_its_reports(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A"), ("2", SECOND, "B"), reports=[report(1), report(1)]))
    assert all_stale(lake) == [FIRST, SECOND]
    assert rows(lake, "SELECT records FROM raw.fetches") == [(1,), (1,)]
    for table in ("stale_partitions", "fetches"):
        assert len(rows(lake, f"SELECT * FROM ducklake_list_files('lake', '{table}', schema => 'raw')")) == 1


@pytest.mark.parametrize(("days", "records"), [(2, 6000), (50, 6000), (150, 6000)])
def test_a_transaction_writes_one_file_a_day_however_many_days_it_has(lake: Lake, days: int, records: int) -> None:
    load(lake, group(*((str(n), FIRST + timedelta(days=n % days), f"content {n}") for n in range(records))))
    files = "SELECT data_file FROM ducklake_list_files('lake', 'kibo_orders', schema => 'raw')"
    assert len(rows(lake, files)) == days
    assert rows(lake, "SELECT count(*), count(DISTINCT payload) FROM raw.kibo_orders") == [(records, records)]


def test_what_the_writing_of_payloads_sets_is_taken_back(lake: Lake) -> None:
    setting = "SELECT current_setting('partitioned_write_flush_threshold')"
    before = rows(lake, setting)
    load(lake, group(("1", FIRST, "A")))
    with lake.snapshot() as one, lake.snapshot() as another:
        assert [connection.execute(setting).fetchall() for connection in (one, another)] == [before, before]


def test_groups_of_a_slow_source_are_written_singly_and_of_a_fast_one_together(lake: Lake) -> None:
    groups = [group((str(number), FIRST, f"content {number}")) for number in range(4)]
    assert load(lake, *groups, clock=iter(range(0, 1_000, 60)).__next__).commits == 4
    again = [group((str(number), FIRST, f"new {number}")) for number in range(4)]
    assert load(lake, *again, clock=lambda: 0.0).commits == 1


def test_while_the_writer_is_busy_one_more_transaction_is_buffered_and_no_more(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, may_write, written = RawWriter.write, threading.Event(), list[int]()

    def wait_and_write(writer: RawWriter, buffer: CommitBuffer) -> None:
        assert may_write.wait(20), "the source was made to wait with nothing gathered"
        groups = buffer.groups
        write(writer, buffer)
        written.append(groups)

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for number in range(4):
            if number == 2:  # the first is being written; the loop sets this only once the source is left waiting
                assert written == []
                asyncio.get_running_loop().call_soon(may_write.set)
            if number == 3:
                assert written == [1]
            yield group((str(number), FIRST, "0123456789" if number == 0 else "01234"))

    monkeypatch.setattr(RawWriter, "write", wait_and_write)
    known = WarehouseState(lake, "kibo")
    result = asyncio.run(ingest(lake, "kibo", extraction, WINDOW, known, "run", commit_bytes=10, clock=lambda: 0.0))
    assert (written, result.commits) == ([1, 2, 1], 3)


def test_a_changed_record_adds_a_version_and_becomes_current(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A"), ("2", FIRST, "X")))
    heal(lake)
    assert load(lake, group(("1", FIRST, "B"), ("2", FIRST, "X"))).total == Counts(new_versions=1, unchanged=1)
    assert current(lake) == {"1": "B", "2": "X"}
    assert rows(lake, "SELECT payload FROM raw.kibo_orders WHERE record_id = '1' ORDER BY sequence, fetched_at") == [
        ("A",),
        ("B",),
    ]
    assert all_stale(lake) == [FIRST]


@pytest.mark.costly
def test_content_that_comes_back_is_current_again_without_a_second_row(lake: Lake) -> None:
    for text in "ABABA":
        load(lake, group(("1", FIRST, text)))
        assert current(lake) == {"1": text}
    assert rows(lake, "SELECT payload FROM raw.kibo_orders ORDER BY payload") == [("A",), ("B",)]
    assert rows(lake, "SELECT count(*) FROM raw.reappearances") == [(3,)]


@pytest.mark.costly
def test_content_that_comes_back_marks_its_day(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A")))
    load(lake, group(("1", FIRST, "B")))
    heal(lake)
    load(lake, group(("1", FIRST, "A")))
    assert all_stale(lake) == [FIRST]


@pytest.mark.parametrize("commit_bytes", [0, 10_000_000])
def test_a_record_that_changes_within_one_run_ends_with_its_last_content(lake: Lake, commit_bytes: int) -> None:
    load(lake, group(("0", FIRST, "A")))
    groups = [group(("1", FIRST, "A"), ("1", FIRST, "B"), ("1", FIRST, "B")), group(("1", FIRST, "A"))]
    result = load(lake, *groups, commit_bytes=commit_bytes)
    assert result.total == Counts(new_versions=2, unchanged=1, reappeared=1)
    assert current(lake) == {"0": "A", "1": "A"}


def test_a_record_that_moves_to_another_day_marks_both_days_and_leaves_the_old_one(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A"), ("2", FIRST, "X")))
    heal(lake)
    load(lake, group(("1", SECOND, "B")))
    assert all_stale(lake) == [FIRST, SECOND]
    by_day = {
        day: rows(lake, f"SELECT record_id, payload FROM ({current_versions('kibo', 'orders', in_day(day))})")
        for day in (FIRST, SECOND)
    }
    assert by_day == {FIRST: [("2", "X")], SECOND: [("1", "B")]}


def test_marks_that_came_during_a_build_stay(lake: Lake) -> None:
    load(lake, group(("1", FIRST, "A")))
    with lake.connect() as connection:
        read_before_the_build = stale_marks(connection, "kibo")[FIRST]
    load(lake, group(("1", FIRST, "B")))
    with lake.transaction("heal") as connection:
        clear_marks(connection, read_before_the_build)
    assert all_stale(lake) == [FIRST]


def test_a_record_without_a_key_is_kept_once_with_its_bytes_and_marks_its_day(lake: Lake) -> None:
    broken = DeadLetter("missing_key", "orderID", "", b'{"orderID": \xff}', FIRST)
    one = CommitGroup([batch(("1", SECOND, "A"), dead_letters=[broken])])
    assert load(lake, one).total == Counts(new_versions=1, dead_letters=1)
    assert all_stale(lake) == [FIRST, SECOND]
    load(lake, one, run_id="again")
    found = rows(lake, "SELECT rule, field, payload, first_run_id, last_run_id FROM raw.dead_letters")
    assert found == [("missing_key", "orderID", b'{"orderID": \xff}', "run", "again")]


def test_a_payload_that_is_not_text_does_not_stop_the_others(lake: Lake) -> None:
    mixed = RecordBatch("orders", ["1", "2", "3"], [FIRST] * 3, Payloads([b"\xc3", b'{"name": "\xce\x91"}', b"\xa9"]))
    assert load(lake, CommitGroup([mixed])).total == Counts(new_versions=1, dead_letters=2)
    assert current(lake) == {"2": '{"name": "Α"}'}  # noqa: RUF001 - a Greek capital alpha
    assert rows(lake, "SELECT DISTINCT rule FROM raw.dead_letters") == [("bad_json",)]


def test_groups_before_a_failure_are_kept_and_the_failure_is_told(lake: Lake) -> None:
    async def failing(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        yield group(("1", FIRST, "A"))
        raise ConnectionError("the channel went away")

    with pytest.raises(ConnectionError, match="went away"):
        asyncio.run(ingest(lake, "kibo", failing, WINDOW, WarehouseState(lake, "kibo"), "run"))
    assert current(lake) == {"1": "A"}


def test_fetching_goes_on_while_a_group_is_being_written(lake: Lake) -> None:
    """The second group is asked for before the first one's progress is told."""
    order: list[str] = []

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for number in range(3):
            order.append(f"fetch {number}")
            yield group((str(number), FIRST, "A"))

    def progress(result: IngestResult) -> None:
        order.append(f"wrote {result.commits - 1}")

    state = WarehouseState(lake, "kibo")
    asyncio.run(ingest(lake, "kibo", extraction, WINDOW, state, "run", progress, commit_bytes=0))
    assert order.index("fetch 1") < order.index("wrote 0") < order.index("wrote 1") < order.index("wrote 2")
