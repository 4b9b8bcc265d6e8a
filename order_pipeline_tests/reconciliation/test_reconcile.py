"""A whole installation agrees with itself; what is lost in one place is a difference, and its command heals it."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
import pytest
from rich.cells import cell_len

from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.definitions import build_definitions
from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.reconciliation import RECONCILIATION_JOB
from order_pipeline.orchestration.red_checks import find_red_checks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import PICK_STATUS_KEY, RECONCILIATION_CHECK
from order_pipeline.picking.outbox.publish import publish
from order_pipeline.picking.sending.read_back import read_back
from order_pipeline.reconciliation.reconcile import reconcile_all
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import ScheduleSettings, Settings
from order_pipeline.warehouse.raw.stale_partitions import mark_stale
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_item, kibo_order, kibo_shipment, receive

LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name,not_stocked
kibo,GOOD,4006381333931,A-01,MAIN,Good thing,
kibo,CARD,,,,Gift card,yes
"""
EVERYTHING = (datetime.now(UTC).date() - DAY).days + 1


def order(number, *skus, **changes):
    items = [kibo_item(number * 100 + place, sku=sku) for place, sku in enumerate(skus)]
    return kibo_order(number, kibo_shipment(number * 10, *items), **changes)


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, sandbox):
    """Two orders sent, one held for its item, one broken, and a gift card that nobody picks."""
    directory = tmp_path_factory.mktemp("data")
    pipeline = PipelineResource(
        Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=directory,
            witness_dir="none",
            scansource=ScanSourceSettings(enabled=False),
            skroutz=SkroutzSettings(enabled=False),
            schedule=ScheduleSettings(reconciled_days=EVERYTHING),
            scanorders=ScanOrdersSettings(
                base_url=sandbox.channel_url("scanorders"),
                access_token=sandbox.channels["scanorders"].issue_token(),
                send=True,
                rate=RateSettings(max_in_flight=2),
            ),
        )
    )
    pipeline.prepare_stores()
    (directory / "item_locations.csv").write_text(LOCATIONS, encoding="utf-8")
    load_item_locations(pipeline.lake, directory / "item_locations.csv")
    broken = order(4, "GOOD", total="a lot")
    receive(pipeline.lake, [order(1, "GOOD", "CARD"), order(2, "GOOD"), order(3, "UNHEARD"), broken])
    build(pipeline)
    pipeline.deploy_models()
    assert emit_picks(pipeline, "first").sent == 2
    yield pipeline
    pipeline.lake.close()
    pipeline.operations.close()


def build(pipeline):
    pipeline.build_core("kibo", [DAY], "build", anew=True)


def compare(pipeline, **more):
    return reconcile_all(pipeline.settings, pipeline.lake, pipeline.operations, datetime.now(UTC), **more)


def differences(pipeline, **more):
    return [(str(each.comparison), str(each.reason)) for each in compare(pipeline, **more).differences]


def in_lake(pipeline, sql):
    pipeline.lake.run("break it", lambda connection: connection.execute(sql))


def in_operations(pipeline, sql):
    with pipeline.operations.writing() as connection:
        connection.exec_driver_sql(sql)


@contextmanager
def taken_out(pipeline, table, condition):
    """Rows of the operations store are gone, and come back."""
    in_operations(pipeline, f"CREATE TABLE kept AS SELECT * FROM {table} WHERE {condition}")
    in_operations(pipeline, f"DELETE FROM {table} WHERE {condition}")
    yield
    in_operations(pipeline, f"INSERT INTO {table} SELECT * FROM kept")
    in_operations(pipeline, "DROP TABLE kept")


@pytest.mark.costly
def test_what_was_sent_held_rejected_or_left_out_agrees(pipeline):
    found = compare(pipeline)
    assert found.differences == []
    checked = {str(each.comparison): each.checked for each in found.comparisons}
    assert checked == {"records": 4, "picks": 4, "copy": 3, "floor": 2}


@pytest.mark.costly
def test_a_record_that_core_has_lost_is_named_with_its_day_until_it_is_built_again(pipeline):
    in_lake(pipeline, "DELETE FROM core.orders WHERE raw_record_id = '2'")
    for table in ("order_lines", "shipments", "shipment_lines", "parcels", "prices"):
        in_lake(pipeline, f"DELETE FROM core.{table} WHERE raw_record_id = '2'")
    lost = [each for each in compare(pipeline).differences if each.comparison == "records"]
    assert [(each.key, str(each.reason)) for each in lost] == [("orders 2", "not_in_core")]
    assert lost[0].heal == "order-pipeline rebuild --source kibo --from 2026-01-05 --to 2026-01-05"
    build(pipeline)
    assert differences(pipeline) == []


@pytest.mark.costly
def test_a_record_that_changed_after_its_days_build_is_told_unless_the_day_is_owed(pipeline):
    in_lake(pipeline, "UPDATE core.builds SET built_at = built_at - INTERVAL 1 YEAR")
    assert differences(pipeline) == [("records", "older_in_core")] * 3, "the fourth is in quarantine"
    assert differences(pipeline, days=EVERYTHING - 1) == [], "of days that are not compared nothing is read"
    pipeline.lake.run("owe", lambda connection: mark_stale(connection, "kibo", [DAY], datetime.now(UTC), "r"))
    found = compare(pipeline)
    assert (found.differences, found.comparisons[0].waiting) == ([], 4)
    build(pipeline)
    assert differences(pipeline) == []


@pytest.mark.costly
def test_a_reject_that_vanished_is_a_lost_record(pipeline):
    in_lake(pipeline, "DELETE FROM quarantine.rejects WHERE raw_record_id = '4'")
    assert ("records", "not_in_core") in differences(pipeline)
    build(pipeline)
    assert differences(pipeline) == []


@pytest.mark.costly
def test_a_line_that_the_outbox_lost_is_missed_by_the_list_and_by_the_copy(pipeline):
    with taken_out(pipeline, "pick_outbox", "order_number = '3'"):
        emit_at = datetime.now(UTC)
        in_operations(pipeline, f"UPDATE leases SET acquired_at = '{emit_at:%Y-%m-%d %H:%M:%S.%f}'")
        assert set(differences(pipeline)) == {("picks", "not_in_outbox"), ("copy", "only_published")}
    assert differences(pipeline) == []


@pytest.mark.costly
def test_a_candidate_that_the_list_lost_is_told(pipeline):
    with pipeline.lake.snapshot() as connection:
        ((sql,),) = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'pick_lines'").fetchall()
    in_lake(pipeline, "CREATE OR REPLACE VIEW marts.pick_lines AS SELECT NULL AS pick_id, NULL::DATE AS order_day")
    with taken_out(pipeline, "pick_outbox", "order_number = '3'"):
        assert ("picks", "not_on_list") in differences(pipeline)
    in_lake(pipeline, sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    assert differences(pipeline) == []


@pytest.mark.costly
@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("UPDATE core.pick_status SET state = 'planned' WHERE order_number = '1'", "published_otherwise"),
        ("DELETE FROM core.pick_status WHERE order_number = '1'", "not_published"),
    ],
)
def test_a_wrong_copy_is_told_until_the_whole_outbox_is_copied_again(pipeline, sql, reason):
    in_lake(pipeline, sql)
    assert differences(pipeline) == [("copy", reason)]
    publish(pipeline.lake, pipeline.operations)
    assert differences(pipeline) == [("copy", reason)], "an ordinary copy takes only what moved"
    assert publish(pipeline.lake, pipeline.operations, everything=True) == 3
    assert differences(pipeline) == []


@pytest.mark.costly
def test_a_line_that_the_read_back_never_found_is_told(pipeline):
    read_back(pipeline.settings, pipeline.operations, run_id="back")
    assert differences(pipeline) == []
    first = "pick_id = (SELECT min(pick_id) FROM pick_outbox WHERE state = 'sent')"
    in_operations(pipeline, f"UPDATE pick_outbox SET sent_at = datetime(sent_at, '-1 hour') WHERE {first}")
    with taken_out(pipeline, "pick_status", first):
        assert differences(pipeline) == [], "one run of the read-back may have failed"
        in_operations(pipeline, "UPDATE pick_status SET first_read_at = datetime(first_read_at, '-1 hour')")
        assert differences(pipeline) == [("floor", "unknown_to_floor")]
    assert differences(pipeline) == []


@pytest.mark.costly
def test_the_command_tells_each_difference_with_its_heal_and_ends_with_1(pipeline):
    def command(*arguments):
        return run_command(pipeline.settings.data_dir, *arguments, ORDER_PIPELINE_WITNESS_DIR="none")

    compared = ("reconcile", "--days", str(EVERYTHING))
    in_lake(pipeline, "UPDATE core.pick_status SET state = 'planned' WHERE order_number = '1'")
    told = command(*compared)
    assert told.returncode == 1
    assert max(map(cell_len, told.stdout.splitlines())) <= 80
    assert "copy  published_otherwise" in told.stdout
    assert "order-pipeline outbox publish" in told.stdout
    (copy,) = [each for each in json.loads(command(*compared, "--json").stdout)["comparisons"] if each["differences"]]
    assert (copy["comparison"], copy["checked"], copy["differences"][0]["source"]) == ("copy", 3, "kibo")
    assert command("outbox", "publish").returncode == 0
    assert command(*compared).returncode == 0


@pytest.mark.parametrize("days", [(), ("--from", "2026-01-05"), ("--from", "2026-01-06", "--to", "2026-01-05")])
def test_rebuild_refuses_half_of_a_range(pipeline, days):
    done = run_command(pipeline.settings.data_dir, "rebuild", "--source", "kibo", *days)
    assert done.returncode == 2


@pytest.mark.costly
def test_the_check_is_one_incident_while_it_is_red(pipeline):
    key = dg.AssetCheckKey(PICK_STATUS_KEY, RECONCILIATION_CHECK)
    publish(pipeline.lake, pipeline.operations, everything=True)
    definitions = build_definitions(pipeline.settings, pipeline=pipeline)
    with dg.instance_for_test() as instance:

        def run():
            done = definitions.resolve_job_def(RECONCILIATION_JOB).execute_in_process(instance=instance)
            assert done.success
            (evaluation,) = done.get_asset_check_evaluations()
            return evaluation, list(find_red_checks(instance, [key], datetime.now(UTC)))

        in_lake(pipeline, "UPDATE core.pick_status SET state = 'planned' WHERE state = 'sent'")
        evaluation, (incident,) = run()
        assert evaluation.metadata["copy: compared"].value == 3
        assert incident.key == "check_red/floor: places_agree"
        assert "copy, published_otherwise: 2. `order-pipeline reconcile` lists them" in incident.message
        publish(pipeline.lake, pipeline.operations, everything=True)
        assert run()[1] == []
