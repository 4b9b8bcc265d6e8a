"""Reading the lake with nothing else in reach: no file, no other database, no network, no setting.

DuckDB's own switch does not hold back its SQLite and PostgreSQL extensions, whose table functions open any file or
server by themselves. So a statement is looked at as well: one that only selects, with table functions from a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import duckdb

from order_pipeline.warehouse.lake.catalog import Connection
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.operations_attachment import STORE

HARMLESS = frozenset({
    *("unnest", "range", "generate_series", "repeat", "json_each", "json_tree", "summary"),
    *("snapshots", "table_changes", "table_insertions", "table_deletions"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_keywords", "duckdb_schemas"),
    *("duckdb_tables", "duckdb_types", "duckdb_views", "pragma_table_info", "pragma_show"),
})  # fmt: skip
"""Table functions that read what stands in the statement, in the lake, or in the names of its tables."""


class UnsafeStatementError(RuntimeError):
    """The statement reaches beyond the lake and the operations store, or may; nothing of it was run."""


def lock_in(connection: Connection, data_path: str) -> None:
    """Take file access, extensions and further settings away from the connection's instance, for good.

    Args:
        connection: with everything attached that shall be read.
        data_path: directory or URL of the lake's files, which stays readable.
    """
    connection.execute(f"SET allowed_directories = [{quoted(data_path)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def require_safe(connection: Connection, text: str) -> None:
    """Return if each statement of the text only reads the lake and the operations store.

    Raises:
        UnsafeStatementError: one does not, or cannot be judged.
        duckdb.Error: the text is no SQL.
    """
    for statement in connection.extract_statements(text):
        if statement.type != duckdb.StatementType.SELECT:
            kind = str(statement.type).rpartition(".")[2].replace("_", " ")
            raise UnsafeStatementError(f"With --safe only SELECT, SHOW, DESCRIBE and SUMMARIZE run, and no {kind}.")
        parsed = _parsed(connection, statement.query)
        require_no_hidden(json.dumps(parsed))
        for name in _table_functions(parsed):
            if name.lower() not in HARMLESS:
                raise UnsafeStatementError(f"With --safe the table function {name} is out of reach.")


def require_no_hidden(text: str) -> None:
    """Return if a statement, or what was parsed of it, does not name the store behind `ops`.

    Raises:
        UnsafeStatementError: it does.
    """
    if STORE in text.lower():
        raise UnsafeStatementError(
            f"{STORE} is out of reach: it holds one-time codes. `ops` has all of it that may be read."
        )


def _parsed(connection: Connection, statement: str) -> dict[str, Any]:
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error"):
        raise UnsafeStatementError("With --safe this statement cannot be judged. Write it as a plain SELECT.")
    return parsed


def _table_functions(node: Any) -> Iterator[str]:
    """The names of all table functions, wherever they stand in the tree of a statement."""
    if isinstance(node, dict):
        branch = cast("dict[str, Any]", node)
        if branch.get("type") == "TABLE_FUNCTION":
            yield str(branch["function"]["function_name"])
        for value in branch.values():
            yield from _table_functions(value)
    elif isinstance(node, list):
        for value in cast("list[Any]", node):
            yield from _table_functions(value)
