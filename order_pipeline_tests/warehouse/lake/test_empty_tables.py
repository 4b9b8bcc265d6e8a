"""Every table of a lake has statistics from the start, and they are the ones that DuckLake makes of its first rows."""

from __future__ import annotations

import pytest

from order_pipeline.warehouse import migrations
from order_pipeline.warehouse.lake.connection import Lake, snapshot_id
from order_pipeline.warehouse.lake.empty_tables import note_empty_tables
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw import tables
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_item, kibo_order, kibo_shipment, receive, rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

METADATA = "__ducklake_metadata_lake"
WITHOUT = f"""
SELECT table_name FROM {METADATA}.ducklake_table
WHERE end_snapshot IS NULL AND table_id NOT IN (SELECT table_id FROM {METADATA}.ducklake_table_stats)
"""
STATISTICS = f"""
SELECT tables.table_name, columns.column_name, counts.record_count, counts.next_row_id, bounds.contains_null,
    bounds.contains_nan, bounds.min_value, bounds.max_value, bounds.extra_stats
FROM {METADATA}.ducklake_table AS tables
INNER JOIN {METADATA}.ducklake_table_stats AS counts ON counts.table_id = tables.table_id
INNER JOIN {METADATA}.ducklake_table_column_stats AS bounds ON bounds.table_id = tables.table_id
INNER JOIN {METADATA}.ducklake_column AS columns
    ON columns.table_id = bounds.table_id AND columns.column_id = bounds.column_id AND columns.end_snapshot IS NULL
WHERE tables.end_snapshot IS NULL AND counts.record_count > 0
    AND columns.column_type NOT IN ('timestamptz', 'uuid') AND columns.column_name NOT IN ('build_id', 'mark_id')
ORDER BY ALL
"""


def orders():
    item = kibo_item(100, sku="GOOD")
    return [kibo_order(1, kibo_shipment(10, item)), kibo_order(2, orderStatus="CANCELED"), kibo_order(3, total="much")]


def test_no_table_of_a_new_lake_is_without_statistics(lake: Lake):
    tables.ensure_raw_tables(lake, [("kibo", "orders")])
    assert rows(lake, WITHOUT) == []
    with lake.snapshot() as connection:
        before = snapshot_id(connection)
    migrate(lake)
    assert note_empty_tables(lake) == 0
    with lake.snapshot() as connection:
        assert snapshot_id(connection) == before


@pytest.mark.costly
def test_the_first_rows_make_the_statistics_that_they_make_without(tmp_path, monkeypatch):
    found = {}
    for noted in (False, True):
        with monkeypatch.context() as patched:
            if not noted:
                for module in (migrations, tables):
                    patched.setattr(module, "note_empty_tables", lambda _: 0)
            lake = Lake(settings_in(tmp_path / str(noted)))
            migrate(lake)
            receive(lake, orders())
            build(lake, DAY)
        assert bool(rows(lake, WITHOUT)) is not noted
        found[noted] = rows(lake, STATISTICS)
        lake.close()
    assert found[True] == found[False] != []


def test_later_rows_beyond_the_first_ones_are_found(lake: Lake):
    with lake.transaction("a table of the test") as connection:
        connection.execute("CREATE TABLE core.numbers (number INTEGER, word VARCHAR)")
    assert note_empty_tables(lake) == 1
    for first in (1000, 5000, 0):
        with lake.transaction("rows") as connection:
            connection.execute(f"INSERT INTO core.numbers SELECT range + {first}, NULL FROM range(500)")
    with lake.transaction("a word") as connection:
        connection.execute("INSERT INTO core.numbers VALUES (9000, 'last')")
    asked = "SELECT count(*), min(number), max(number) FROM core.numbers WHERE number < 400 OR number > 5400"
    assert rows(lake, asked) == [(500, 0, 9000)]
    assert rows(lake, "SELECT number FROM core.numbers WHERE word IS NOT NULL") == [(9000,)]


def test_a_table_that_has_rows_is_left_alone(lake: Lake):
    with lake.transaction("a table of the test") as connection:
        connection.execute("CREATE TABLE core.numbers AS SELECT 7 AS number")
    assert note_empty_tables(lake) == 0
    assert rows(lake, "SELECT number FROM core.numbers WHERE number >= 7") == [(7,)]
