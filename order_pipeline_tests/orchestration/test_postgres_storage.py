"""Dagster's storage in PostgreSQL by one setting: made once, by whoever comes first, and kept small like the other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

from order_pipeline.destinations.demo_guard import DemoDirectoryError
from order_pipeline.orchestration.automation_state import read_automation_state
from order_pipeline.orchestration.history import prune_history
from order_pipeline.orchestration.instance import STORAGE_VARIABLE, open_instance
from order_pipeline.settings import HistorySettings, Settings

pytest.importorskip("dagster_postgres", reason="the extra `scale` is not installed")
PASSWORD = "kanari-of-dagster"


def settings_in(directory: Path, url: str) -> Settings:
    return Settings(data_dir=directory, dagster_storage_url=url)


def begin(directory: Path, url: str, both_are_here: Barrier, said: Queue[str]) -> None:
    """What a daemon, a UI or a run does first."""
    both_are_here.wait()
    try:
        with open_instance(settings_in(directory, url)) as instance:
            said.put(f"{instance.get_runs_count()} runs, {len(instance.all_asset_keys())} assets")
    except BaseException as error:
        said.put(f"{type(error).__name__}: {error}")
        raise


@pytest.fixture(autouse=True)
def _storage_of_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, "")


@pytest.mark.costly
def test_two_processes_that_begin_on_a_fresh_database_both_work(
    tmp_path: Path, new_postgres_database: Callable[[], str]
) -> None:
    url = new_postgres_database()
    spawned = multiprocessing.get_context("spawn")
    both_are_here, said = spawned.Barrier(2), spawned.Queue()
    processes = [
        spawned.Process(target=begin, args=(tmp_path / name, url, both_are_here, said)) for name in ("here", "there")
    ]
    for process in processes:
        process.start()
    assert [said.get(timeout=300), said.get(timeout=300)] == ["0 runs, 0 assets"] * 2
    for process in processes:
        process.join()


@pytest.mark.costly
def test_runs_are_seen_from_another_directory_and_pruned(
    tmp_path: Path, new_postgres_database: Callable[[], str]
) -> None:
    url = new_postgres_database()

    @dg.asset
    def picks() -> None: ...

    with open_instance(settings_in(tmp_path / "here", url)) as instance:
        assert dg.materialize([picks], instance=instance).success
        assert dg.materialize([picks], instance=instance).success
    there = settings_in(tmp_path / "there", url)
    assert read_automation_state(there).daemon_heard_at is None
    with open_instance(there) as instance:
        assert instance.get_runs_count() == 2
        pruned = prune_history(instance, HistorySettings(keep_days=1), datetime.now(UTC) + timedelta(days=5))
        assert (pruned.runs, pruned.kept) == (1, 1), "the last run that materialised the asset stays"
    assert read_automation_state(there).daemon_heard_at is None
    assert not list(tmp_path.rglob("*.db")), "nothing of it lies in a directory"


@pytest.mark.costly
def test_the_password_is_in_no_file(tmp_path: Path, new_postgres_database: Callable[[], str]) -> None:
    url = new_postgres_database()
    with_password = url.replace("postgres:", f"postgres:{PASSWORD}", 1) if "postgres:@" in url else url
    with_password += f"{'&' if '?' in url else '?'}password={PASSWORD}"
    with open_instance(settings_in(tmp_path, with_password)) as instance:
        assert PASSWORD not in str(instance.get_ref())
    assert os.environ[STORAGE_VARIABLE] == with_password, "children find it there"
    texts = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert texts
    assert [text for text in texts if PASSWORD in text] == []


@pytest.mark.costly
def test_the_runs_of_a_demo_and_of_real_orders_are_kept_apart(
    tmp_path: Path, new_postgres_database: Callable[[], str]
) -> None:
    url = new_postgres_database()
    (tmp_path / "demo").mkdir()
    settings_in(tmp_path / "demo", url).demo_world_file.write_text("{}")
    for name in ("demo", "demo"):
        with open_instance(settings_in(tmp_path / name, url)):
            pass
    with pytest.raises(DemoDirectoryError, match="runs of a demo"), open_instance(settings_in(tmp_path / "live", url)):
        pass


def test_another_database_is_refused() -> None:
    with pytest.raises(ValidationError, match="dagster_storage_url"):
        Settings(dagster_storage_url="mysql://host/dagster")
