"""Statements on the lake's small tables that cost the same after a year as on the first day.

A condition on a column makes DuckLake look up that column's statistics of every file. A SQLite catalog has no index for
them, so it reads all: 0.17 s a column where the lake has the files of a year (1,095 days of channels, 482,000 rows of
statistics), whichever table is asked. A table of a few files is read whole in 0.02 s.
See docs/decisions/0051-small-tables-are-read-whole.md.
"""

from __future__ import annotations

import duckdb

from order_pipeline.warehouse.lake.literals import quoted


def all_rows(table: str) -> str:
    """SQL of all rows of a small table, for a FROM clause: conditions outside of it look up no statistics."""
    return f"(SELECT * FROM {table} OFFSET 0)"


def delete_rows(connection: duckdb.DuckDBPyConnection, table: str, condition: str) -> None:
    """Delete the rows of a small table for which the condition is true."""
    rows = f"SELECT rowid AS row FROM (SELECT rowid, * FROM {table} OFFSET 0) WHERE {condition}"
    connection.execute(f"DELETE FROM {table} WHERE rowid IN ({rows})")


def of_source(source: str) -> str:
    """SQL condition: the row is of the channel. It looks up no statistics, so another one must choose the files."""
    return f"source || '' = {quoted(source)}"
