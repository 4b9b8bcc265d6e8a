"""From commit groups to raw: once per content, every change kept, every fetch on record."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.raw.stale_partitions import clear_marks, stale_marks
from order_pipeline.warehouse.raw.versions import current_versions
from order_pipeline.warehouse.raw.writer import RawWriter

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
WINDOW = Window(FIRST, date(2026, 1, 8))


def batch(*records: tuple[str, date, str], dead_letters: Sequence[DeadLetter] = ()) -> RecordBatch:
    ids, days, payloads = zip(*records, strict=True) if records else ((), (), ())
    return RecordBatch(
        "orders", list(ids), list(days), Payloads(text.encode() for text in payloads), list(dead_letters)
    )


def report(records: int, *, complete: bool = True) -> FetchReport:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC)
    return FetchReport("orders", start, end, 1, records, records, complete)


def group(*records: tuple[str, date, str], reports: Sequence[FetchReport] = ()) -> CommitGroup:
    return CommitGroup([batch(*records)], list(reports))


def load(lake: Lake, *groups: CommitGroup, run_id: str = "run", **options: Any) -> IngestResult:
    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for one in groups:
            yield one

    return asyncio.run(ingest(lake, "kibo", extraction, WINDOW, WarehouseState(lake, "kibo"), run_id, **options))


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def current(lake: Lake) -> dict[str, str]:
    return dict(rows(lake, "SELECT record_id, payload FROM raw.kibo_orders_current"))


def in_day(day: date) -> str:
    return f"partition_day = DATE '{day}'"


def all_stale(lake: Lake) -> list[date]:
    with lake.connect() as connection:
        return list(stale_marks(connection, "kibo"))


def heal(lake: Lake) -> None:
    with lake.transaction("heal") as connection:
        clear_marks(connection, [mark for marks in stale_marks(connection, "kibo").values() for mark in marks])


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


def test_content_that_comes_back_is_current_again_without_a_second_row(lake: Lake) -> None:
    for text in "ABABA":
        load(lake, group(("1", FIRST, text)))
        assert current(lake) == {"1": text}
    assert rows(lake, "SELECT payload FROM raw.kibo_orders ORDER BY payload") == [("A",), ("B",)]
    assert rows(lake, "SELECT count(*) FROM raw.reappearances") == [(3,)]


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
