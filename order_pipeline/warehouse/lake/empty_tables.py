"""Notes in the catalog that a table without rows has none, so that queries of it are planned at once.

DuckLake keeps statistics of a table from its first insert on. As long as there are none, it asks the catalog for them
again, for each column of each plan: some milliseconds a column (DuckLake of DuckDB 1.5.5). Marts read the tables of all
channels, and of most installations some are never filled: an answer of `marts.pick_lines` on a new lake took 2.2 s of
processor time, and takes 0.3 s where the statistics are there.
"""

from __future__ import annotations

from contextlib import closing

from order_pipeline.warehouse.lake.connection import Lake

_METADATA = "__ducklake_metadata_lake"
_NEVER_FILLED = f"""
    SELECT table_id FROM {_METADATA}.ducklake_table
    WHERE end_snapshot IS NULL
        AND table_id NOT IN (SELECT table_id FROM {_METADATA}.ducklake_table_stats)
        AND table_id NOT IN (SELECT table_id FROM {_METADATA}.ducklake_table_column_stats)
        AND table_id NOT IN (SELECT table_id FROM {_METADATA}.ducklake_data_file)
"""
_COLUMNS_WITHOUT_VALUES = f"""
    INSERT INTO {_METADATA}.ducklake_table_column_stats (table_id, column_id, contains_null)
    SELECT table_id, column_id, false FROM {_METADATA}.ducklake_column
    WHERE end_snapshot IS NULL AND column_type NOT IN ('list', 'struct', 'map') AND table_id IN ({_NEVER_FILLED})
"""
_TABLES_WITHOUT_ROWS = f"""
    INSERT INTO {_METADATA}.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
    SELECT table_id, 0, 0, 0 FROM {_METADATA}.ducklake_table WHERE table_id = ?
"""


def note_empty_tables(lake: Lake) -> int:
    """Write the statistics of tables that never had a row; return how many there were.

    They are those that DuckLake itself would add the first rows to: the first insert makes its own bounds those of the
    table, as without them (docs/decisions/0068-empty-tables-have-statistics.md). Only where the catalog is a file:
    there the writers' lock keeps a first insert away meanwhile, which would write statistics beside ours.
    """
    if not lake.is_embedded:
        return 0
    with closing(lake.connect()) as connection:
        if not connection.execute(_NEVER_FILLED).fetchall():
            return 0
    with lake.transaction("note which tables are empty") as connection:
        tables = connection.execute(_NEVER_FILLED).fetchall()
        connection.execute(_COLUMNS_WITHOUT_VALUES)
        for table in tables:
            connection.execute(_TABLES_WITHOUT_ROWS, table)
    return len(tables)
