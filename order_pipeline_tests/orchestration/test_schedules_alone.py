"""A new installation that nobody touches: only what the schedules and sensors launch, on a lake that is not there yet.

No command line and no `views_job` has run; the picks must reach the floor all the same.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, overridden
from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.demo_locations import with_demo_locations

WORLD = DemoWorld(days=2, orders=12, seed=7, port=0)
CHANNELS = ("kibo", "scansource")


class Installation:
    """The definitions of new settings and what its schedules and its sensor launch, run in this process."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, now: datetime) -> None:
        self.settings = settings
        self._definitions = build_definitions(settings)
        self._instance = instance
        self._now = now

    def tick(self, schedule: str) -> dg.ExecuteInProcessResult:
        """Run what a tick of the schedule requests; the definitions are loaded anew, as each run's process does."""
        self._definitions = build_definitions(self.settings)
        found = self._definitions.resolve_schedule_def(schedule)
        context = dg.build_schedule_context(instance=self._instance, scheduled_execution_time=self._now)
        (request,) = found.evaluate_tick(context).run_requests or []
        return self._run(found.job_name, request)

    def after(self, ended: dg.ExecuteInProcessResult) -> dg.ExecuteInProcessResult:
        """Run what the sensor requests when a channel's run has ended well."""
        sensor = self._definitions.resolve_sensor_def("emission_after_sources")
        (success,) = self._instance.all_logs(ended.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
        assert success.dagster_event
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_instance=self._instance,
            dagster_run=ended.dagster_run,
            dagster_event=success.dagster_event,
        )
        request = sensor(context)
        assert isinstance(request, dg.RunRequest)
        assert sensor.job_name
        return self._run(sensor.job_name, request)

    def _run(self, job: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return self._definitions.resolve_job_def(job).execute_in_process(
            instance=self._instance, tags=request.tags, run_config=request.run_config, raise_on_error=False
        )


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(days=WORLD.days, orders=WORLD.orders) as server:
        yield server


@pytest.fixture
def installation(sandbox, tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    sandbox.reset()
    groups = RunningSandbox(sandbox.url).settings_groups(WORLD) | {"skroutz": {"enabled": False}}
    groups["schedule"] |= {"trailing_days": WORLD.days + 1}
    settings = overridden(Settings(data_dir=with_demo_locations(tmp_path)), groups)
    now = datetime.combine(WORLD.today, datetime.min.time(), UTC) + timedelta(hours=9)
    with open_instance(settings) as instance:
        yield Installation(settings, instance, now)


def stored(installation, sql):
    return Lake(installation.settings).query(sql).rows


@pytest.mark.costly
@pytest.mark.parametrize("channel", [pytest.param("kibo", marks=pytest.mark.slow), "scansource"])
def test_the_first_hourly_run_of_a_channel_ends_with_its_picks_on_the_floor(installation, sandbox, channel):
    read = installation.tick(f"{channel}_hourly")
    assert read.success
    emitted = installation.after(read)
    assert emitted.success
    sent = stored(installation, "select count(*) from ops.pick_outbox where state = 'sent'")[0][0]
    assert sent > 0
    assert len(RunningSandbox(sandbox.url).accepted_payloads()) == sent
    assert stored(installation, "select distinct source from marts.pick_lines") == [(channel,)]


@pytest.mark.slow
def test_picks_go_out_by_the_clock_alone_even_where_the_first_tick_found_nothing(installation):
    assert installation.tick("emission_every_15_minutes").success
    for channel in CHANNELS:
        assert installation.tick(f"{channel}_hourly").success
    assert installation.tick("emission_every_15_minutes").success
    sent = stored(installation, "select source, count(*) from ops.pick_outbox where state = 'sent' group by 1")
    assert {source for source, count in sent if count} == set(CHANNELS)
