"""Several processes on one lake, and processes that are killed: committed or not, nothing in between."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.writers_lock import LakeBusyError
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.raw.children import DEATHS, GROUP_SIZE, run_ingest
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

ROOT = Path(__file__).parents[3]
GROUPS = 6
SAMPLE = ("after the rows", "after the commit")


def child(*arguments: str, catalog: str | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "order_pipeline_tests.warehouse.raw.children", *arguments],
        cwd=ROOT,
        env={**os.environ, **({"TEST_CATALOG": catalog} if catalog else {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_whole_groups(lake: Lake, source: str = "kibo") -> int:
    """Every group is there with all its rows, its report and its stale day, or not at all; how many are."""
    table = f"raw.{source}_orders"
    with lake.connect() as connection:
        groups = connection.execute(
            f"SELECT partition_day, count(*), count(DISTINCT record_id) FROM {table} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        assert all(counts == (GROUP_SIZE, GROUP_SIZE) for _, *counts in groups for counts in [tuple(counts)])
        days = [(day,) for day, *_ in groups]
        reports = "SELECT DISTINCT window_start::DATE AS day FROM raw.fetches WHERE source = ? ORDER BY day"
        marks = "SELECT DISTINCT order_day FROM raw.stale_partitions WHERE source = ? ORDER BY order_day"
        assert connection.execute(reports, [source]).fetchall() == days
        assert connection.execute(marks, [source]).fetchall() == days
        broken = connection.execute(f"SELECT count(*) FROM {table} WHERE sha256(payload) <> content_sha256").fetchone()
        assert broken == (0,)
    return len(groups)


def assert_a_rerun_completes_it(lake: Lake) -> None:
    run_ingest(lake, "kibo", GROUPS)
    assert assert_whole_groups(lake) == GROUPS
    rows = lake.query("SELECT count(*), count(DISTINCT record_id || content_sha256) FROM raw.kibo_orders").rows
    assert rows == [(GROUPS * GROUP_SIZE, GROUPS * GROUP_SIZE)]


@pytest.mark.costly
@pytest.mark.parametrize(
    "death",
    [pytest.param(death, marks=() if death in SAMPLE else pytest.mark.slow) for death in DEATHS],
)
def test_a_kill_at_any_step_leaves_the_last_committed_groups(lake: Lake, tmp_path: Path, death: str) -> None:
    process = child("ingest", str(tmp_path), "kibo", str(GROUPS), death, "3")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert assert_whole_groups(lake) == (3 if death == "after the commit" else 2)
    assert_a_rerun_completes_it(lake)


def kill_after(process: subprocess.Popen[str], lines: int) -> None:
    assert process.stdout
    for _ in range(lines):
        process.stdout.readline()
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_kill_at_a_moment_of_chance_leaves_whole_groups(lake: Lake, tmp_path: Path, seed: int) -> None:
    lines = random.Random(seed).randrange(1, GROUPS)
    kill_after(child("ingest", str(tmp_path), "kibo", str(GROUPS)), lines)
    assert assert_whole_groups(lake) >= lines
    assert_a_rerun_completes_it(lake)


@pytest.mark.costly
def test_processes_that_write_at_once_neither_fail_nor_lose_anything(lake: Lake, tmp_path: Path) -> None:
    """Two write the same records of one source, a third another source; the lake did not even have their tables."""
    processes = [child("ingest", str(tmp_path), source, str(GROUPS)) for source in ("kibo", "kibo", "skroutz")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert assert_whole_groups(lake, "kibo") == assert_whole_groups(lake, "skroutz") == GROUPS


@pytest.mark.costly
def test_processes_that_open_a_lake_that_is_not_there_yet_make_one(tmp_path: Path) -> None:
    processes = [child("ingest", str(tmp_path), source, "1") for source in ("kibo", "skroutz", "scansource")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    lake = Lake(settings_in(tmp_path))
    assert [assert_whole_groups(lake, source) for source in ("kibo", "skroutz", "scansource")] == [1, 1, 1]


@pytest.mark.costly
def test_a_reader_in_another_process_answers_while_a_write_is_open(lake: Lake, tmp_path: Path) -> None:
    question = "SELECT count(*) FROM raw.stale_partitions"
    with lake.transaction("a long write") as connection:
        connection.execute("INSERT INTO raw.stale_partitions VALUES ('kibo', '2026-01-01', 'open', now(), 'run')")
        answered, _ = child("query", str(tmp_path), question).communicate()
        assert answered.strip() == "[(0,)]"
    answered, _ = child("query", str(tmp_path), question).communicate()
    assert answered.strip() == "[(1,)]"


def test_an_open_reader_does_not_hold_up_a_writer(lake: Lake) -> None:
    with lake.snapshot() as reader:
        reader.execute("SELECT count(*) FROM raw.stale_partitions").fetchone()
        with lake.transaction("a write") as connection:
            connection.execute("INSERT INTO raw.stale_partitions VALUES ('kibo', '2026-01-01', 'other', now(), 'run')")
        assert reader.execute("SELECT count(*) FROM raw.stale_partitions").fetchone() == (0,)
    assert lake.query("SELECT count(*) FROM raw.stale_partitions").rows == [(1,)]


@pytest.mark.costly
def test_who_waits_too_long_is_told_the_holder_and_a_killed_holder_frees_the_lake(tmp_path: Path) -> None:
    lake = Lake(settings_in(tmp_path, LakeSettings(lock_timeout_seconds=0.2)))
    migrate(lake)
    holder = child("hold", str(tmp_path))
    assert holder.stdout
    assert holder.stdout.readline() == "holding\n"
    with pytest.raises(LakeBusyError, match=rf"process {holder.pid} \(a long write, since 20"):
        write(lake)
    holder.kill()
    holder.communicate()
    write(lake)
    assert lake.query("SELECT mark_id FROM raw.stale_partitions").rows == [("mine",)]


def write(lake: Lake) -> None:
    with lake.transaction("my write") as connection:
        connection.execute("INSERT INTO raw.stale_partitions VALUES ('kibo', '2026-01-01', 'mine', now(), 'run')")
