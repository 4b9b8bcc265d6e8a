"""The Dagster instance, which keeps runs and events: its home is made inside `data_dir`, so nobody must set one."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus

from order_pipeline.settings import Settings

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION_NAME = "dagster.yaml"


def prepare_dagster_home(settings: Settings) -> Path:
    """Return the folder that serves as DAGSTER_HOME, its `dagster.yaml` in place.

    A DAGSTER_HOME that is set in the environment (a deployment's own) is used as it is. Otherwise
    `<data_dir>/dagster_home` is made, with a fresh copy of the project's `dagster.yaml`.
    """
    given = os.environ.get("DAGSTER_HOME")
    if given:
        return Path(given)
    home = settings.data_dir.resolve() / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    wanted = (PROJECT_ROOT / CONFIGURATION_NAME).read_text(encoding="utf-8")
    present = home / CONFIGURATION_NAME
    if not present.exists() or present.read_text(encoding="utf-8") != wanted:
        present.write_text(wanted, encoding="utf-8")
    return home


@contextmanager
def open_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """Open the instance of `prepare_dagster_home`, and close it afterwards."""
    with dg.DagsterInstance.from_config(str(prepare_dagster_home(settings))) as instance:
        yield instance


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
