"""The columns of all tables of a database, as DuckDB tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from order_pipeline.warehouse.lake.connection import Connection


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: DuckDB's name of its type, whether it admits NULL, and its default."""

    kind: str
    nullable: bool
    default: str | None = None


Tables = Mapping[str, Mapping[str, TableColumn]]
"""`<schema>.<table>` -> its columns in order."""


def read_tables(connection: Connection, database: str) -> dict[str, dict[str, TableColumn]]:
    """Tables and views with their columns, in order. `duckdb_tables()` would count each table's rows to tell them."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable, column_default"
        " FROM duckdb_columns() WHERE database_name = ? AND NOT internal ORDER BY 1, column_index",
        [database],
    ).fetchall()
    tables: dict[str, dict[str, TableColumn]] = {}
    for table, name, kind, nullable, default in rows:
        tables.setdefault(table, {})[name] = TableColumn(kind, bool(nullable), default)
    return tables


def text_of_default(connection: Connection, expression: str | None) -> str | None:
    """A default's value as text, which DuckLake takes for every type where it refuses an expression."""
    if expression in {None, "NULL"}:
        return None
    row = connection.execute(f"SELECT CAST(({expression}) AS VARCHAR)").fetchone()
    return None if row is None else row[0]
