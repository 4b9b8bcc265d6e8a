"""Kibo's job and the emission in Dagster, end to end against the fakes: what an operator reads in the UI is true."""

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._serdes import serialize_value
from dagster_graphql.test.utils import execute_dagster_graphql

from order_pipeline.channels import registry
from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, overridden
from order_pipeline.definitions import build_definitions
from order_pipeline.operations.leases import lease_state
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.assets import raw
from order_pipeline.orchestration.assets.picking import contract_held
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.origins import ORIGIN_TAG
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.drift import DriftUnknownError
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.orchestration.canaries import CANARY, plant_canaries

pytestmark = pytest.mark.costly

WORLD = DemoWorld(days=2, orders=20, seed=7, port=0)
DAYS = ("2026-01-13", "2026-01-14")
COMMAND = "order-pipeline demo"
TIMELINE = """
query { runsOrError { ... on Runs { results { jobName tags { key value } repositoryOrigin {
  repositoryName repositoryLocationName } } } } }
"""
"""What the UI's home page asks. It leaves out runs without a `repositoryOrigin`, and groups the others by it."""


@pytest.fixture(scope="module")
def read_twice(tmp_path_factory):
    """Settings, definitions and an instance on which Kibo was read twice and the picks were sent."""
    with SandboxServer(days=WORLD.days, orders=WORLD.orders) as server:
        data_dir = with_demo_locations(tmp_path_factory.mktemp("data"))
        settings = overridden(Settings(data_dir=data_dir), RunningSandbox(server.url).settings_groups(WORLD))
        definitions = build_definitions(settings)
        with open_instance(settings) as instance:
            jobs = [("kibo_job", WORLD.window), ("kibo_job", WORLD.window), ("emission_job", None)]
            outcomes = [run_job(definitions, instance, job, window, command=COMMAND) for job, window in jobs]
            yield settings, instance, outcomes


@pytest.fixture
def metadata_of(read_twice):
    """The metadata of an asset's materialisations in one run, by partition."""
    _, instance, outcomes = read_twice

    def look(run, key):
        events = instance.all_logs(outcomes[run].run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        found = [event.dagster_event.step_materialization_data.materialization for event in events]
        return {
            each.partition: {name: value.value for name, value in each.metadata.items()}
            for each in found
            if each.asset_key.to_user_string() == key
        }

    return look


@pytest.fixture
def check_of(read_twice):
    """The metadata of a check in one run."""
    _, instance, outcomes = read_twice

    def look(run, name):
        events = instance.all_logs(outcomes[run].run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        found = [event.dagster_event.asset_check_evaluation_data for event in events]
        return {key: said.value for each in found if each.check_name == name for key, said in each.metadata.items()}

    return look


def test_a_job_held_its_pool_while_it_read(read_twice):
    settings, _, outcomes = read_twice
    with open_store(settings.resolved_operations_url) as store:
        held = lease_state(store, f"pool:{registry.channels()['kibo'].pool}")
    assert held is not None
    assert held.holder.endswith(outcomes[1].run_id), "the second one, after the first gave it back"


@pytest.mark.every_python
def test_every_job_ended_well(read_twice):
    assert [outcome.failures for outcome in read_twice[2]] == [(), (), ()]


def test_the_home_page_has_the_runs_of_a_command_and_says_which_it_was(read_twice):
    with WorkspaceProcessContext(read_twice[1], EmptyWorkspaceTarget()) as ui:
        answer = execute_dagster_graphql(ui.create_request_context(), TIMELINE)
    runs = answer.data["runsOrError"]["results"][-3:]
    assert [run["jobName"] for run in runs] == ["emission_job", "kibo_job", "kibo_job"]
    as_workspace_yaml_has_it = {"repositoryName": "__repository__", "repositoryLocationName": "order_pipeline"}
    assert all(run["repositoryOrigin"] == as_workspace_yaml_has_it for run in runs)
    assert all({"key": ORIGIN_TAG, "value": COMMAND} in run["tags"] for run in runs)


def test_no_machine_retries_a_commands_run_or_sends_its_picks(read_twice):
    settings, instance, outcomes = read_twice
    run = instance.get_run_by_id(outcomes[0].run_id)
    assert run.tags["dagster/max_retries"] == "0"
    (success,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
    context = dg.build_run_status_sensor_context(
        "emission_after_sources", success.dagster_event, instance, dagster_run=run
    )
    sensor = build_definitions(settings).resolve_sensor_def("emission_after_sources")
    assert isinstance(sensor(context), dg.SkipReason)


@pytest.mark.every_python
def test_one_run_materialises_every_day_of_the_range(metadata_of):
    assert tuple(sorted(metadata_of(0, "raw/kibo/orders"))) == DAYS
    assert tuple(sorted(metadata_of(0, "core/kibo"))) == DAYS


@pytest.mark.every_python
def test_raw_says_what_came_and_that_it_is_what_is_stored(check_of):
    first = check_of(0, "windows_proved_complete")
    assert first["records fetched"] == first["new versions"] == WORLD.days * WORLD.orders
    assert first["fetched equals stored"] is True
    assert first["calls"] >= first["pages"] > 0


@pytest.mark.every_python
def test_reading_again_stores_nothing(metadata_of, check_of):
    again = check_of(1, "windows_proved_complete")
    assert again["new versions"] == 0
    assert again["unchanged"] == again["records fetched"] > 0
    for key, figure in (("raw/kibo/orders", "versions new in this run"), ("core/kibo", "built in this run")):
        assert [bool(metadata_of(run, key)[DAYS[0]][figure]) for run in (0, 1)] == [True, False]


def test_each_day_shows_its_own_row_count(read_twice, metadata_of):
    ask = Lake(read_twice[0]).query
    in_core = {
        day.isoformat(): count for day, count in ask("select order_day, count(*) from core.orders group by 1").rows
    }
    shown = metadata_of(0, "core/kibo")
    assert {day: shown[day]["orders"] for day in shown} == in_core
    in_raw = ask("select partition_day, count(distinct record_id) from raw.kibo_orders group by 1").rows
    shown = metadata_of(0, "raw/kibo/orders")
    assert {day: shown[day]["records"] for day in shown} == {day.isoformat(): count for day, count in in_raw}


@pytest.mark.every_python
def test_the_blocking_checks_read_back_and_pass(read_twice):
    _, instance, outcomes = read_twice
    events = instance.all_logs(outcomes[0].run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    checks = [event.dagster_event.asset_check_evaluation_data for event in events]
    contract = {check.check_name: check for check in checks if check.check_name.endswith("_contract_holds")}
    filled = {"orders", "order_lines", "shipments", "shipment_lines", "parcels", "prices"}
    assert set(contract) == {f"{table}_contract_holds" for table in filled}
    assert all(check.passed and check.blocking for check in contract.values())
    assert contract["orders_contract_holds"].metadata["rows"].value > 0


@pytest.fixture
def known_keys(read_twice):
    """The check that tells of keys which the contract does not name, in one run."""

    def look(run_id):
        events = read_twice[1].all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        checks = [event.dagster_event.asset_check_evaluation_data for event in events]
        check = next(check for check in checks if check.check_name == "keys_known")
        assert check.severity == dg.AssetCheckSeverity.WARN
        return check

    return look


def test_a_key_that_the_contract_does_not_name_is_warned_of_and_stops_nothing(read_twice, known_keys):
    settings, instance, outcomes = read_twice
    the_fakes_own = known_keys(outcomes[0].run_id).metadata["the most frequent"].value
    lake = Lake(settings)
    with lake.transaction("a version with a new key") as connection:
        connection.execute(
            "INSERT INTO raw.kibo_orders SELECT record_id, partition_day, 'other', replace(payload, '{\"orderID\"',"
            " '{\"brandNew\":1,\"orderID\"'), now(), sequence, 'other' FROM raw.kibo_orders"
            " WHERE NOT contains(payload, 'loyaltyTier') LIMIT 1"
        )
    lake.close()
    again = run_job(build_definitions(settings), instance, "kibo_job", WORLD.window)
    assert again.success
    check = known_keys(again.run_id)
    assert not check.passed
    new = {"in": "$", "key": "brandNew", "versions": 1}
    assert sorted(check.metadata["the most frequent"].value, key=str) == sorted([*the_fakes_own, new], key=str)


def test_records_whose_keys_cannot_be_counted_stop_nothing_either(read_twice, known_keys, monkeypatch):
    def fail(*_):
        raise DriftUnknownError("OutOfMemoryException")

    monkeypatch.setattr(raw, "find_unknown_keys", fail)
    outcome = run_job(build_definitions(read_twice[0]), read_twice[1], "kibo_job", WORLD.window)
    assert outcome.success
    check = known_keys(outcome.run_id)
    assert not check.passed
    assert check.description == "Not known: the keys could not be counted (OutOfMemoryException)."


def test_the_picks_asset_says_what_was_sent_and_what_is_held_and_why(metadata_of, read_twice):
    told = metadata_of(2, "floor/picking_orders")[None]
    stored = dict(Lake(read_twice[0]).query("select state, count(*) from ops.pick_outbox group by 1").rows)
    assert told["mode"] == "sending"
    assert told["sent now"] == stored["sent"] > 0
    assert told["lines by state"] == stored
    assert sum(told["held by reason"].values()) == stored["held"]
    assert told["lake snapshot"] > 0


def test_no_personal_data_and_no_secret_is_in_any_event(read_twice):
    settings, instance, outcomes = read_twice
    names = Lake(settings).query("select distinct ship_to_name from core.orders where length(ship_to_name) > 6").rows
    secrets = [
        settings.of_channel("kibo").api_secret.get_secret_value(),
        settings.scanorders.access_token.get_secret_value(),
    ]
    said = "".join(repr(event) for outcome in outcomes for event in instance.all_logs(outcome.run_id))
    assert [each for each in [*(name for (name,) in names), *secrets] if each in said] == []


def test_marts_say_how_many_rows_they_have_and_how_these_divide(read_twice, metadata_of):
    ask = Lake(read_twice[0]).query
    lines = metadata_of(2, "marts/pick_lines")[None]
    by_reason = ask("select coalesce(hold_reason, 'none'), count(*) from marts.pick_lines group by 1").rows
    assert {(name, rows) for name, rows in lines.items() if name.startswith("hold_reason: ")} == {
        (f"hold_reason: {reason}", rows) for reason, rows in by_reason
    }
    assert lines["dagster/row_count"] == sum(rows for _, rows in by_reason)
    (daily,) = read_twice[1].fetch_materializations(dg.AssetKey(["marts", "daily_orders"]), limit=1).records
    days = daily.asset_materialization.metadata["orders by day"].records
    in_core = ask("select order_day, count(*) from core.orders where not is_test group by 1").rows
    assert {record.data["day"]: record.data["kibo"] for record in days} == {str(day): count for day, count in in_core}


def test_marts_of_every_order_and_of_the_floor_are_counted_after_the_picks(read_twice, metadata_of):
    told = metadata_of(2, "marts/order_timeline")[None]
    orders = Lake(read_twice[0]).query("select 1 from core.orders where not is_test").rows
    lines = Lake(read_twice[0]).query("select distinct line_id from ops.pick_outbox where state = 'sent'").rows
    assert (told["rows of the last 14 order days"], "dagster/row_count" in told) == (len(orders), False)
    assert metadata_of(2, "marts/backlog")[None]["stage: on_the_floor"] == len(lines) > 0


@pytest.mark.parametrize("tag", ["dagster/schedule_name", pytest.param("dagster/sensor_name", marks=pytest.mark.slow)])
def test_a_run_that_no_person_started_shows_the_figures_of_the_last_hour_again(read_twice, tag):
    settings, instance, _ = read_twice
    run_job(build_definitions(settings), instance, "emission_job", tags={tag: "every_quarter"})
    runs = [
        event.asset_materialization.metadata
        for event in instance.fetch_materializations(dg.AssetKey(["marts", "order_status"]), limit=2).records
    ]
    assert runs[0]["counted at"] == runs[1]["counted at"]
    assert runs[0]["sample (*** is hidden)"] == runs[1]["sample (*** is hidden)"]
    assert runs[0]["deployed now"].value == 0


def test_no_event_of_a_run_has_a_value_of_any_personal_column(read_twice):
    settings, instance, _ = read_twice
    plant_canaries(settings)
    rows = Lake(settings).query("select * from marts.pick_lines").rows
    assert CANARY in repr(rows), "a sample that hides nothing would have it"
    definitions = build_definitions(settings)
    outcomes = [run_job(definitions, instance, job) for job in ("emission_job", "read_back_job")]
    outcomes.append(run_job(definitions, instance, "kibo_job", WORLD.window))
    assert [outcome.failures for outcome in outcomes] == [(), (), ()]
    said = "".join(serialize_value(event) for outcome in outcomes for event in instance.all_logs(outcome.run_id))
    assert '"customer_name"' in said
    assert "***" in said
    assert CANARY not in said


def test_a_channel_that_is_down_fails_with_what_to_do_next(read_twice, tmp_path):
    settings = read_twice[0]
    down = overridden(settings, {"kibo": {"base_url": "http://127.0.0.1:9/api/v2", "rate": {"attempts": 1}}})
    down = down.model_copy(update={"data_dir": tmp_path})
    with open_instance(down) as instance:
        outcome = run_job(build_definitions(down), instance, "kibo_job", WORLD.window)
        (event,) = instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert not outcome.success
    (failure,) = outcome.failures
    assert failure.step == "fetch_kibo"
    assert failure.message.startswith("order_pipeline.http.errors.NotSent: ")
    assert "GET http://127.0.0.1:9/api/v2/order/" in failure.message
    assert "| next: Check the address" in failure.message
    assert event.dagster_event
    shown = event.dagster_event.step_failure_data
    assert shown.error
    assert shown.user_failure_data
    assert shown.user_failure_data.description
    assert shown.user_failure_data.description in shown.error.message, "the first error in the UI is ours"
    assert shown.user_failure_data.metadata["next step"].value == "Check the address, the network and TLS."


def test_a_source_whose_contract_check_failed_keeps_its_picks(read_twice):
    settings, instance, _ = read_twice
    assert contract_held(instance, "kibo")
    lake = Lake(settings)
    with lake.transaction("an order twice, as a fault of the writer would leave it") as connection:
        connection.execute("INSERT INTO core.orders SELECT * FROM core.orders WHERE source = 'kibo' LIMIT 1")
    lake.close()
    outcome = run_job(build_definitions(settings), instance, "kibo_job", WORLD.window)
    assert not outcome.success, "a blocking check that fails, fails the run"
    assert not contract_held(instance, "kibo")
