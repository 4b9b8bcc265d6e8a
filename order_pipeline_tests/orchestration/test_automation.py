"""What starts by itself, over which days, and where Dagster's home is."""

import json
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from order_pipeline.definitions import build_definitions
from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration.instance import open_instance, prepare_dagster_home
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


def test_waiting_webhooks_start_one_run_and_an_empty_inbox_none(tmp_path):
    settings = Settings(data_dir=tmp_path)
    sensor = named(build_definitions(settings), "sensors", "skroutz_inbox")
    assert sensor.evaluate_tick(dg.build_sensor_context()).run_requests == []
    store = OperationsStore(settings.resolved_operations_url)
    events = [
        inbox.ReceivedEvent(
            channel="skroutz",
            body=json.dumps({"event": day.isoformat()}).encode(),
            parsable=True,
            order_number=f"26011{day.day}-1",
            order_day=day,
            source_address="127.0.0.1",
            received_at=datetime.now(UTC),
        )
        for day in (date(2026, 1, 10), date(2026, 1, 12))
    ]
    inbox.store_events(store, events)
    requests = sensor.evaluate_tick(dg.build_sensor_context()).run_requests
    assert [request.tags["dagster/asset_partition_range_start"] for request in requests] == ["2026-01-10"]
    assert [request.tags["dagster/asset_partition_range_end"] for request in requests] == ["2026-01-12"]
    assert requests[0].run_key == sensor.evaluate_tick(dg.build_sensor_context()).run_requests[0].run_key


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
