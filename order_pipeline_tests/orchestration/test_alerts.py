"""Failed runs and red checks of a real Dagster instance: told when no retry is left, over when a later run mends it."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._daemon.types import DaemonHeartbeat
from sqlalchemy.exc import DatabaseError

from order_pipeline.alert_settings import AlertSettings
from order_pipeline.alerts.messengers import LOG_FILE
from order_pipeline.channels.base import Window
from order_pipeline.definitions import build_definitions
from order_pipeline.http.errors import PermanentError
from order_pipeline.operations.incidents import open_incidents
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.alerts import look_once
from order_pipeline.orchestration.daemon import LONGEST_SILENCE, find_stopped_daemon
from order_pipeline.orchestration.failed_runs import LONGEST_WAIT_FOR_RETRY, find_failed_runs
from order_pipeline.orchestration.failures import api_errors_as_failures
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.partitions import range_tags
from order_pipeline.orchestration.red_checks import find_red_checks
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

CANARIES = ("Ada Lovelace", "ada@example.com", "+44 20 7946 0958", "7 Acre Lane", "sk-canary-token-1")
MARCH = Window(date(2026, 3, 1), date(2026, 3, 4))
HOURLY = {"dagster/schedule_name": "a_hourly"}
ORDERS = dg.AssetKey(["core", "shop", "orders"])


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = settings_in(tmp_path)
    settings.alerts = AlertSettings(quiet_minutes=0, disk_free_gigabytes=0, ui_url="https://ui.example/")
    return settings


@pytest.fixture
def instance(settings):
    with open_instance(settings) as instance:
        yield instance


class Switches:
    """What the asset of the tests does."""

    error: Exception | None = None
    passes = True
    severity = dg.AssetCheckSeverity.ERROR
    description = "3 keys are there twice."


@pytest.fixture
def switches():
    return Switches()


@pytest.fixture
def definitions(switches):
    """One partitioned asset with a check, and its job."""

    @dg.asset(
        key=ORDERS,
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("contract_holds", asset=ORDERS)],
    )
    def orders() -> dg.MaterializeResult:
        with api_errors_as_failures():
            if switches.error is not None:
                raise switches.error
        return dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(
                    passed=switches.passes, severity=switches.severity, description=switches.description
                )
            ]
        )

    return dg.Definitions(assets=[orders], jobs=[dg.define_asset_job("a_job", executor_def=dg.in_process_executor)])


@pytest.fixture
def run(definitions, instance, switches):
    """Run the job, failing with the error or not; returns the run's id."""

    def execute(error=None, window=MARCH, tags=None):
        switches.error = error
        job = definitions.resolve_job_def("a_job")
        tags = {**range_tags(window), **(tags or {})}
        return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id

    return execute


@pytest.fixture
def failures(instance):
    """Subject -> incident, now or later."""

    def look(later=timedelta(0), known=()):
        return {each.subject: each for each in find_failed_runs(instance, datetime.now(UTC) + later, known)}

    return look


REFUSED = PermanentError(
    "answered 403",
    method="GET",
    url="https://shop.example/orders",
    status=403,
    excerpt="no permission for Ada Lovelace, 7 Acre Lane",
    next_step="Check the key.",
)


def test_a_failed_run_tells_the_call_and_the_answer_but_not_the_reply(run, failures):
    run_id = run(REFUSED)
    (incident,) = failures().values()
    assert incident.message == "a_job failed: core__shop__orders: GET https://shop.example/orders, answered 403."
    assert (incident.run_id, incident.partitions) == (run_id, "2026-03-01...2026-03-03")


@pytest.mark.costly
def test_of_an_error_that_is_not_ours_only_the_class_is_told(run, failures):
    run(ValueError(f"Could not convert string '{' '.join(CANARIES)}' to INT32"))
    (incident,) = failures().values()
    assert incident.message == "a_job failed: core__shop__orders: ValueError; its text is on the run's page."


@pytest.mark.costly
def test_a_run_that_is_about_to_be_retried_is_told_only_if_nobody_retries_it(run, failures):
    run(REFUSED, tags={"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "true"})
    assert failures() == {}
    assert len(failures(LONGEST_WAIT_FOR_RETRY)) == 1


@pytest.mark.costly
def test_a_run_whose_retry_failed_is_one_incident_and_the_last_one_s(run, failures, instance):
    first = run(REFUSED)
    instance.add_run_tags(first, {WILL_RETRY_TAG: "true", AUTO_RETRY_RUN_ID_TAG: "known later"})
    second = run(REFUSED, tags={"dagster/parent_run_id": first, "dagster/root_run_id": first})
    instance.add_run_tags(first, {AUTO_RETRY_RUN_ID_TAG: second})
    (incident,) = failures().values()
    assert incident.run_id == second


@pytest.mark.costly
def test_the_next_good_run_of_the_same_schedule_mends_whatever_its_days(run, failures):
    run(REFUSED, tags=HOURLY)
    run(REFUSED, tags=HOURLY)
    ((subject, incident),) = failures().items()
    assert subject == "a_job"
    assert incident.message.startswith("a_job failed 2 times: ")
    run(window=Window(date(2026, 3, 2), date(2026, 3, 5)), tags=HOURLY)
    assert failures() == {}


@pytest.mark.costly
def test_a_run_by_hand_over_days_is_mended_by_a_run_over_all_of_them_only(run, failures):
    run(REFUSED)
    run(window=Window(date(2026, 3, 2), date(2026, 3, 9)))
    run(window=Window(date(2026, 2, 2), date(2026, 2, 9)), tags=HOURLY)
    assert list(failures()) == ["a_job 2026-03-01...2026-03-03"]
    run(window=Window(date(2026, 2, 20), date(2026, 3, 4)))
    assert failures() == {}


def test_a_failed_run_that_is_open_is_remembered_however_old_it_is(run, failures):
    run_id = run(REFUSED)
    assert failures(timedelta(days=30)) == {}
    assert len(failures(timedelta(days=30), known={run_id})) == 1


@pytest.mark.costly
def test_a_red_check_is_told_with_what_it_says_and_over_when_it_is_green(run, instance, definitions, switches):
    def look():
        keys = [spec.key for asset in definitions.assets for spec in asset.check_specs]
        return list(find_red_checks(instance, keys, datetime.now(UTC)))

    assert look() == []
    switches.passes = False
    run_id = run()
    (incident,) = look()
    assert incident.subject == "core/shop: contract_holds"
    assert incident.message == "The check contract_holds is red for core/shop: orders. 3 keys are there twice."
    assert (incident.run_id, incident.partitions) == (run_id, "2026-03-01...2026-03-03")
    switches.severity = dg.AssetCheckSeverity.WARN
    run()
    assert look() == []
    switches.severity, switches.passes = dg.AssetCheckSeverity.ERROR, True
    run()
    assert look() == []


@pytest.mark.costly
def test_the_sensor_tells_a_failed_run_once_and_once_when_it_is_over(settings, instance, run, tmp_path):
    sensor = build_definitions(settings).resolve_sensor_def("alerts")

    def tick():
        return sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message

    assert tick() == "open incidents: 0, new: 0, over: 0."
    run_id = run(REFUSED)
    assert [tick(), tick()] == ["open incidents: 1, new: 1, over: 0.", "open incidents: 1, new: 0, over: 0."]
    run()
    assert [tick(), tick()] == ["open incidents: 0, new: 0, over: 1.", "open incidents: 0, new: 0, over: 0."]
    told = (tmp_path / LOG_FILE).read_text().splitlines()
    assert len(told) == 2
    assert f"https://ui.example/runs/{run_id}" in told[0]


@pytest.mark.costly
def test_no_personal_data_and_no_secret_gets_into_a_message_or_the_store(settings, instance, run, switches, tmp_path):
    secret = CANARIES[-1]
    settings.scanorders.access_token = type(settings.scanorders).model_validate({"access_token": secret}).access_token
    switches.passes, switches.description = False, f"ask {CANARIES[1]} or {CANARIES[2]}, token={secret}, {secret}"
    run()
    run(PermanentError(f"answered 403 to {secret}", excerpt=" ".join(CANARIES)))
    run(RuntimeError(" ".join(CANARIES)), tags=HOURLY)
    keys = [dg.AssetCheckKey(ORDERS, "contract_holds")]
    look_once(settings, instance, keys)
    with open_store(settings.resolved_operations_url) as store:
        kept = str(open_incidents(store))
    told = (tmp_path / LOG_FILE).read_text()
    assert told.count('"opened"') == 3
    assert [canary for canary in CANARIES if canary in told + kept] == []


@pytest.mark.costly
def test_a_run_that_failed_over_a_red_check_is_told_by_the_check_alone(settings, instance, tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    key = dg.AssetKey(["core", "shop", "lines"])

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("contract_holds", asset=key, blocking=True)])
    def lines() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False)])

    @dg.asset(deps=[lines])
    def after() -> None:
        raise AssertionError("nothing may follow a red check")

    jobs = [dg.define_asset_job("b_job", executor_def=dg.in_process_executor)]
    outcome = run_job(dg.Definitions(assets=[lines, after], jobs=jobs), instance, "b_job")
    assert not outcome.success
    look_once(settings, instance, [dg.AssetCheckKey(key, "contract_holds")])
    with open_store(settings.resolved_operations_url) as store:
        assert [row["kind"] for row in open_incidents(store)] == ["check_red"]


def test_a_daemon_that_is_silent_is_told_where_schedules_are_on(settings, instance):
    def look(later=timedelta(0)):
        return [each.message for each in find_stopped_daemon(settings, instance, datetime.now(UTC) + later)]

    assert look() == []
    settings.schedule.active = True
    assert "was never heard of" in look()[0]
    instance.add_daemon_heartbeat(DaemonHeartbeat(datetime.now(UTC).timestamp(), "SENSOR", "an id"))
    assert look() == []
    assert "was last heard of at" in look(LONGEST_SILENCE)[0]


def test_an_operations_store_that_does_not_open_is_told_once_and_so_is_its_return(settings, instance, tmp_path):
    kept = tmp_path / "operations.sqlite"
    kept.write_bytes(b"this is no database " * 200)
    for _ in range(3):
        with pytest.raises(DatabaseError):
            look_once(settings, instance, [])
    kept.unlink()
    for _ in range(3):
        look_once(settings, instance, [])
    told = (tmp_path / LOG_FILE).read_text().splitlines()
    assert ["opened" in told[0], "closed" in told[1], len(told)] == [True, True, 2]
    assert "The operations store does not work (DatabaseError)" in told[0]
