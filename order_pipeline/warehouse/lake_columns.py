"""The columns of tables, as DuckDB tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, dict[str, TableColumn]]:
    """The columns of these tables, in order. `duckdb_columns()` would read every view too, for seconds."""
    return {
        table: {
            name: TableColumn(kind, nullable == "YES", default)
            for name, kind, nullable, _key, default, _extra in connection.execute(f"DESCRIBE {table}").fetchall()
        }
        for table in names
    }


def text_of_default(connection: Connection, expression: str | None) -> str | None:
    """A default's value as text, which DuckLake takes for every type where it refuses an expression."""
    if expression in {None, "NULL"}:
        return None
    row = connection.execute(f"SELECT CAST(({expression}) AS VARCHAR)").fetchone()
    return None if row is None else row[0]
