"""A family of a channel's resources is fetched alone: its assets, its reports, its calls, and nobody else's."""

from contextlib import closing
from datetime import UTC, datetime

import dagster as dg
import pytest
from pydantic import ValidationError

from order_pipeline.channels import registry
from order_pipeline.channels.base import Window
from order_pipeline.cli.materialise import materialise
from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.jobs import source_job_name
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import raw_key
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.orchestration.test_scansource_job import all_settings, server, window
from order_pipeline_tests.shared_demo import run_command

__all__ = ["server", "window"]
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
FAMILIES = registry.channels()["scansource"].families


@pytest.fixture
def settings(server, tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    server.reset()
    return all_settings(server, tmp_path)


def reports(settings):
    """Resource -> (complete, watermark) of every fetch report."""
    found = Lake(settings).query("SELECT resource, complete, watermark FROM raw.fetches WHERE source = 'scansource'")
    return {(resource, complete, bool(watermark)) for resource, complete, watermark in found.rows}


@pytest.mark.costly
@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=() if name == "prices" else pytest.mark.slow) for name in FAMILIES if name != "invoices"],
)
def test_a_family_alone_reports_on_nothing_else(settings, window, family):
    outcome = materialise(settings, ["scansource"], window, emit=False, families=[family])[-1]
    assert outcome.success
    assert {resource for resource, _, _ in reports(settings)} == set(FAMILIES[family])


def filled(settings, schema):
    """The tables of the schema that hold rows of the channel."""
    names = Lake(settings).query(
        "SELECT DISTINCT table_name FROM duckdb_columns() WHERE column_name = 'fetched_at' AND table_name <> 'fetches'"
        f" AND schema_name = '{schema}'"
    )
    counts = {
        name: Lake(settings).query(f"SELECT count(*) FROM {schema}.{name}").rows[0][0]
        for (name,) in names.rows
        if schema == "core" or name.startswith("scansource")
    }
    return {name for name, count in counts.items() if count and not name.endswith("_current")}


@pytest.mark.costly
def test_invoices_alone_store_invoices_and_nothing_else(tmp_path):
    channel = registry.channels()["scansource"]
    with SandboxServer(orders=14, days=2, channels=["scansource", "kibo"]) as busy:
        days = Window(busy.world.first_day, busy.clock.today)
        pipeline = PipelineResource(all_settings(busy, tmp_path))
        pipeline.prepare_stores()
        fetched = pipeline.fetch(channel, days, "run", families=["invoices"])
        pipeline.build_core("scansource", sorted(fetched.stale_days), "run")
    settings = pipeline.settings
    assert filled(settings, "raw") == {"scansource_invoice_summaries", "scansource_invoice_details"}
    assert filled(settings, "core") == {"invoices", "invoice_lines"}
    assert {resource for resource, _, _ in reports(settings)} == set(FAMILIES["invoices"])
    pipeline.lake.close()
    pipeline.operations.close()


@pytest.mark.slow
def test_invoices_alone_prove_invoices_and_move_no_watermark_of_orders(settings, window):
    materialise(settings, ["scansource"], window, emit=False, families=["invoices"])
    assert ("invoice_summaries", True, True) in reports(settings)
    marks = Lake(settings).query("SELECT DISTINCT watermark FROM raw.fetches WHERE watermark <> ''").rows
    assert all(mark.startswith("invoices of ") for (mark,) in marks)


def read_families(settings, window, families=None):
    """Read these families, and see that no call failed: it is borne, and would only be missed."""
    pipeline = PipelineResource(settings)
    with closing(pipeline.lake), closing(pipeline.operations):
        pipeline.prepare_stores()
        fetched = pipeline.fetch(registry.channels()["scansource"], window, "run", families=families)
        pipeline.build_core("scansource", sorted(fetched.stale_days), "run")
    notes = Lake(settings).query("SELECT resource, note FROM raw.fetches WHERE note LIKE '%failed%'").rows
    assert notes == []


@pytest.mark.costly
def test_prices_alone_are_of_the_open_orders_that_are_known_and_never_complete(settings, window):
    read_families(settings, window, ["orders"])
    assert "prices" not in {resource for resource, _, _ in reports(settings)}
    read_families(settings, window, ["prices"])
    assert {each for each in reports(settings) if each[0] == "prices"} == {("prices", False, False)}
    alone = Lake(settings).query("SELECT count(DISTINCT record_id) FROM raw.scansource_prices").rows
    read_families(settings, window)
    assert Lake(settings).query("SELECT count(DISTINCT record_id) FROM raw.scansource_prices").rows == alone
    assert alone[0][0] > 0
    assert ("prices", True, False) in reports(settings)


@pytest.mark.costly
def test_the_asset_that_is_selected_in_the_ui_is_the_one_that_is_materialised(settings, window):
    with open_instance(settings) as instance:
        chosen = raw_key("scansource", "invoices")
        outcome = run_job(build_definitions(settings), instance, source_job_name("scansource"), window, [chosen])
        assert outcome.success
        events = instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        assert {event.get_dagster_event().asset_key for event in events} == {chosen}
    assert {resource for resource, _, _ in reports(settings)} == set(FAMILIES["invoices"])


def test_a_family_that_no_channel_has_is_wrong_usage(tmp_path):
    done = run_command(tmp_path, "run", "--only", "invoice")
    assert done.returncode == 2
    assert "scansource: orders, invoices, tracking, prices, availability" in " ".join(done.stderr.split())


def test_a_channel_that_gives_tracking_with_its_order_only_says_so(tmp_path):
    done = run_command(tmp_path, "run", "--source", "kibo", "--source", "skroutz", "--only", "tracking")
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "kibo: tracking comes with its order only" in said
    assert "order-pipeline run --source skroutz" in said


def test_the_tracking_asset_alone_is_read_by_its_own_family():
    channel = registry.channels()["scansource"]
    assert channel.families_of(["order_tracking"]) == ["tracking"]
    assert channel.families_of(["order_rows", "order_serials"]) == ["orders"]
    assert channel.families_of(list(channel.resources)) == list(channel.families)


def schedules_of(settings):
    """Name -> cron and the families of its run (None: all)."""
    found = {}
    for schedule in build_definitions(settings).schedules or []:
        if isinstance(schedule, dg.ScheduleDefinition) and schedule.name.startswith("scansource"):
            ticked = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=NOON))
            assert ticked.run_requests
            chosen = ticked.run_requests[0].asset_selection
            raw = chosen and {key.path[2] for key in chosen if key.path[0] == "raw"}
            found[schedule.name] = (schedule.cron_schedule, raw)
    return found


def test_without_a_cadence_everything_is_read_as_before(tmp_path):
    assert schedules_of(Settings(data_dir=tmp_path)) == {"scansource_hourly": ("20 * * * *", None)}


def test_orders_with_a_cadence_of_their_own_take_their_tracking_along(tmp_path):
    settings = Settings.model_validate({"data_dir": tmp_path, "scansource": {"cadence": {"orders": "0 6 * * *"}}})
    own, rest = (schedules_of(settings)[f"scansource_{name}"][1] for name in ("orders", "hourly"))
    assert own == {"orders", "tracking"}
    assert rest == {"invoices", "prices", "availability"}


def test_a_family_with_a_cadence_of_its_own_leaves_the_hourly_run(tmp_path):
    cadence = {"invoices": "0 6 * * *", "all": "*/30 * * * *"}
    settings = Settings.model_validate({"data_dir": tmp_path, "scansource": {"cadence": cadence}})
    others = set(FAMILIES) - {"invoices"}
    assert schedules_of(settings) == {
        "scansource_hourly": ("*/30 * * * *", others),
        "scansource_invoices": ("0 6 * * *", {"invoices"}),
    }


@pytest.mark.parametrize(
    ("channel", "cadence", "named"),
    [
        ("scansource", {"invoices": "0 25 * * *"}, "0 25"),
        ("scansource", {"invoices": "hourly"}, "hourly"),
        ("scansource", {"invoices": "*/0 * * * *"}, "/0"),
        ("scansource", {"invoices": "9-5 * * * *"}, "9-5"),
        ("scansource", {"invoice": "0 6 * * *"}, "invoice"),
        ("kibo", {"invoices": "0 6 * * *"}, "invoices"),
    ],
)
def test_a_wrong_cadence_is_named(tmp_path, channel, cadence, named):
    with pytest.raises(ValidationError, match=named):
        Settings.model_validate({"data_dir": tmp_path, channel: {"cadence": cadence}})


def test_the_families_that_settings_know_are_those_of_the_channels():
    for name, channel in registry.channels().items():
        assert registry.settings_class(name).families == tuple(channel.families)
