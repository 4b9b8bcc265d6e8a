"""Reading the lake with nothing else in reach: no file, no other database, no network, no setting.

DuckDB's own switch (`lock_in`) does not hold back its SQLite and PostgreSQL extensions, which open any file or server
by themselves, and it lets statements write where the lake's files lie. So a statement is looked at as well: in any case
for what would attach, copy or export (`require_reading`), and strictly where somebody else wrote it (`require_safe`):
one that only selects, with table functions from a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import duckdb

from order_pipeline.warehouse.lake.catalog import Connection
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.operations_attachment import STORE

HARMLESS = frozenset({
    *("unnest", "range", "generate_series", "repeat", "json_each", "json_tree", "summary"),
    *("tables", "about"),
    *("snapshots", "table_changes", "table_insertions", "table_deletions"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_keywords", "duckdb_schemas"),
    *("duckdb_tables", "duckdb_types", "duckdb_views", "pragma_table_info", "pragma_show"),
})  # fmt: skip
"""Table functions that read what stands in the statement, in the lake, or in the names of its tables."""


_KIND = duckdb.StatementType
_REACHING = (_KIND.ATTACH, _KIND.COPY, _KIND.COPY_DATABASE, _KIND.EXPORT, _KIND.LOAD, _KIND.PREPARE)
_EXPLAINED = re.compile(r"\s*explain\b\s*(?:analyze\b|\([^)]*\))?", re.IGNORECASE)


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


def require_reading(statements: Iterable[duckdb.Statement], connection: Connection) -> None:
    """Return if no statement attaches a database, writes files, or names the store behind `ops`.

    Raises:
        UnsafeStatementError: one does.
        duckdb.Error: what an EXPLAIN explains is no SQL.
    """
    for statement in statements:
        require_no_hidden(statement.query)
        if statement.type == _KIND.EXPLAIN:
            require_reading(connection.extract_statements(_EXPLAINED.sub("", statement.query, count=1)), connection)
        elif statement.type in _REACHING:
            raise UnsafeStatementError(f"{_kind(statement)} is not for reading: it was not run.")


def require_safe(connection: Connection, text: str) -> None:
    """Return if each statement of the text only reads the lake and the operations store.

    Raises:
        UnsafeStatementError: one does not, or cannot be judged.
        duckdb.Error: the text is no SQL.
    """
    for statement in connection.extract_statements(text):
        if statement.type != duckdb.StatementType.SELECT:
            raise UnsafeStatementError(
                f"With --safe only SELECT, SHOW, DESCRIBE and SUMMARIZE run, and no {_kind(statement)}."
            )
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


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rpartition(".")[2].replace("_", " ")


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
