"""marts.pick_days leaves out no day that an emission has to know: every pick, hold and obstacle is of such a day."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from order_pipeline.channels.registry import NAMES
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.contracts.enumerations import LINE_STATUSES, ORDER_STATUSES, SHIPMENT_STATUSES
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline.warehouse.sql.slice import run_view

# One order a day, of each status, with a shipment of each status or none, and lines of each status.
_ORDERS = """
CREATE TABLE worlds AS
SELECT
    row_number() OVER () AS number, DATE '2000-01-01' + number::INTEGER AS order_day, 'acme' AS account,
    'o' || number AS order_id, 's' || number AS shipment_id, 'l' || number AS line_id, $channel AS source, *
FROM (SELECT unnest($orders) AS order_status) CROSS JOIN (SELECT unnest($shipments) AS shipment_status)
CROSS JOIN (SELECT unnest($lines) AS line_status) CROSS JOIN (SELECT unnest([0, 1]) AS committed);
INSERT INTO core.orders BY NAME
SELECT source, account, order_day, order_id, number AS order_number, order_status, 'text' AS source_status,
    order_day AS ordered_at, false AS is_test, false AS is_fraud_locked, false AS awaits_read,
    CASE number % 2 WHEN 0 THEN 'merchant' ELSE 'marketplace' END AS fulfilled_by
FROM worlds;
INSERT INTO core.order_lines BY NAME
SELECT source, account, order_day, order_id, line_id, line_status, 'NORMAL' AS source_line_status, 'A' AS sku,
    2 AS quantity_ordered, committed AS quantity_committed
FROM worlds WHERE line_status IS NOT NULL;
INSERT INTO core.shipments BY NAME
SELECT source, account, order_day, order_id, shipment_id, 's' AS shipment_number, shipment_status,
    'text' AS source_status
FROM worlds WHERE shipment_status IS NOT NULL;
INSERT INTO core.shipment_lines BY NAME
SELECT source, account, order_day, order_id, shipment_id, line_id, line_status, 'NORMAL' AS source_line_status,
    'A' AS sku, 2 AS quantity_ordered
FROM worlds WHERE shipment_status IS NOT NULL AND line_status IS NOT NULL;
"""
_LEFT_OUT = """
SELECT DISTINCT order_day FROM marts.pick_candidates__{channel}
WHERE order_day NOT IN (SELECT order_day FROM marts.pick_days)
"""


@pytest.fixture(scope="module", params=NAMES)
def channel(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def lake(channel: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every combination of statuses, in memory, with the marts over them."""
    with duckdb.connect() as connection:
        project = SqlProject(variables={"picked_channels": [channel]})
        for schema in ("core", "quarantine", "marts", "reference"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for model in CORE_TABLES.values():
            contract = table_contract(model)
            columns = ", ".join(f"{column.name} {column.duckdb_type}" for column in contract.columns)
            connection.execute(f"CREATE TABLE core.{contract.name} ({columns})")
        connection.execute(
            "CREATE TABLE quarantine.rejects (source VARCHAR, table_name VARCHAR, raw_record_id VARCHAR, rule VARCHAR,"
            " field VARCHAR, value VARCHAR, last_seen_at TIMESTAMPTZ, resolved_at TIMESTAMPTZ)"
        )
        statuses = {"orders": ORDER_STATUSES, "shipments": (*SHIPMENT_STATUSES, None), "lines": (*LINE_STATUSES, None)}
        values = {"channel": channel} | {name: list(each) for name, each in statuses.items()}
        for place, statement in enumerate(_ORDERS.split(";\n")[:-1]):
            connection.execute(statement, values if place == 0 else {})
        for name in project.upstream(["pick_days", f"pick_candidates__{channel}"]):
            run_view(connection, project.graph[name])
        yield connection


def test_every_candidate_and_obstacle_is_of_a_day_with_picks(lake: duckdb.DuckDBPyConnection, channel: str):
    candidates = lake.execute(f"SELECT count(DISTINCT order_day) FROM marts.pick_candidates__{channel}").fetchone()
    assert candidates
    assert candidates[0] > 10
    assert lake.execute(_LEFT_OUT.format(channel=channel)).fetchall() == []


def test_a_day_with_a_candidate_that_is_left_out_is_found(lake: duckdb.DuckDBPyConnection, channel: str):
    found = lake.execute(f"SELECT min(order_day) FROM marts.pick_candidates__{channel}").fetchone()
    assert found
    lake.begin()
    lake.execute(
        f"CREATE OR REPLACE VIEW marts.pick_days__{channel} AS"
        f" SELECT source, order_day FROM core.orders WHERE order_day <> DATE '{found[0]}'"
    )
    left_out = lake.execute(_LEFT_OUT.format(channel=channel)).fetchall()
    lake.rollback()
    assert left_out == [(found[0],)]
