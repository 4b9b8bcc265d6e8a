"""The catalog in PostgreSQL: no lock, several machines, and the same promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.core import build as build_module
from order_pipeline.warehouse.core import publish
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw import writer
from order_pipeline_tests.warehouse.core.files import unpublished_files
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, receive
from order_pipeline_tests.warehouse.raw.children import GROUP_SIZE, run_ingest
from order_pipeline_tests.warehouse.raw.test_processes import GROUPS, assert_whole_groups, child
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


@pytest.fixture
def lake(new_postgres_database: Callable[[], str], tmp_path: Path) -> Iterator[Lake]:
    lake = Lake(settings_in(tmp_path, LakeSettings(catalog=f"postgres:{new_postgres_database()}")))
    yield lake
    lake.close()


@pytest.mark.slow
def test_four_processes_that_write_at_once_neither_fail_nor_lose_anything(lake: Lake, tmp_path: Path) -> None:
    migrate(lake)
    sources = ("kibo", "scansource", "skroutz", "shop")
    processes = [child("ingest", str(tmp_path), source, str(GROUPS), catalog=lake.catalog) for source in sources]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    assert [assert_whole_groups(lake, source) for source in sources] == [GROUPS] * 4


@pytest.mark.slow
def test_two_processes_that_write_the_same_records_store_them_once(lake: Lake, tmp_path: Path) -> None:
    migrate(lake)
    processes = [child("ingest", str(tmp_path), "kibo", str(GROUPS), catalog=lake.catalog) for _ in range(2)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    assert lake.query("SELECT count(*) FROM raw.kibo_orders").rows == [(GROUPS * GROUP_SIZE,)]


@pytest.mark.costly
def test_a_writer_that_was_overtaken_after_it_looked_looks_again(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process stores the same records between this one's look and its commit."""
    migrate(lake)
    overtaken: list[int] = []
    write_rows = writer.append_versions

    def overtake(*arguments: Any, **named: Any) -> None:
        if not overtaken:
            other = child("ingest", str(tmp_path), "kibo", "3", catalog=lake.catalog)
            other.communicate()
            overtaken.append(other.returncode)
        write_rows(*arguments, **named)

    monkeypatch.setattr(writer, "append_versions", overtake)
    run_ingest(lake, "kibo", 2)
    assert overtaken == [0]
    assert assert_whole_groups(lake) == 3


@pytest.mark.costly
def test_two_builds_of_the_same_new_day_store_it_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine builds the day between this one's look and its commit; neither has a row to delete.

    Both read the same raw rows, so the later one registers its files again, and stages nothing again.
    """
    staged = list[Any]()
    stage_group = build_module.stage_group
    monkeypatch.setattr(build_module, "stage_group", lambda *given: staged.append(given) or stage_group(*given))
    migrate(lake)
    receive(lake, [kibo_order(1), kibo_order(2)])
    lake.run("no marks", lambda connection: connection.execute("DELETE FROM raw.stale_partitions"))
    other = Lake(lake.settings)
    register, overtaken = publish._register, list[str]()

    def overtake(*arguments: Any) -> None:
        if not overtaken:
            overtaken.append("once")
            build(other, DAY, run_id="the other")
        register(*arguments)

    monkeypatch.setattr(publish, "_register", overtake)
    build(lake, DAY, run_id="overtaken")
    other.close()
    assert lake.query("SELECT order_number, run_id FROM core.orders ORDER BY ALL").rows == [
        ("1", "overtaken"),
        ("2", "overtaken"),
    ]
    assert lake.query("SELECT count(*) FROM core.builds").rows == [(1,)]
    assert lake.query("SELECT count(*), count(DISTINCT order_id) FROM core.prices").rows == [(2, 2)]
    assert len(staged) == 2
    assert unpublished_files(lake) == []


@pytest.mark.costly
def test_a_conflict_is_tried_again(lake: Lake) -> None:
    """Four threads take turns at replacing the same rows; every one of their additions counts."""
    migrate(lake)
    with lake.transaction("prepare") as connection:
        connection.execute("CREATE TABLE core.counter (value BIGINT)")
        connection.execute("INSERT INTO core.counter VALUES (0)")

    def add_one(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE core.counter SET value = value + 1")

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(lake.run, "count", add_one, attempts=20) for _ in range(8)]:
            done.result()
    assert lake.query("SELECT value FROM core.counter").rows == [(8,)]


@pytest.mark.slow
def test_the_lake_is_created_by_whoever_comes_first(lake: Lake, tmp_path: Path) -> None:
    processes = [child("ingest", str(tmp_path), source, "2", catalog=lake.catalog) for source in ("kibo", "skroutz")]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
