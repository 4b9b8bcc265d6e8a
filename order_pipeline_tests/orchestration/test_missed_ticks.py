"""A daemon that was down for hours: Dagster's own scheduler makes up for each schedule's last missed tick, once."""

import logging
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import dagster._daemon  # noqa: F401 - the scheduler's module can only be imported after it
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from order_pipeline.orchestration.instance import open_instance
from order_pipeline.settings import load_settings

pytestmark = pytest.mark.costly

HOUR = timedelta(hours=1)
EVENING = datetime(2026, 3, 20, 20, 0, 30, tzinfo=UTC)
MORNING = datetime(2026, 3, 21, 5, 50, 30, tzinfo=UTC)
HOURLY = {"kibo_hourly", "emission_every_15_minutes", "read_back_hourly"}


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A look of the scheduler at that time, as a daemon that was just started makes it.

    It returns the runs that this look has put into the queue, by their schedule; nothing takes them out.
    """
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDER_PIPELINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ORDER_PIPELINE_SCHEDULE__ACTIVE", "true")
    for other in ("SCANSOURCE", "SKROUTZ"):
        monkeypatch.setenv(f"ORDER_PIPELINE_{other}__ENABLED", "false")
    code = LoadableTargetOrigin(executable_path=sys.executable, module_name="order_pipeline.definitions")
    origin = InProcessCodeLocationOrigin(code, location_name="order_pipeline")
    with (
        open_instance(load_settings()) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        seen = set()

        def look(at):
            with freeze_time(at):
                list(launch_scheduled_runs(workspace, logging.getLogger("scheduler"), at, {}))
            queued = [run for run in instance.get_runs() if run.run_id not in seen]
            seen.update(run.run_id for run in queued)
            by_schedule = defaultdict(list)
            for run in queued:
                by_schedule[run.tags[SCHEDULE_NAME_TAG]].append(run)
            return by_schedule

        yield look


def counts(runs):
    return {schedule: len(of_schedule) for schedule, of_schedule in runs.items()}


def test_after_a_night_without_daemon_each_schedule_makes_up_for_one_tick_once(scheduler):
    assert counts(scheduler(EVENING)) == {}, "nothing was missed before the schedules were switched on"
    assert counts(scheduler(EVENING + HOUR)) == dict.fromkeys(HOURLY, 1)
    made_up = scheduler(MORNING)
    assert counts(made_up) == dict.fromkeys([*HOURLY, "housekeeping_nightly", "reconciliation_daily"], 1)
    (kibo,) = made_up["kibo_hourly"]
    assert kibo.tags["dagster/asset_partition_range_end"] == "2026-03-21", "the last missed tick, and no earlier one"
    assert counts(scheduler(MORNING + timedelta(minutes=5))) == {}
