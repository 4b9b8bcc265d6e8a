"""The outbox in the lake: `core.pick_status` follows it, and the service level is counted from it."""

import pytest

from order_pipeline.picking.operators.resolve import resolve
from order_pipeline.picking.outbox.publish import publish
from order_pipeline.picking.planning.upstream import UpstreamStatus
from order_pipeline.picking.sending.read_back import read_back
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.picking.picks import emit_rows, order_rows, pick_row


@pytest.fixture
def lake(settings):
    lake = Lake(settings)
    migrate(lake)
    yield lake
    lake.close()


def ask(lake, sql):
    connection = lake.connect()
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.costly
def test_what_moved_is_carried_over_and_what_rested_makes_no_snapshot(settings, store, sandbox, lake):
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=1))
    emit_rows(settings, store, [pick_row()], run_id="r1")
    assert publish(lake, store) == 1
    (before,) = ask(lake, "SELECT max(snapshot_id) FROM lake.snapshots()")
    assert publish(lake, store) == 0
    assert ask(lake, "SELECT max(snapshot_id) FROM lake.snapshots()") == [before]
    resolve(store, "kibo:acme:K1:1", "sent", reason="seen", who="Eleni")
    emit_rows(settings, store, [pick_row(), pick_row(1, order="K2")], run_id="r2")
    read_back(settings, store, run_id="back")
    assert publish(lake, store) == 2
    assert ask(lake, "SELECT state, scanorders_status_code FROM core.pick_status ORDER BY pick_id") == [
        ("resolved_sent", None),
        ("sent", "123.0"),
    ]


def test_no_personal_data_reaches_the_lake(settings, store, sandbox, lake):
    emit_rows(settings, store, [pick_row()], run_id="r")
    publish(lake, store)
    assert "Lovelace" not in str(ask(lake, "SELECT * FROM core.pick_status"))


def test_the_service_level_counts_lines_cancelled_after_sending_and_those_picked(settings, store, sandbox, lake):
    rows = order_rows(4, lines_each=1)
    emit_rows(settings, store, rows, run_id="r1")
    called_off = [UpstreamStatus(pick_id=row["pick_id"], order_status="cancelled") for row in rows[:2]]
    emit_rows(settings, store, rows[2:], run_id="r2", upstream=called_off)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE pick_outbox SET pushed_status = 'Picked' WHERE order_number = 'K0000'")
    publish(lake, store)
    sql = SqlProject().render("pick_service_level").sql
    assert ask(lake, f"SELECT lines_sent, picked_but_cancelled, cancelled_but_picked FROM ({sql})") == [(4, 2, 1)]
