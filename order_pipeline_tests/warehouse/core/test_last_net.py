"""A record that makes a build fail in a way nobody foresaw is found, set aside and named; all others are built."""

from __future__ import annotations

import shutil
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.core.last_net import MOST_UNFORESEEN, as_value, may_be_of_a_record
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlModelError, SqlProject
from order_pipeline_tests.warehouse.poisoned_records import DAY, outcome_of, project, receive_records
from order_pipeline_tests.warehouse.test_mutants import ORDERS, records_of

GOOD, BAD = range(1, 11), 4013
CHANNELS = [pytest.param(each, marks=pytest.mark.slow if each == "scansource" else ()) for each in ORDERS]
"""ScanSource's SQL is the longest to run, and runs as the others do."""

# A model as it is, but for an error of its engine at orders whose number begins with 40.
_TRAP = """
WITH built AS (
{model}
)
SELECT * FROM built
WHERE CASE WHEN regexp_matches(raw_record_id, '40[0-9]+$')
    THEN error('trapped at "Eleni Papadopoulou", phone 6941234567')::BOOLEAN ELSE true END
"""


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> SqlProject:
    """The repository's project, whose models of orders fail at some records."""
    directory = tmp_path_factory.mktemp("trapped") / "project"
    shutil.copytree(PROJECT_DIRECTORY, directory, ignore=shutil.ignore_patterns("target"))
    for channel in ORDERS:
        file = directory / "models" / "staging" / channel / f"stg_{channel}__orders.sql"
        file.write_text(_TRAP.format(model=file.read_text()))
    return SqlProject(directory)


def received(lake: Lake, channel: str, *numbers: int) -> None:
    receive_records(lake, channel, [record for number in numbers for record in records_of(channel, number)])


def build(lake: Lake, channel: str, sql: SqlProject, **options: Any) -> CoreResult:
    return build_core(lake, channel, [DAY], "run", project=sql, **options)


def open_rejects(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.query(
        "SELECT rule, raw_record_id, value FROM quarantine.rejects WHERE resolved_at IS NULL ORDER BY ALL"
    ).rows


@pytest.mark.costly
@pytest.mark.parametrize("channel", CHANNELS)
def test_one_unforeseen_record_is_set_aside_and_all_others_arrive(
    lake: Lake, trapped: SqlProject, channel: str
) -> None:
    name = ORDERS[channel][1]
    received(lake, channel, *GOOD, BAD)
    result = build(lake, channel, trapped)
    assert outcome_of(lake).orders.keys() == {name(number) for number in GOOD}
    ((rule, record_id, value),) = open_rejects(lake)
    assert (rule, record_id) == ("unforeseen", name(BAD))
    assert "does not run: Invalid Input Error: trapped at" in value
    assert not {"Eleni", "6941"} & set(value.replace('"', " ").split())
    assert result.rejects_by_rule["unforeseen"] == 1
    assert result.halvings > 0


@pytest.mark.costly
@pytest.mark.parametrize("channel", ["skroutz"])
def test_a_record_is_built_and_its_reject_resolved_once_the_cause_is_gone(
    lake: Lake, trapped: SqlProject, channel: str
) -> None:
    received(lake, channel, 1, BAD)
    build(lake, channel, trapped)
    assert len(open_rejects(lake)) == 1
    healed = build(lake, channel, project(), skip_unchanged=True)
    assert open_rejects(lake) == []
    assert (healed.quarantine.resolved, healed.halvings) == (1, 0)
    assert outcome_of(lake).orders.keys() == {ORDERS[channel][1](number) for number in (1, BAD)}


@pytest.mark.costly
def test_several_bad_records_lose_only_themselves_and_leave_no_file_behind(lake: Lake, trapped: SqlProject) -> None:
    received(lake, "kibo", *GOOD, 4013, 4014)
    build(lake, "kibo", trapped)
    assert [record_id for _, record_id, _ in open_rejects(lake)] == ["4013", "4014"]
    assert len(outcome_of(lake).orders) == len(GOOD)
    on_disk = {path.name for path in Path(lake.data_path, "core").rglob("*.parquet")}
    known = {
        Path(file).name
        for (table,) in lake.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'core'").rows
        for (file,) in lake.query(
            f"SELECT data_file FROM ducklake_list_files('lake', '{table}', schema => 'core')"
        ).rows
    }
    assert on_disk == known


@pytest.mark.costly
def test_the_day_of_a_record_that_nobody_could_read_counts_as_open(lake: Lake, trapped: SqlProject) -> None:
    received(lake, "kibo", BAD)
    build(lake, "kibo", trapped)
    assert lake.query("SELECT is_settled FROM core.builds").rows == [(False,)]


@pytest.mark.slow
def test_more_records_than_the_net_takes_fail_the_build_with_the_first_error(lake: Lake, trapped: SqlProject) -> None:
    received(lake, "kibo", *GOOD, *range(4000, 4001 + MOST_UNFORESEEN))
    with pytest.raises(SqlModelError, match="trapped at"):
        build(lake, "kibo", trapped)
    assert outcome_of(lake).orders == {}
    assert open_rejects(lake) == []


class CountingExecutor(ThreadPoolExecutor):
    """Threads that count what they are asked."""

    submitted = 0

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        return super().submit(*args, **kwargs)


@pytest.mark.costly
def test_a_model_that_never_runs_fails_at_once(lake: Lake, tmp_path: Path) -> None:
    shutil.copytree(PROJECT_DIRECTORY, tmp_path / "project", ignore=shutil.ignore_patterns("target"))
    (tmp_path / "project" / "models" / "staging" / "kibo" / "stg_kibo__orders.sql").write_text("SELECT no_such_column")
    received(lake, "kibo", *GOOD)
    with CountingExecutor(1) as executor, pytest.raises(SqlModelError, match="no_such_column"):
        build(lake, "kibo", SqlProject(tmp_path / "project"), executor=executor)
    assert executor.submitted == 2


class FailingExecutor(Executor):
    """Fails every task with one error."""

    def __init__(self, error: Exception) -> None:
        self.error, self.submitted = error, 0

    def submit(self, *_args: Any, **_kwargs: Any) -> Future[Any]:
        self.submitted += 1
        future = Future[Any]()
        future.set_exception(self.error)
        return future


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), duckdb.IOException("no space left")])
def test_a_full_disk_is_no_records_fault(lake: Lake, error: Exception) -> None:
    received(lake, "kibo", *GOOD)
    executor = FailingExecutor(error)
    with pytest.raises(type(error)):
        build(lake, "kibo", project(), executor=executor)
    assert executor.submitted == 1


def test_want_of_memory_may_be_a_records_fault_and_a_cancelled_chunk_is_not() -> None:
    assert may_be_of_a_record(duckdb.OutOfMemoryException("out"))
    assert may_be_of_a_record(RecursionError())
    assert not may_be_of_a_record(duckdb.InterruptException("stop"))
    wrapped = SqlModelError("does not run")
    wrapped.__cause__ = duckdb.IOException("no file")
    assert not may_be_of_a_record(wrapped)


@pytest.mark.parametrize(
    "text",
    [
        'Conversion Error: Could not convert string "Papadopoulou" to INT32',
        "Conversion Error: Could not convert string 'Papadopoulou' to INT32",
        'Malformed JSON at byte 3 of input.  Input: {"name": "Papadopoulou"}',
        "bad phone 6941234567 of Papadopoulou@example.com",
        "first line\nLINE 1: SELECT 'Papadopoulou'",
    ],
)
def test_an_errors_text_shows_nothing_of_the_record(text: str) -> None:
    shown = as_value(ValueError(text))
    assert "Papadopoulou" not in shown
    assert "6941234567" not in shown
    assert shown.startswith("ValueError: ")
