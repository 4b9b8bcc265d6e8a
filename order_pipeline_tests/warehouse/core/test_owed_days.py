"""A backlog never holds today: the newest days are built first, a slice a run, and a day that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from order_pipeline.cli.doctor_days import look_at_owed_days
from order_pipeline.orchestration.assets.owed_days import owed_days_check
from order_pipeline.settings import ScheduleSettings, Settings
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.core.failed_days import read_failed_days
from order_pipeline.warehouse.core.plan import slice_of
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.warehouse.core.shop import receive_shop, shop_project
from order_pipeline_tests.warehouse.kibo_orders import rows

TODAY = date(2026, 3, 1)
BACKLOG = [TODAY - timedelta(days=number) for number in range(1, 31)]
SLICE = 7


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, schedule=ScheduleSettings(slice_days=SLICE))  # pyright: ignore[reportCallIssue]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SqlProject:
    return shop_project(tmp_path_factory.mktemp("project") / "sql")


def receive_days(lake: Lake, days: Iterable[date]) -> None:
    for day in days:
        receive_shop(lake, day, orders=[f"of {day}"])


def build(lake: Lake, project: SqlProject, *days: date) -> CoreResult:
    return build_core(lake, "kibo", days, "build", project=project, skip_unchanged=True)


def lose_raw_files(lake: Lake, days: Iterable[date]) -> None:
    """Remove what raw has of the days, as a damaged disk would: no record causes it, and no rerun mends it."""
    for day in days:
        for file in Path(lake.data_path).glob(f"raw/*/partition_day={day}/*.parquet"):
            file.unlink()


@pytest.mark.costly
def test_today_is_built_first_and_thirty_owed_days_in_slices_of_later_runs(lake: Lake, project: SqlProject) -> None:
    receive_days(lake, [*BACKLOG, TODAY])
    first = build(lake, project, TODAY)
    assert first.days == (*reversed(BACKLOG[:SLICE]), TODAY)
    assert first.left_days == tuple(sorted(BACKLOG[SLICE:]))
    left = [len(build(lake, project, TODAY).left_days) for _ in range(4)]
    assert left == [16, 9, 2, 0]
    assert rows(lake, "SELECT count(DISTINCT order_day) FROM core.orders") == [(31,)]
    assert rows(lake, "SELECT count(*) FROM raw.stale_partitions") == [(0,)]


@pytest.mark.costly
def test_a_day_that_always_fails_stops_neither_today_nor_the_others(lake: Lake, project: SqlProject) -> None:
    lost = BACKLOG[3]
    receive_days(lake, [*BACKLOG[:10], TODAY])
    lose_raw_files(lake, [lost])
    first = build(lake, project, TODAY)
    assert TODAY in first.days
    assert list(first.failed_days) == [lost]
    assert "IOException" in first.failed_days[lost]
    second = build(lake, project, TODAY)
    assert set(first.days) | set(second.days) == {TODAY, *BACKLOG[:10]} - {lost}
    third = build(lake, project, TODAY)
    assert (third.days, list(third.failed_days)) == ((), [lost]), "it is tried again, and the run ends well"
    with lake.snapshot() as connection:
        ((attempts, day),) = [(each.attempts, each.day) for each in read_failed_days(connection)]
    assert (attempts, day) == (3, lost)
    assert rows(lake, "SELECT DISTINCT order_day FROM raw.stale_partitions") == [(lost,)], "it is still owed"
    check = owed_days_check(dg.AssetKey("core"), third)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    waiting, failed = look_at_owed_days(lake.settings)
    assert waiting.detail.startswith(f"kibo 1 ({lost} to {lost}): each run builds 7")
    assert (failed.what, failed.state) == (f"kibo {lost}", "failed")
    assert failed.detail.startswith("core could not be built in 3 runs: IOException")


@pytest.mark.costly
def test_a_day_that_failed_is_forgotten_once_it_is_built(lake: Lake, project: SqlProject) -> None:
    receive_days(lake, [TODAY, BACKLOG[0]])
    (file,) = Path(lake.data_path).glob(f"raw/*/partition_day={BACKLOG[0]}/*.parquet")
    hidden = file.rename(file.with_suffix(".hidden"))
    assert list(build(lake, project, TODAY).failed_days) == [BACKLOG[0]]
    hidden.rename(file)
    assert build(lake, project, TODAY).days == (BACKLOG[0],)
    assert rows(lake, "SELECT count(*) FROM core.failed_days") == [(0,)]


@pytest.mark.costly
def test_a_build_of_which_nothing_succeeds_fails(lake: Lake, project: SqlProject) -> None:
    receive_days(lake, [TODAY, *BACKLOG[:2]])
    lose_raw_files(lake, [TODAY, *BACKLOG[:2]])
    with pytest.raises(duckdb.IOException):
        build(lake, project, TODAY)


def test_days_that_failed_take_their_turn_behind_all_others() -> None:
    failed = [BACKLOG[2], BACKLOG[0]]
    taken, left = slice_of(BACKLOG[:5], failed, 4)
    assert taken == [BACKLOG[1], BACKLOG[3], BACKLOG[4], BACKLOG[2]]
    assert left == [BACKLOG[0]]
    assert slice_of(failed, failed, 1) == ([BACKLOG[2]], [BACKLOG[0]])


@pytest.mark.costly
def test_a_parcel_waits_for_its_order_of_an_older_slice(lake: Lake, project: SqlProject) -> None:
    old = BACKLOG[SLICE]
    receive_days(lake, BACKLOG[: SLICE + 1])
    receive_shop(lake, TODAY, parcels=[("p1", f"of {old}")])
    build(lake, project, TODAY)
    assert rows(lake, "SELECT rule FROM quarantine.rejects WHERE resolved_at IS NULL") == [("orphan",)]
    assert build(lake, project).days == (old, TODAY)
    assert rows(lake, "SELECT parcel_id FROM core.parcels") == [("p1",)]
    assert rows(lake, "SELECT rule FROM quarantine.rejects WHERE resolved_at IS NULL") == []
