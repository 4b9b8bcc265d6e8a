"""A killed build: nothing of it is read, and the next build removes its files; published ones always stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from order_pipeline.warehouse.core import build_files
from order_pipeline.warehouse.core.build_files import ABANDONED_AFTER, remove_abandoned, remove_leftovers, running_build
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.upkeep import upkeep
from order_pipeline_tests.warehouse.core.files import files_on_disk, unpublished_files
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, receive, rows

# Where the process that builds is killed: a function, and whether when it begins or when it is done.
DEATHS = {
    "when all is staged": ("build", "publish", "begins"),
    "with its files registered": ("publish", "record_rejects", "begins"),
    "with everything written but not committed": ("publish", "_publish", "is done"),
    "after its commit": ("build", "publish", "is done"),
}
SAMPLE = ("with everything written but not committed", "after its commit")
_DIES = """
import importlib, os, signal, sys
from pathlib import Path
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import build
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

directory, module, name, moment = sys.argv[1:]
module = importlib.import_module(f"order_pipeline.warehouse.core.{module}")
original = getattr(module, name)

def dying(*arguments, **options):
    if moment == "is done":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, name, dying)
build(Lake(settings_in(Path(directory))), run_id="killed")
"""


def kill_a_build(lake: Lake, death: str) -> None:
    directory = str(lake.settings.data_dir)
    process = subprocess.run([sys.executable, "-c", _DIES, directory, *DEATHS[death]], check=False)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.costly
@pytest.mark.parametrize(
    "death", [pytest.param(death, marks=() if death in SAMPLE else pytest.mark.slow) for death in DEATHS]
)
def test_a_killed_build_leaves_nothing_that_is_read_and_the_next_one_cleans_up(lake: Lake, death: str) -> None:
    receive(lake, [kibo_order(1, orderStatus="READY"), kibo_order(2)])
    build(lake, run_id="before")
    receive(lake, [kibo_order(1, orderStatus="CANCELED")])
    kill_a_build(lake, death)
    is_committed = death == "after its commit"
    status = "cancelled" if is_committed else "accepted"
    assert rows(lake, "SELECT order_status FROM core.orders WHERE order_number = '1'") == [(status,)]
    assert rows(lake, "SELECT count(*) FROM raw.stale_partitions") == [(0 if is_committed else 1,)]
    assert bool(unpublished_files(lake)) == (not is_committed)
    build(lake, run_id="after")
    assert unpublished_files(lake) == []
    assert rows(lake, "SELECT order_number, order_status FROM core.orders ORDER BY ALL") == [
        ("1", "cancelled"),
        ("2", "accepted"),
    ]


def make_file(lake: Lake, name: str, *, age: timedelta = timedelta()) -> Path:
    file = Path(lake.data_path, "core", "orders", "source=kibo", f"order_day={DAY}", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"PAR1")
    made_at = (datetime.now(UTC) - age).timestamp()
    os.utime(file, (made_at, made_at))
    return file


def test_files_of_a_running_build_stay(lake: Lake) -> None:
    build_id = "0" * 31 + "1"
    with running_build(lake, build_id):
        file = make_file(lake, f"{build_id}-0-0.parquet")
        assert remove_leftovers(lake) == 0
        assert file.exists()


def test_only_what_bears_the_name_of_a_build_and_is_old_is_abandoned(lake: Lake) -> None:
    old = ABANDONED_AFTER + timedelta(hours=1)
    abandoned = make_file(lake, f"{'a' * 32}-0-0.parquet", age=old)
    kept = [
        make_file(lake, f"{'b' * 32}-0-0.parquet", age=ABANDONED_AFTER - timedelta(hours=1)),
        make_file(lake, "ducklake-01a223fe-779c-79f8-ae2f-4f6d63f5bf9f.parquet", age=old),
    ]
    assert remove_abandoned(lake) == 1
    assert not abandoned.exists()
    assert all(file.exists() for file in kept)


@pytest.mark.costly
def test_published_files_are_never_abandoned_however_old_or_replaced(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    build(lake)
    build(lake, DAY)
    before = files_on_disk(lake)
    assert remove_abandoned(lake, now=datetime.now(UTC) + timedelta(days=100)) == 0
    assert build_files.remove_unpublished(lake, None) == 0
    assert files_on_disk(lake) == before


@pytest.mark.costly
def test_upkeep_merges_and_removes_published_files_like_its_own(lake: Lake) -> None:
    for total in (1, 2, 3):
        receive(lake, [kibo_order(number, total=total, actualPrice=total) for number in range(1, 4)])
        build(lake, DAY)
    wanted = "SELECT * EXCLUDE (run_id) FROM core.{} ORDER BY ALL"
    before = {table: rows(lake, wanted.format(table)) for table in ("orders", "shipments", "prices")}
    upkeep(lake, now=datetime.now(UTC) + timedelta(days=10))
    assert {table: rows(lake, wanted.format(table)) for table in before} == before
    assert len([name for name in files_on_disk(lake) if name.startswith("ducklake-")]) <= 10
    orders = Path(lake.data_path, "core", "orders")
    assert len(list(orders.rglob("*.parquet"))) == 1
    build(lake, DAY)
    assert {table: rows(lake, wanted.format(table)) for table in before} == before


@pytest.mark.costly
def test_a_moved_data_directory_keeps_its_published_files(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> None:
    receive(lake, [kibo_order(1)])
    build(lake)
    lake.close()
    moved = tmp_path_factory.mktemp("moved") / "data"
    Path(lake.settings.data_dir).rename(moved)
    there = Lake(lake.settings.model_copy(update={"data_dir": moved}))
    assert rows(there, "SELECT order_number FROM core.orders") == [("1",)]
    there.close()
    moved.rename(lake.settings.data_dir)
