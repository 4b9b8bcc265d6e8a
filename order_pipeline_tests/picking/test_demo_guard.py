"""A demo's picks go to this machine only, whichever way they are sent; and no demo is made among real orders."""

import asyncio
from contextlib import closing

import dagster as dg
import pytest

from order_pipeline.cli.demo_stores import real_orders_in
from order_pipeline.cli.demo_world import DemoWorld, remember_world
from order_pipeline.definitions import build_definitions
from order_pipeline.destinations.demo_guard import DemoDirectoryError, refuse_demo_orders
from order_pipeline.destinations.scanorders_login import login
from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.leases import acquire
from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.planning.upstream import UpstreamStatus
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.picking.sending.read_back import push_statuses, read_back
from order_pipeline.recovery.stores import StoresDisagreeError
from order_pipeline.settings import LakeSettings, Settings
from order_pipeline_tests.picking.picks import MORNING, emit_rows, order_rows, pick_row, states
from order_pipeline_tests.shared_demo import SMALL, run_command

REAL_FLOOR = "https://scanorders.invalid"
PICK = "kibo:acme:K1:1"
OTHER_STORES = [
    {"operations_url": "postgresql://elsewhere/operations"},
    {"lake": {"catalog": "postgres:dbname=lake"}},
    {"lake": {"data_path": "s3://bucket/lake/"}},
    {"dagster_storage_url": "postgresql://elsewhere/dagster"},
]


@pytest.fixture
def demo_settings(settings):
    """A demo's data directory, with settings for a real floor."""
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    settings.scanorders.base_url = REAL_FLOOR
    return settings


def test_an_emission_is_refused_before_anything_is_done(demo_settings, store):
    with pytest.raises(DemoDirectoryError, match=r"fake orders must not reach a real floor.*ORDER_PIPELINE_DATA_DIR"):
        emit_rows(demo_settings, store, order_rows(1), run_id="r")
    assert states(store) == {}
    assert acquire(store, LEASE_NAME, "the next", 60).fence == 1


def test_so_are_reading_back_and_pushing_a_status(settings, store):
    settings.scanorders.push_statuses = {"shipped": "Picked"}
    emit_rows(settings, store, [pick_row()], run_id="sent to the fake")
    shipped = [UpstreamStatus(pick_id=PICK, order_status="shipped")]
    emit_rows(settings, store, [], run_id="followed", upstream=shipped)
    assert read_back(settings, store, run_id="back").matched == 1
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    settings.scanorders.base_url = REAL_FLOOR
    for reach_out in (read_back, push_statuses):
        with pytest.raises(DemoDirectoryError):
            reach_out(settings, store, run_id="real")


def test_so_is_logging_in(demo_settings):
    with pytest.raises(DemoDirectoryError):
        asyncio.run(login(demo_settings, lambda _url: None))


@pytest.mark.costly
@pytest.mark.parametrize("job", [EMISSION_JOB, pytest.param(READ_BACK_JOB, marks=pytest.mark.slow)])
def test_so_are_the_jobs_of_dagster(settings, store, job):
    emit_rows(settings, store, [pick_row()], run_id="sent to the fake")
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    settings.scanorders.base_url = REAL_FLOOR
    pipeline = PipelineResource(settings)
    pipeline.prepare_stores()
    with dg.DagsterInstance.ephemeral() as instance:
        definition = build_definitions(settings, pipeline=pipeline).resolve_job_def(job)
        result = definition.execute_in_process(instance=instance, raise_on_error=False)
        causes = [str(event.event_specific_data) for event in result.all_events if event.is_step_failure]
    pipeline.lake.close()
    assert not result.success
    assert any("fake orders must not reach a real floor" in cause for cause in causes)


@pytest.mark.costly
def test_so_is_the_command_run(settings):
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    off = {f"ORDER_PIPELINE_{channel}__ENABLED": "false" for channel in ("KIBO", "SCANSOURCE", "SKROUTZ")}
    floor = {"ORDER_PIPELINE_SCANORDERS__BASE_URL": REAL_FLOOR, "ORDER_PIPELINE_SCANORDERS__SEND": "true"}
    done = run_command(settings.data_dir, "run", **off, **floor)
    assert done.returncode == 1
    assert "fake orders must not reach a real floor" in done.stderr
    assert "failed" in run_command(settings.data_dir, "doctor", **off, **floor).stdout


def test_a_dry_run_sends_nothing_and_is_allowed(demo_settings, store):
    demo_settings.scanorders.send = False
    assert emit_rows(demo_settings, store, order_rows(1), run_id="dry").by_state == {"planned": 2}


@pytest.mark.parametrize("elsewhere", OTHER_STORES, ids=lambda changes: str(next(iter(changes))))
def test_a_demo_may_not_mark_its_picks_in_a_store_outside_of_its_directory(settings, elsewhere):
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    refuse_demo_orders(settings)
    with pytest.raises(DemoDirectoryError, match="name a store outside of it"):
        refuse_demo_orders(type(settings).model_validate(settings.model_dump() | elsewhere))
    remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0, outside_stores=True))
    refuse_demo_orders(type(settings).model_validate(settings.model_dump() | elsewhere))


def start(settings):
    """What a run does first."""
    pipeline = PipelineResource(settings)
    with closing(pipeline.lake), closing(pipeline.operations):
        pipeline.prepare_stores()


@pytest.fixture
def directories(tmp_path):
    """The settings of a demo's directory and of one for real orders, which name the same stores outside of both."""

    def settings_of(name):
        lake = LakeSettings(catalog=f"sqlite:{tmp_path}/catalog.sqlite", data_path=f"{tmp_path}/files/")
        return Settings(data_dir=tmp_path / name, operations_url=f"sqlite:///{tmp_path}/operations.sqlite", lake=lake)

    remember_world(settings_of("demo"), DemoWorld(days=2, orders=12, seed=7, port=0, outside_stores=True))
    return settings_of("demo"), settings_of("live")


@pytest.mark.costly
def test_stores_outside_that_a_demo_began_are_refused_for_real_orders(directories):
    demo, live = directories
    start(demo)
    start(demo)
    with pytest.raises(StoresDisagreeError, match="marked as a demo's, whose fake orders must not meet real ones"):
        start(live)


@pytest.mark.costly
def test_stores_outside_with_real_orders_are_refused_for_a_demo(directories):
    demo, live = directories
    start(live)
    with pytest.raises(StoresDisagreeError, match="not marked as a demo's, and this directory holds fake orders"):
        start(demo)
    demo.demo_world_file.unlink()
    named = {"ORDER_PIPELINE_OPERATIONS_URL": live.operations_url, "ORDER_PIPELINE_LAKE__CATALOG": live.lake.catalog}
    begun = run_command(demo.data_dir, "demo", *SMALL, "--outside-stores", **named)
    assert begun.returncode == 2
    assert "OPERATIONS_URL names the store of installation" in begun.stderr
    assert not demo.demo_world_file.exists()


def test_without_a_demo_any_floor_and_any_store_is_fine(settings):
    settings.scanorders.base_url = REAL_FLOOR
    settings.operations_url = "postgresql://elsewhere/operations"
    refuse_demo_orders(settings)


def test_a_demo_is_refused_where_picks_are_but_not_where_somebody_only_looked(settings, store):
    assert real_orders_in(settings) is None
    settings.scanorders.send = False
    emit_rows(settings, store, order_rows(1), run_id="dry")
    refused = run_command(settings.data_dir, "demo", *SMALL)
    assert refused.returncode == 2
    assert "holds picks that no demo made" in refused.stderr
    assert not settings.demo_world_file.exists()


def test_a_demo_is_refused_where_webhooks_wait(settings, store):
    delivery = {"channel": "skroutz", "content_sha256": "0", "body": b"{}", "parsable": True, "deliveries": 1}
    times = {"received_at": MORNING, "last_received_at": MORNING}
    with store.writing() as connection:
        connection.execute(webhook_inbox.insert().values(**delivery, **times, source_address="192.0.2.1"))
    assert real_orders_in(settings) == "received webhooks"


@pytest.mark.parametrize("command", [("demo", *SMALL), ("ui",)], ids=["demo", "ui"])
def test_a_demo_is_refused_while_a_setting_names_another_store(settings, command):
    if command == ("ui",):
        remember_world(settings, DemoWorld(days=2, orders=12, seed=7, port=0))
    refused = run_command(
        settings.data_dir, *command, ORDER_PIPELINE_OPERATIONS_URL="postgresql://elsewhere/operations"
    )
    assert refused.returncode == 2
    assert "ORDER_PIPELINE_OPERATIONS_URL name a store outside" in refused.stderr
