"""The same emission with the operations store in PostgreSQL: several machines, one outbox."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.resolve import resolve
from order_pipeline.picking.operators.views import check_doubts, show
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.picks import emit_rows, line_of, order_rows, pick_row, states, without_floors
from order_pipeline_tests.waiting import wait_until


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
    sandbox.faults.add(Fault(api="scanorders", kind="stall_after", seconds=600, nth=[1, 2, 3, 4]))
    ledger = sandbox.channels["scanorders"].ledger
    rows = [row | {"source": "skroutz", "pick_id": f"other:{row['pick_id']}"} for row in order_rows(6)]
    other = OperationsStore(postgres_url)
    with ThreadPoolExecutor(1) as aside:
        first = aside.submit(emit_rows, settings, other, rows, run_id="first", covered_sources=["skroutz"])
        wait_until(lambda: ledger()["accepted"] == 4)
        with pytest.raises(LeaseHeldError, match="run first"):
            emit_rows(settings, store, rows, run_id="second", covered_sources=["skroutz"])
        sandbox.faults.reset()
        assert first.result().sent == ledger()["accepted"] == 12
    other.close()


def test_an_outbox_of_before_there_were_floors_goes_on(settings, store, sandbox):
    emit_rows(settings, store, [pick_row(order="F1")], run_id="before")
    without_floors(store)
    store.create_all()
    assert line_of(store, "kibo:acme:F1:1").floor == "main"
    assert emit_rows(settings, store, [pick_row(order="F1"), pick_row(1, order="F2")], run_id="after").sent == 1
