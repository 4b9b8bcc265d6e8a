"""A small world for the desk: a pick in doubt, one that is held, a task, a reject."""

from __future__ import annotations

from pathlib import Path

from order_pipeline.operations.store import open_store
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.picking.picks import MORNING, emit_rows, pick_row

DOUBT, HELD = "kibo:acme:K1:1", "kibo:acme:K2:1"
NAME = "Ada Lovelace"
HOSTILE = "<script>alert(1)</script>"
REJECT = """
INSERT INTO quarantine.rejects BY NAME SELECT 'kibo' AS source, 'orders' AS table_name, 'the-key' AS key,
    'bad_number' AS rule, 'quantity' AS field, 'two' AS value, 'K3' AS raw_record_id, 'x' AS raw_sha256,
    $at AS first_seen_at, $at AS last_seen_at, 'r' AS run_id
"""
TASK = """
INSERT INTO pick_tasks (kind, subject, source, order_number, what_to_do, detail, fingerprint, run_id, opened_at)
VALUES ('partly_sent_order', 'kibo:acme:K1', 'kibo', 'K1', 'Look.', 'one of two', 'f', 'r',
    '2026-03-01 08:00:00.000000')
"""


def make_world(directory: Path) -> Settings:
    """The settings of the world, made in the directory."""
    made = Settings(_env_file=None, data_dir=directory)  # pyright: ignore[reportCallIssue]
    lake = Lake(made)
    migrate(lake)
    lake.run("a reject", lambda connection: connection.execute(REJECT, {"at": MORNING}))
    lake.close()
    held = pick_row(1, order="K2", hold_reason="no_barcode", hold_detail=HOSTILE, hold_scope="line")
    with open_store(made.resolved_operations_url) as store:
        emit_rows(made, store, [pick_row(), held], run_id="r")
        with store.writing() as connection:
            connection.exec_driver_sql(f"UPDATE pick_outbox SET state = 'in_doubt' WHERE pick_id = '{DOUBT}'")
            connection.exec_driver_sql(TASK)
    return made
