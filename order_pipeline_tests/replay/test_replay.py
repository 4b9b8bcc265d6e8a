"""A replay by unchanged code changes nothing; changed code is told row by row before anything does."""

import json
import shutil
from datetime import date
from unittest.mock import ANY

import pytest
from rich.cells import cell_len

from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.scansource.settings import ScanSourceSettings
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.reference.item_locations import load_item_locations
from order_pipeline.replay.replay import replay_changes
from order_pipeline.replay.staged_days import stored_days
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.days_of_rejects import days_of_rejects
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_item, kibo_order, kibo_shipment, receive

LOCATIONS = """source,sku,barcode,bin_location,warehouse,product_name,not_stocked
kibo,GOOD,4006381333931,A-01,MAIN,Good thing,
"""
TABLES = ("orders", "order_lines", "shipments", "shipment_lines", "parcels", "prices")


def order(number, sku, **changes):
    return kibo_order(number, kibo_shipment(number * 10, kibo_item(number * 100, sku=sku)), **changes)


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.fixture(scope="module")
def installed(tmp_path_factory, sandbox):
    """Order 1 is sent, order 2 is held for its item, order 3 is in quarantine."""
    directory = tmp_path_factory.mktemp("data")
    pipeline = PipelineResource(
        Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            data_dir=directory,
            witness_dir="none",
            scansource=ScanSourceSettings(enabled=False),
            skroutz=SkroutzSettings(enabled=False),
            scanorders=ScanOrdersSettings(
                base_url=sandbox.channel_url("scanorders"),
                access_token=sandbox.channels["scanorders"].issue_token(),
                send=True,
            ),
        )
    )
    pipeline.prepare_stores()
    (directory / "item_locations.csv").write_text(LOCATIONS, encoding="utf-8")
    load_item_locations(pipeline.lake, directory / "item_locations.csv")
    receive(pipeline.lake, [order(1, "GOOD"), order(2, "UNHEARD"), order(3, "GOOD", total="a lot")])
    pipeline.build_core("kibo", [DAY], "build", anew=True)
    pipeline.deploy_models()
    assert emit_picks(pipeline, "first").sent == 1
    yield pipeline
    pipeline.lake.close()
    pipeline.operations.close()


def changed_project(installed, tmp_path, file, before, after):
    """The repository's SQL with one text of one file replaced."""
    directory = tmp_path / "sql"
    shutil.copytree(PROJECT_DIRECTORY, directory)
    text = (directory / file).read_text(encoding="utf-8")
    assert before in text
    (directory / file).write_text(text.replace(before, after), encoding="utf-8")
    return SqlProject(directory, variables=installed.project.variables)


def replayed(installed, project=None):
    days = {"kibo": stored_days(installed.lake, "kibo")}
    lake, operations = installed.lake, installed.operations
    return replay_changes(
        installed.settings, lake, operations, project or installed.project, days, progress=lambda *_: None
    )


def everything(installed):
    """What a replay must not touch: the catalog's snapshot, the outbox, and the files."""
    with installed.lake.snapshot() as connection:
        snapshots = connection.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()
    with installed.operations.reading() as store:
        outbox = store.exec_driver_sql("SELECT * FROM pick_outbox ORDER BY pick_id").fetchall()
    files = sorted(str(path) for path in installed.settings.data_dir.rglob("*.parquet"))
    return snapshots, outbox, files


def of_core(installed):
    with installed.lake.snapshot() as connection:
        return {
            table: connection.execute(f"SELECT * EXCLUDE (run_id) FROM core.{table} ORDER BY ALL").fetchall()
            for table in TABLES
        }


@pytest.mark.costly
def test_unchanged_code_changes_nothing(installed):
    found = replayed(installed)
    assert found.is_identical
    assert {each.table: each.before for each in found.tables} == {
        "orders": 2,
        "order_lines": 2,
        "shipments": 2,
        "shipment_lines": 2,
        "prices": 2,
    }


@pytest.mark.costly
def test_a_killed_replay_leaves_its_rows_where_the_next_process_removes_them(installed):
    seen = []

    def look(*_):
        seen.extend(installed.settings.data_dir.glob("tmp/*/replay-*"))

    stores = installed.settings, installed.lake, installed.operations
    replay_changes(*stores, installed.project, {"kibo": [DAY]}, progress=look)
    assert seen, "in the directory of this process, whose lock tells that it lives"
    assert all(directory.parent.with_suffix(".lock").exists() for directory in seen)


@pytest.mark.costly
def test_a_changed_status_mapping_is_told_with_the_picks_that_it_calls_off_or_holds(installed, tmp_path):
    project = changed_project(
        installed, tmp_path, "seeds/status_mappings.csv", "kibo,shipment,READY,ready", "kibo,shipment,READY,cancelled"
    )
    before = everything(installed)
    found = replayed(installed, project)
    assert everything(installed) == before, "it only reads"
    changed = {
        f"{table.table}.{column.column}": [(value.before, value.after, value.rows) for value in column.values]
        for table in found.tables
        for column in table.columns
    }
    assert changed["shipments.shipment_status"] == [("ready", "cancelled", 2)]
    assert found.rejects == []
    assert [(each.order_number, each.before, each.after) for each in found.picks] == [
        ("1", "on_the_floor", "ask_a_person: cancelled_after_send"),
        ("2", "hold: unknown_item", "hold: no_longer_to_be_picked"),
    ]


@pytest.mark.costly
def test_a_changed_model_is_told_by_the_rejects_that_it_opens_and_resolves(installed, tmp_path):
    file = "models/staging/kibo/stg_kibo__orders.sql"
    project = changed_project(installed, tmp_path, file, "'document.orderCurrency'", "'document.orderStatus'")
    found = replayed(installed, project)
    opened = {(each.table, each.rule, each.field): (each.opened, each.resolved) for each in found.rejects}
    assert opened["orders", "bad_currency", "currency"] == (3, 0)
    assert {each.table: each.gone for each in found.tables}["orders"] == 2
    assert [(each.order_number, each.after) for each in found.picks] == [("2", "hold: quarantined")], (
        "nothing is called off"
    )


@pytest.mark.costly
def test_the_command_tells_a_changed_setting_by_its_picks_and_ends_with_1(installed):
    without = {"ORDER_PIPELINE_WITNESS_DIR": "none", "ORDER_PIPELINE_PICKING__KIBO": "false"}
    done = run_command(installed.settings.data_dir, "replay", "--diff", "--source", "kibo", **without)
    assert done.returncode == 1, done.stderr
    assert "core: 10 rows, all equal" in done.stderr
    assert "not on the list" in done.stdout or "no_longer_to_be_picked" in done.stdout
    assert max(cell_len(line) for line in (done.stdout + done.stderr).splitlines()) <= 80


@pytest.mark.slow
def test_the_command_tells_the_same_as_json(installed):
    without = {"ORDER_PIPELINE_WITNESS_DIR": "none", "ORDER_PIPELINE_PICKING__KIBO": "false"}
    done = run_command(installed.settings.data_dir, "replay", "--diff", "--source", "kibo", "--json", **without)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["identical"], told["days"]) == (False, {"kibo": 1})
    assert {each["order_number"] for each in told["picks"]} == {"1", "2"}


@pytest.mark.slow  # that nothing would change is asked of the function above
def test_the_command_says_that_nothing_would_change_and_ends_with_0(installed):
    done = run_command(
        installed.settings.data_dir, "replay", "--diff", "--source", "kibo", ORDER_PIPELINE_WITNESS_DIR="none"
    )
    assert (done.returncode, "Nothing would change" in done.stdout) == (0, True), done.stderr


@pytest.mark.costly
def test_core_that_was_lost_is_the_same_after_a_replay(installed):
    before = of_core(installed)
    assert before["orders"]
    for table in (*TABLES, "builds"):
        installed.lake.run("lose it", lambda connection, table=table: connection.execute(f"DELETE FROM core.{table}"))
    lost = replayed(installed)
    assert {each.table: (each.before, each.added) for each in lost.tables}["orders"] == (0, 2)
    done = run_command(installed.settings.data_dir, "replay", "--source", "kibo", ORDER_PIPELINE_WITNESS_DIR="none")
    assert done.returncode == 0, done.stderr
    assert of_core(installed) == before


@pytest.mark.costly
def test_rejects_of_days_before_the_first_and_without_a_day_are_tried_again(installed):
    early = date(2025, 12, 30)
    receive(installed.lake, [order(7, "GOOD", total="much", orderDate="2025-12-30T10:00:00+00:00")], day=early)
    letter = DeadLetter("bad_json", "payload", "not JSON", b"{")
    receive(installed.lake, [], dead_letters=[letter], run_id="letter")
    installed.build_core("kibo", [early, DAY], "build", anew=True)
    assert days_of_rejects(installed.lake) == {"kibo": [early, DAY]}
    done = run_command(
        installed.settings.data_dir,
        *("quarantine", "replay"),
        ORDER_PIPELINE_WITNESS_DIR="none",
        ORDER_PIPELINE_SCHEDULE__FIRST_DAY="2026-01-01",
    )
    assert done.returncode == 0, done.stderr
    assert "1 days before 2026-01-01 built" in done.stderr
    with installed.lake.snapshot() as connection:
        tried = connection.execute(
            "SELECT raw_record_id, order_day, run_id = 'build' FROM quarantine.rejects WHERE resolved_at IS NULL"
            " AND table_name IN ('orders', 'raw.kibo_orders') ORDER BY order_day"
        ).fetchall()
    assert tried == [("7", early, False), ("3", DAY, False), (ANY, None, False)]
