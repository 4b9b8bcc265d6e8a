"""A few rows of Python values into a table of the lake, all by one statement.

Every statement that inserts writes a file of its own, with its statistics in the catalog, so rows that belong together
go together. Rows by the thousand come as Arrow tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Append the rows, values in the order of the table's columns, within the caller's transaction."""
    if rows:
        row = f"({', '.join('?' * len(rows[0]))})"
        values = [value for given in rows for value in given]
        connection.execute(f"INSERT INTO {table} VALUES {', '.join([row] * len(rows))}", values)
