"""What starts by itself, over which days, and where Dagster's home is."""

import json
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import SCHEDULE_NAME_TAG

from order_pipeline.definitions import build_definitions
from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.inbox_sensor import build_inbox_sensor
from order_pipeline.orchestration.instance import open_instance, prepare_dagster_home
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.settings import ScheduleSettings, Settings


def named(definitions, kind, name):
    return next(each for each in getattr(definitions, kind) if each.name == name)


def test_kibo_is_read_hourly_over_the_trailing_days_as_one_run(tmp_path):
    settings = Settings(data_dir=tmp_path, schedule=ScheduleSettings(trailing_days=14))
    schedule = named(build_definitions(settings), "schedules", "kibo_hourly")
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 20, 9, 5, tzinfo=UTC))
    requests = schedule.evaluate_tick(context).run_requests
    assert schedule.cron_schedule == "5 * * * *"
    assert len(requests) == 1
    assert requests[0].tags["dagster/asset_partition_range_start"] == "2026-03-07"
    assert requests[0].tags["dagster/asset_partition_range_end"] == "2026-03-20"


@pytest.mark.parametrize(("active", "status"), [(False, "STOPPED"), (True, "RUNNING")])
def test_nothing_starts_by_itself_unless_the_setting_says_so(tmp_path, active, status):
    settings = Settings(data_dir=tmp_path, schedule=ScheduleSettings(active=active))
    automation = build_definitions(settings)
    started = [*(automation.schedules or []), *(automation.sensors or [])]
    assert {each.default_status.value for each in started} == {status}


def test_each_channel_has_a_job_of_its_own(tmp_path):
    automation = build_definitions(Settings(data_dir=tmp_path))
    assert {"kibo_job", "scansource_job", "skroutz_job", "emission_job"} <= {job.name for job in automation.jobs or []}


@pytest.fixture
def inbox_looks(tmp_path):
    """Look at Skroutz's inbox after an event that came so long ago, with or without a worker; what the sensor says."""
    settings = Settings(data_dir=tmp_path)
    job = build_definitions(settings).resolve_job_def("skroutz_inbox_job")
    store = OperationsStore(settings.resolved_operations_url)
    store.create_all()

    def receive(ago):
        body = json.dumps({"ago": str(ago)}).encode()
        event = inbox.ReceivedEvent("skroutz", body, True, "1", date(2026, 1, 10), "::1", datetime.now(UTC) - ago)
        inbox.store_events(store, [event])

    with dg.instance_for_test() as instance:

        def look(keep_worker=None):
            sensor = build_inbox_sensor(settings, "skroutz", job, dg.DefaultSensorStatus.RUNNING, keep_worker)
            return sensor.evaluate_tick(dg.build_sensor_context(instance=instance))

        yield receive, look, lambda **run: instance.create_run_for_job(job, **run)


def test_without_a_worker_waiting_webhooks_start_one_run_and_an_empty_inbox_none(inbox_looks):
    receive, look, start = inbox_looks
    assert look().run_requests == []
    receive(timedelta(0))
    assert len(look().run_requests) == 1
    start(status=dg.DagsterRunStatus.STARTED)
    assert look().run_requests == []


def test_a_worker_is_kept_and_a_webhook_that_waits_in_spite_of_it_starts_a_run(inbox_looks):
    receive, look, _ = inbox_looks
    assert "Process 4711 watches" in look(lambda: 4711).skip_message
    receive(timedelta(0))
    assert look(lambda: 4711).run_requests == []
    receive(timedelta(minutes=3))
    assert len(look(lambda: 4711).run_requests) == 1


@pytest.mark.parametrize(
    ("part", "stopped"),
    [
        ("trailing", {"kibo_hourly", "scansource_hourly", "skroutz_hourly"}),
        ("inbox", {"skroutz_inbox"}),
        ("emission", {"emission_every_15_minutes", "emission_after_sources"}),
        ("read_back", {"read_back_hourly"}),
        ("reconciliation", {"reconciliation_daily"}),
    ],
)
def test_one_setting_switches_each_part_of_the_automation_off(tmp_path, part, stopped):
    settings = Settings(data_dir=tmp_path, schedule=ScheduleSettings.model_validate({"active": True, part: False}))
    automation = build_definitions(settings)
    all_of_them = [*(automation.schedules or []), *(automation.sensors or [])]
    assert {each.name for each in all_of_them if each.default_status.value == "STOPPED"} == stopped


@pytest.mark.costly
def test_the_nightly_run_leaves_out_what_is_switched_off_and_a_run_by_hand_does_not(tmp_path):
    off = ScheduleSettings(active=True, upkeep=False, retention=False)
    settings = Settings(data_dir=tmp_path, schedule=off, witness_dir="none")
    PipelineResource(settings).prepare_stores()
    definitions = build_definitions(settings)
    assert named(definitions, "schedules", "housekeeping_nightly").default_status.value == "STOPPED"
    with dg.instance_for_test() as instance:
        for tags, left_out in (({SCHEDULE_NAME_TAG: "housekeeping_nightly"}, 4), ({}, 0)):
            run = definitions.resolve_job_def("housekeeping_job").execute_in_process(instance=instance, tags=tags)
            said = [event.step_output_data.metadata for event in run.all_node_events if event.is_successful_output]
            assert sum("left out" in each for each in said) == left_out


def test_dagsters_home_is_made_in_the_data_directory_with_pools_without_telemetry(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(Settings(data_dir=tmp_path)) as instance:
        assert instance.telemetry_enabled is False
        assert instance.global_op_concurrency_default_limit == 1
    assert (tmp_path / "dagster_home" / "dagster.yaml").exists()


def test_a_home_that_a_deployment_sets_is_used_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert prepare_dagster_home(Settings(data_dir=tmp_path)) == tmp_path / "elsewhere"
    assert not (tmp_path / "dagster_home").exists()
