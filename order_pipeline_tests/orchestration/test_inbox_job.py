"""The inbox job against the fakes: webhooks that wait are on the floor after one run of few events, and each once."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from order_pipeline.channels.skroutz.order_document import peek
from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, overridden
from order_pipeline.definitions import build_definitions
from order_pipeline.operations import inbox
from order_pipeline.operations.leases import acquire, release
from order_pipeline.operations.store import OperationsStore
from order_pipeline.orchestration import inbox_job
from order_pipeline.orchestration.assets import picking
from order_pipeline.orchestration.assets.picking import contract_held
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.jobs import EMISSION_JOB
from order_pipeline.orchestration.launch import run_job
from order_pipeline.orchestration.stored_rows import StoredRows
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import load_lines
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.demo_locations import with_demo_locations

WORLD = DemoWorld(days=1, orders=24, seed=7, port=0)
JOB = "skroutz_inbox_job"
MOST_EVENTS = 30


class Shop:
    """A shop with Skroutz alone, its webhooks one part after the other, and what its runs did."""

    def __init__(self, settings, sandbox, instance):
        self.settings, self.sandbox, self.instance = settings, sandbox, instance
        self.definitions = build_definitions(settings)
        self.store = OperationsStore(settings.resolved_operations_url)
        self.store.create_all()
        self._events = sandbox.channel(SkroutzChannel).book.take_due()

    def receive(self, count):
        """The next webhooks are in the inbox."""
        taken, self._events = self._events[:count], self._events[count:]
        assert len(taken) == count
        seen = [(event.body, peek(event.body)) for event in taken]
        received = [
            inbox.ReceivedEvent("skroutz", body, True, found.order_number, found.order_day, "::1", datetime.now(UTC))
            for body, found in seen
        ]
        inbox.store_events(self.store, received)

    def run(self):
        return run_job(self.definitions, self.instance, JOB)

    def waiting(self):
        return inbox.counts(self.store, "skroutz").pending

    def sent(self):
        with self.store.reading() as connection:
            return sorted(line.pick_id for line in load_lines(connection, states={PickState.SENT}))

    def accepted(self):
        return len(RunningSandbox(self.sandbox.url).accepted_payloads())

    def orders_in_core(self):
        return Lake(self.settings).query("select count(*) from core.orders where source = 'skroutz'").rows[0][0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with SandboxServer(days=WORLD.days, orders=WORLD.orders, channels=["skroutz", "scanorders"]) as sandbox:
        groups = RunningSandbox(sandbox.url).settings_groups(WORLD)
        groups |= {"kibo": {"enabled": False}, "scansource": {"enabled": False}}
        settings = overridden(Settings(data_dir=with_demo_locations(tmp_path_factory.mktemp("data"))), groups)
        with open_instance(settings) as instance:
            yield Shop(settings, sandbox, instance)


@pytest.mark.costly
def test_one_run_of_few_events_brings_what_waits_to_the_floor(shop):
    shop.receive(15)
    outcome = shop.run()
    assert outcome.failures == ()
    assert shop.waiting() == 0
    assert shop.orders_in_core() > 0
    assert len(shop.sent()) == shop.accepted() > 0
    assert len(shop.instance.all_logs(outcome.run_id)) < MOST_EVENTS


@pytest.mark.costly
def test_the_run_says_which_days_of_which_assets_it_filled(shop):
    shop.receive(2)
    events = shop.instance.all_logs(shop.run().run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    told = {(event.asset_key.to_user_string(), event.partition) for each in events if (event := each.dagster_event)}
    day = WORLD.window.start.isoformat()
    assert told == {("raw/skroutz/orders", day), ("core/skroutz", day), ("floor/picking_orders", None)}


@pytest.mark.costly
def test_a_run_that_finds_nothing_sends_nothing(shop):
    before = shop.accepted()
    assert shop.run().success
    assert shop.accepted() == before


def test_it_waits_in_no_pool_while_a_read_of_the_channel_holds_its_own(shop):
    inbox_steps = shop.definitions.resolve_job_def(JOB).all_node_defs
    assert [pool for step in inbox_steps for pool in step.pools] == []
    reading = shop.definitions.resolve_job_def("skroutz_job").all_node_defs
    assert "skroutz_api" in {pool for step in reading for pool in step.pools}


@pytest.mark.costly
def test_what_landed_before_a_failure_is_picked_by_the_next_run_though_nothing_waits(shop, monkeypatch):
    monkeypatch.setattr(picking, "LONGEST_WAIT_FOR_EMITTER", 0)
    shop.receive(15)
    before = shop.sent()
    lease = acquire(shop.store, LEASE_NAME, "another emission", 600)
    outcome = shop.run()
    assert [failure.step for failure in outcome.failures] == ["skroutz_inbox_to_floor"]
    assert (shop.waiting(), shop.sent()) == (0, before)
    release(shop.store, lease)
    assert shop.run().success
    assert len(shop.sent()) == shop.accepted() > len(before)


@pytest.mark.costly
def test_an_emission_by_the_clock_waits_for_one_that_is_under_way(shop):
    acquire(shop.store, LEASE_NAME, "an emission that a webhook started", 1)
    outcome = run_job(shop.definitions, shop.instance, EMISSION_JOB)
    assert outcome.success, outcome.failures


@pytest.mark.costly
def test_a_read_of_the_channel_leaves_the_inbox_to_a_process_that_watches_it(shop):
    lease = acquire(shop.store, inbox.watchers_lease("skroutz"), "the worker", 600)
    shop.receive(2)
    assert run_job(shop.definitions, shop.instance, "skroutz_job", WORLD.window).success
    assert shop.waiting() == 2
    release(shop.store, lease)
    assert run_job(shop.definitions, shop.instance, "skroutz_job", WORLD.window).success
    assert shop.waiting() == 0


@pytest.mark.costly
def test_a_broken_contract_keeps_the_channels_picks_back_until_it_holds_again(shop, monkeypatch):
    shop.receive(15)
    before = shop.accepted()
    with monkeypatch.context() as patch:
        patch.setattr(inbox_job, "read_stored_rows", lambda *_: StoredRows({}, repeated_keys=1, orphans=0))
        assert shop.run().success
    assert not contract_held(shop.instance, "skroutz")
    assert shop.accepted() == before
    assert shop.run().success, "it builds nothing, so it proves nothing"
    assert not contract_held(shop.instance, "skroutz")
    shop.receive(2)
    assert shop.run().success
    assert contract_held(shop.instance, "skroutz")
    assert len(shop.sent()) == shop.accepted() > before
