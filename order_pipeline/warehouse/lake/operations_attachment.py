"""The operations store as seen from SQL: attached as `ops`, for reading only.

`ops` holds a view of each table, without the columns that nobody may read there: bodies of webhooks have one-time
codes. Its times carry their zone, which a SQLite store does not keep. The store itself is attached beside it, under a
name that `safe_reading` refuses.

A SQLite store is read where it lies, whatever its size, unless this process has it open already: then a copy of this
moment is attached. DuckDB carries its own SQLite library, and two SQLite libraries in one process that open the same
file lose each other's locks (https://sqlite.org/howtocorrupt.html, section 2.2.1). So who has `ops` attached opens no
`OperationsStore` before the connection is closed.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import duckdb
from sqlalchemy import make_url

from order_pipeline.operations.locked import StoreBusyError, is_locked, said_when_it_waits
from order_pipeline.operations.store import BUSY_TIMEOUT_SECONDS, is_open_in_this_process
from order_pipeline.operations.tables import HIDDEN_FROM_SQL, VERSION_TABLE
from order_pipeline.redaction.texts import redact_message
from order_pipeline.warehouse.lake.catalog import LakeError
from order_pipeline.warehouse.lake.instance import load_extension
from order_pipeline.warehouse.lake.literals import quoted


class OperationsUnreachableError(LakeError):
    """The operations store's server could not be reached, so the lake cannot be read together with it."""

    next_step = "Check ORDER_PIPELINE_OPERATIONS_URL and its server; `order-pipeline doctor` tries both stores."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The operations store could not be opened: {reason}")


Times: TypeAlias = dict[str, list[str]]
"""Table -> columns."""
STORE = "operations_store"
"""What the store behind `ops` is attached as."""
_NAMES_OPERATIONS = re.compile(
    r"\bops\b|\bshow\b|\bdescribe\b|\bpragma\b|\btables\s*\(|duckdb_|information_schema|pg_", re.IGNORECASE
)
_TIMES = """
SELECT tables.name, columns.name FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND columns.type = 'DATETIME'
"""
_TABLES = """
SELECT schema_name, table_name FROM duckdb_tables()
WHERE database_name = ? AND (schema_name = 'main' OR schema_name = coalesce(
    (SELECT min(schema_name) FROM duckdb_tables() WHERE database_name = ? AND table_name = ?), 'public'
))
"""


def names_operations(statement: str) -> bool:
    """Whether a statement may mean `ops`: it names it, or asks what there is."""
    return _NAMES_OPERATIONS.search(statement) is not None


def attach_operations(connection: duckdb.DuckDBPyConnection, url: str) -> None:
    """Attach the store as `ops`, if it exists.

    Args:
        connection: the instance to attach it to.
        url: SQLAlchemy URL, `sqlite:///file` or `postgresql[+driver]://...`.

    Raises:
        StoreBusyError: another process kept the file locked.
        OperationsUnreachableError: the server does not answer, or lets nobody in.
    """
    scheme, _, address = url.partition("://")
    times: Times = {}
    # The files that are made here stay open without their names.
    with tempfile.TemporaryDirectory(prefix="operations-") as directory:
        if scheme.startswith("sqlite"):
            file = Path(make_url(url).database or "")
            if not file.is_file():
                return
            load_extension(connection, "sqlite_scanner")
            times = _attach_sqlite(connection, file, Path(directory))
        else:
            load_extension(connection, "postgres_scanner")
            try:
                connection.execute(f"ATTACH {quoted(f'postgresql://{address}')} AS {STORE} (TYPE postgres, READ_ONLY)")
            except duckdb.Error as error:  # DuckDB repeats the URL with its password
                raise OperationsUnreachableError(redact_message(str(error))) from None
        _attach_views(connection, Path(directory), times)


def _attach_sqlite(connection: duckdb.DuckDBPyConnection, file: Path, directory: Path) -> Times:
    with closing(_opened(file)) as store:
        times = zoneless_times(store)
        if is_open_in_this_process(file):
            _attach_copy(connection, store, directory)
            return times
    timeout = int(BUSY_TIMEOUT_SECONDS * 1000)
    connection.execute(f"ATTACH {quoted(str(file))} AS {STORE} (TYPE sqlite, READ_ONLY, BUSY_TIMEOUT {timeout})")
    return times


def _opened(file: Path) -> sqlite3.Connection:
    """The store inside a read transaction: this waits for a lock and names it, DuckDB would do neither."""
    uri = f"{file.resolve().as_uri()}?mode=ro"
    store = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    try:
        with said_when_it_waits(str(file), BUSY_TIMEOUT_SECONDS):
            store.execute("BEGIN")
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        store.close()
        if is_locked(error):
            raise StoreBusyError(str(file), BUSY_TIMEOUT_SECONDS, error) from error
        raise
    return store


def _attach_copy(connection: duckdb.DuckDBPyConnection, store: sqlite3.Connection, directory: Path) -> None:
    copy = directory / "operations.sqlite"
    with closing(sqlite3.connect(copy)) as target:
        store.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    connection.execute(f"ATTACH {quoted(str(copy))} AS operations_copy (TYPE sqlite, READ_ONLY)")
    file = quoted(str(directory / "operations.duckdb"))
    connection.execute(f"ATTACH {file} AS {STORE}")
    connection.execute(f"COPY FROM DATABASE operations_copy TO {STORE}")
    connection.execute("DETACH operations_copy")
    connection.execute(f"DETACH {STORE}")
    connection.execute(f"ATTACH {file} AS {STORE} (READ_ONLY)")


def _attach_views(connection: duckdb.DuckDBPyConnection, directory: Path, times: Times) -> None:
    """Only a file can be attached read-only; a view or table made in `ops` would be gone with the connection."""
    file = quoted(str(directory / "views.duckdb"))
    connection.execute(f"ATTACH {file} AS ops")
    for schema, table in connection.execute(_TABLES, [STORE, STORE, VERSION_TABLE]).fetchall():
        connection.execute(view_statement(table, f'"{schema}"."{table}"', times.get(table, [])))
    connection.execute("DETACH ops")
    connection.execute(f"ATTACH {file} AS ops (READ_ONLY)")


def zoneless_times(store: sqlite3.Connection) -> Times:
    """The columns of a SQLite store that are times. It keeps no zone: they are UTC (`operations.tables.UtcTime`)."""
    times: Times = {}
    for table, column in store.execute(_TIMES).fetchall():
        times.setdefault(table, []).append(column)
    return times


def view_statement(table: str, relation: str, times: Collection[str]) -> str:
    """The SQL that makes the view of a table in `ops`, without the columns that nobody may read there.

    Args:
        table: its name.
        relation: its name in the store, with its schema.
        times: its columns that are UTC and do not say so.
    """
    hidden = ", ".join(HIDDEN_FROM_SQL.get(table, ()))
    zoned = ", ".join(f'"{column}" AT TIME ZONE \'UTC\' AS "{column}"' for column in times)
    columns = "*" + (f" EXCLUDE ({hidden})" if hidden else "") + (f" REPLACE ({zoned})" if zoned else "")
    return f'CREATE VIEW ops."{table}" AS SELECT {columns} FROM {STORE}.{relation}'
