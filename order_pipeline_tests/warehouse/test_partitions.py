"""Partition replace: the days of one source change as a whole, or not at all."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.partitions import PartitionMismatchError, Replaced, replace_partitions

DAYS = [date(2026, 1, day) for day in (1, 2, 3)]


@pytest.fixture
def lake_with_table(lake: Lake) -> Lake:
    """Two sources with two rows on each of three days."""
    with lake.transaction("fill") as connection:
        connection.execute("CREATE TABLE core.things (source VARCHAR, order_day DATE, name VARCHAR, size BIGINT)")
        connection.execute("ALTER TABLE core.things SET PARTITIONED BY (source, order_day)")
        connection.execute(
            "INSERT INTO core.things SELECT source, DATE '2026-01-01' + day::INT, 'old', number"
            " FROM (VALUES ('kibo'), ('skroutz')) AS sources(source), range(3) AS days(day), range(2) AS sizes(number)"
        )
    return lake


def replace(lake: Lake, days: list[date], new_rows: str) -> Replaced:
    with lake.transaction("replace") as connection:
        connection.execute(f"CREATE TEMP TABLE new_rows AS {new_rows}")
        replaced = replace_partitions(connection, "core.things", "kibo", days, "new_rows")
        connection.execute("DROP TABLE temp.new_rows")
    return replaced


def count(lake: Lake, condition: str) -> int:
    return lake.query(f"SELECT count(*) FROM core.things WHERE {condition}").rows[0][0]


def test_only_the_days_of_the_source_are_replaced(lake_with_table: Lake) -> None:
    new = "SELECT 'kibo' AS source, DATE '2026-01-01' AS order_day, 'new' AS name, 1 AS size FROM range(5)"
    assert replace(lake_with_table, DAYS[:2], new) == Replaced(deleted=4, inserted=5)
    assert count(lake_with_table, "name = 'new'") == 5
    assert count(lake_with_table, "source = 'kibo' AND order_day = '2026-01-02'") == 0
    assert count(lake_with_table, "source = 'kibo' AND order_day = '2026-01-03'") == 2
    assert count(lake_with_table, "source = 'skroutz'") == 6


def test_columns_are_matched_by_name(lake_with_table: Lake) -> None:
    new = "SELECT 7 AS size, 'new' AS name, DATE '2026-01-01' AS order_day, 'kibo' AS source"
    replace(lake_with_table, DAYS[:1], new)
    assert count(lake_with_table, "name = 'new' AND size = 7") == 1


@pytest.mark.parametrize("stray", ["'skroutz', DATE '2026-01-01'", "'kibo', DATE '2026-01-03'", "'kibo', NULL::DATE"])
def test_a_row_of_another_partition_stops_everything(lake_with_table: Lake, stray: str) -> None:
    new = f"SELECT *, 'new' AS name, 1 AS size FROM (SELECT {stray}) AS keys(source, order_day)"
    with pytest.raises(PartitionMismatchError, match="nothing was replaced"):
        replace(lake_with_table, DAYS[:2], new)
    assert count(lake_with_table, "name = 'old'") == 12


def test_an_insert_that_fails_brings_the_old_rows_back(lake_with_table: Lake) -> None:
    new = "SELECT 'kibo' AS source, DATE '2026-01-01' AS order_day, 'new' AS name, 'not a number' AS size"
    with pytest.raises(duckdb.Error, match="not a number"):
        replace(lake_with_table, DAYS, new)
    assert count(lake_with_table, "name = 'old'") == 12


def test_no_day_and_no_row_change_nothing(lake_with_table: Lake) -> None:
    assert replace(lake_with_table, [], "SELECT * FROM core.things LIMIT 0") == Replaced(0, 0)
