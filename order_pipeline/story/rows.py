"""Rows of the lake as dictionaries: values are bound, never written into the SQL."""

from __future__ import annotations

from typing import Any

import duckdb

Facts = dict[str, Any]


def read_rows(connection: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[Facts]:
    """The rows of a SELECT; none while a table of it was never made."""
    try:
        cursor = connection.execute(sql, values)
    except duckdb.CatalogException:
        return []
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
