"""marts.pick_days leaves out no day that an emission has to know, marts.unsettled_days none that a mart has to read.

Each is tried on every combination of the statuses of an order, its lines and its shipments.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from order_pipeline.channels.registry import NAMES
from order_pipeline.contracts import CORE_TABLES, ItemLocations, create_table_statements
from order_pipeline.contracts.enumerations import LINE_STATUSES, ORDER_STATUSES, SHIPMENT_STATUSES
from order_pipeline.warehouse.migrations import BOOKKEEPING
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
_SETTLED = """
UPDATE core.builds SET is_settled = order_day NOT IN (SELECT order_day FROM marts.unsettled_days)
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
        for schema, models in {"core": CORE_TABLES.values(), "reference": [ItemLocations]}.items():
            for model in models:
                statement = create_table_statements(model, schema, partitioned=False)[0]
                connection.execute(statement.replace(" NOT NULL", ""))
        for table in ("core.builds", "core.pick_status", "quarantine.rejects"):
            connection.execute(BOOKKEEPING[table].replace(" NOT NULL", ""))
        statuses = {"orders": ORDER_STATUSES, "shipments": (*SHIPMENT_STATUSES, None), "lines": (*LINE_STATUSES, None)}
        values = {"channel": channel} | {name: list(each) for name, each in statuses.items()}
        for place, statement in enumerate(_ORDERS.split(";\n")[:-1]):
            connection.execute(statement, values if place == 0 else {})
        connection.execute("INSERT INTO core.builds BY NAME SELECT source, order_day FROM worlds")
        for name in project.upstream(["pick_days", "unsettled_days", "backlog", f"pick_candidates__{channel}"]):
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


@pytest.mark.parametrize("mart", ["pick_candidates", "backlog"])
def test_a_settled_day_has_no_row_of_a_mart_of_what_is_open(lake: duckdb.DuckDBPyConnection, mart: str):
    lake.begin()
    every_day = lake.execute(f"CREATE TABLE before AS SELECT * FROM marts.{mart}").fetchone()
    lake.execute(_SETTLED)
    settled = lake.execute("SELECT count(*) FILTER (is_settled), count(*) FROM core.builds").fetchone()
    lost = lake.execute(f"SELECT * FROM before EXCEPT ALL SELECT * FROM marts.{mart}").fetchall()
    lake.rollback()
    assert every_day
    assert every_day[0] > 10
    assert settled
    assert settled[0] > 10
    assert lost == []


def test_a_day_that_is_taken_for_settled_by_mistake_loses_its_rows(lake: duckdb.DuckDBPyConnection):
    found = lake.execute("SELECT order_day FROM marts.backlog LIMIT 1").fetchone()
    assert found
    lake.begin()
    lake.execute("UPDATE core.builds SET is_settled = true WHERE order_day = ?", found)
    left = lake.execute("SELECT count(*) FROM marts.backlog WHERE order_day = ?", found).fetchone()
    lake.rollback()
    assert left == (0,)
