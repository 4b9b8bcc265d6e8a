"""The Dagster instance, which keeps runs and events: its home is made inside `data_dir`, so nobody must set one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus

from order_pipeline.destinations.demo_guard import DemoDirectoryError
from order_pipeline.settings import Settings

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION_NAME = "dagster.yaml"
STORAGE_VARIABLE = "DAGSTER_STORAGE_URL"
"""Holds the setting `dagster_storage_url` for this process and its children: `dagster.yaml` names it, no password."""
_KIND_OF_RUNS = "order_pipeline/runs_of"
_DEMO, _REAL = "a demo", "real orders"
_URL_SYNTAX = set("?%#")


def prepare_dagster_home(settings: Settings) -> Path:
    """Return the folder that serves as DAGSTER_HOME, its `dagster.yaml` in place.

    A DAGSTER_HOME that is set in the environment (a deployment's own) is used as it is. Otherwise
    `<data_dir>/dagster_home` is made, with a fresh copy of the project's `dagster.yaml` that also names our event log.
    Where the directory's name is one that Dagster cannot put into a URL, a link to it is returned.

    Raises:
        RuntimeError: what stands where the link should be is not ours, or the storage's package is not installed.
    """
    tell_storage(settings)
    given = os.environ.get("DAGSTER_HOME")
    if given:
        return Path(given)
    home = settings.data_dir.resolve() / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    reached = without_url_syntax(home)
    wanted = (PROJECT_ROOT / CONFIGURATION_NAME).read_text(encoding="utf-8") + _storage(settings, reached)
    present = home / CONFIGURATION_NAME
    if not present.exists() or present.read_text(encoding="utf-8") != wanted:
        present.write_text(wanted, encoding="utf-8")
    return reached


def tell_storage(settings: Settings) -> None:
    """Put the address of Dagster's storage into the environment, where its own processes look for it.

    Raises:
        RuntimeError: it is PostgreSQL, and the package for that is not installed.
    """
    if settings.dagster_storage_url is None:
        return
    if find_spec("dagster_postgres") is None:
        raise RuntimeError("ORDER_PIPELINE_DAGSTER_STORAGE_URL needs the package dagster-postgres (the extra `scale`).")
    os.environ[STORAGE_VARIABLE] = settings.dagster_storage_url


def _storage(settings: Settings, home: Path) -> str:
    """The part of `dagster.yaml` that depends on the settings."""
    if settings.dagster_storage_url is not None:
        return f"""
storage:
  custom:
    module: order_pipeline.orchestration.postgres_storage
    class: SharedDagsterStorage
    config:
      postgres_url:
        env: {STORAGE_VARIABLE}
"""
    return f"""
event_log_storage:
  module: order_pipeline.orchestration.event_log
  class: BatchedEventLogStorage
  config:
    base_dir: {json.dumps(str(home / "history" / "runs"))}
"""


def without_url_syntax(home: Path) -> Path:
    """The home, or a link to it: Dagster formats its path into SQLAlchemy URLs, where `?` and `%` mean something."""
    if not _URL_SYNTAX & set(str(home)):
        return home
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    link = Path(tempfile.gettempdir()).resolve() / f"order-pipeline-{os.getuid()}-{name}"
    with suppress(FileExistsError):
        link.symlink_to(home, target_is_directory=True)
    if not link.is_symlink() or link.lstat().st_uid != os.getuid() or link.readlink() != home:
        raise RuntimeError(
            f"{link} should be a link to {home}, and is not. Remove it, or choose another data directory."
        )
    return link


@contextmanager
def open_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """Open the instance of `prepare_dagster_home`, and close it afterwards.

    Raises:
        DemoDirectoryError: its storage is shared, and holds the runs of a demo while the directory has none, or the
            reverse.
    """
    with dg.DagsterInstance.from_config(str(prepare_dagster_home(settings))) as instance:
        if settings.dagster_storage_url is not None:
            _require_runs_of_one_kind(settings, instance)
        yield instance


def _require_runs_of_one_kind(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Who opens a shared storage first says whose runs it holds: a demo's would make days of real orders done."""
    ours = _DEMO if settings.demo_world_file.exists() else _REAL
    said = instance.run_storage.get_cursor_values({_KIND_OF_RUNS}).get(_KIND_OF_RUNS)
    if said is None and not (ours == _DEMO and instance.get_runs_count()):
        instance.run_storage.set_cursor_values({_KIND_OF_RUNS: ours})
    elif said != ours:
        raise DemoDirectoryError(
            f"{settings.data_dir} holds {ours}, and ORDER_PIPELINE_DAGSTER_STORAGE_URL names a storage with runs of "
            f"{said or _REAL}. Nothing was done. Give each a database of its own."
        )


def stop_schedules(settings: Settings) -> int:
    """Switch off every schedule and sensor that a person switched on; how many. Makes no instance where none is."""
    if not (settings.data_dir.resolve() / "dagster_home").exists() and not os.environ.get("DAGSTER_HOME"):
        return 0
    with open_instance(settings) as instance:
        running = [state for state in instance.all_instigator_state() if state.status is InstigatorStatus.RUNNING]
        for state in running:
            instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    return len(running)


def create_storages(settings: Settings) -> None:
    """Make the instance's databases where they are missing, before several processes of Dagster try so at once."""
    with open_instance(settings) as instance:
        instance.get_runs_count()
        instance.all_asset_keys()
        instance.all_instigator_state()
