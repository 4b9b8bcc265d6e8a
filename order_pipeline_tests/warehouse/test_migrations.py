"""Stores of earlier releases are brought up to date when they are opened."""

from __future__ import annotations

import pytest

from order_pipeline.channels.base import DeadLetter
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, receive

pytestmark = pytest.mark.costly

_OLD_NAMES = (
    "ALTER TABLE raw.stale_partitions RENAME TO dirty_days",
    "ALTER TABLE raw.dead_letters RENAME TO unusable",
    "ALTER TABLE raw.fetches RENAME COLUMN dead_letters TO unusable",
    *(
        f"ALTER TABLE raw.fetches DROP COLUMN {column}"
        for column in ("watermark", "account", "reading", "lists_window", "ids", "doubt", "read_again", "surprises")
    ),
)


@pytest.fixture
def old_store(lake: Lake) -> Lake:
    """A store with the table names of before: one order whose day is stale, one dead letter, one fetch report."""
    broken = DeadLetter("missing_key", "orderID", "none", b'{"orderDate": "2026-01-05"}', DAY)
    receive(lake, [kibo_order(1)], dead_letters=[broken])
    with lake.transaction("name the tables as before") as connection:
        for statement in _OLD_NAMES:
            connection.execute(statement)
    return lake


def test_renamed_tables_keep_their_rows(old_store: Lake) -> None:
    migrate(old_store)
    assert old_store.query("SELECT order_day FROM raw.stale_partitions").rows == [(DAY,)]
    assert old_store.query("SELECT rule FROM raw.dead_letters").rows == [("missing_key",)]
    assert old_store.query("SELECT records, dead_letters, watermark FROM raw.fetches").rows == [(1, 1, None)]
    gone = "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('dirty_days', 'unusable')"
    assert old_store.query(gone).rows == [(0,)]


def test_a_store_is_renamed_once_and_used_on(old_store: Lake) -> None:
    migrate(old_store)
    with old_store.snapshot() as connection:
        before = snapshot_id(connection)
    migrate(old_store)
    with old_store.snapshot() as connection:
        assert snapshot_id(connection) == before
    receive(old_store, [kibo_order(2)])
    build(old_store)
    assert old_store.query("SELECT count(*) FROM core.orders").rows == [(2,)]
    assert old_store.query("SELECT count(*) FROM raw.stale_partitions").rows == [(0,)]
    assert old_store.query("SELECT count(*) FROM quarantine.rejects").rows == [(1,)]


def test_a_column_that_a_contract_gained_is_null_until_the_day_is_built_again(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    build(lake)
    with lake.transaction("take the new columns away") as connection:
        connection.execute("ALTER TABLE core.shipments DROP COLUMN source_state_name")
        connection.execute("ALTER TABLE core.orders DROP COLUMN returns")
    migrate(lake)
    assert lake.query("SELECT source_state_name FROM core.shipments").rows == [(None,)]
    assert lake.query("SELECT returns FROM core.orders").rows == [(None,)]
    build(lake, DAY)
    assert lake.query("SELECT source_state_name FROM core.shipments").rows == [("accept_order",)]
