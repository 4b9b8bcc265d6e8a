"""The operations store as seen from SQL: attached as `ops`, for reading only.

A SQLite store is attached as a copy of this moment. DuckDB carries its own SQLite library, and two SQLite libraries
in one process that open the same file lose each other's locks (https://sqlite.org/howtocorrupt.html, section 2.2.1);
the pipeline's process has the store open for writing. In the copy, bodies of webhooks that wait are empty: they have
one-time codes. A PostgreSQL store is attached as it is; grant its reader no `webhook_inbox`.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
from sqlalchemy import make_url

from order_pipeline.operations.inbox_bodies import HIDE_WAITING
from order_pipeline.operations.locked import StoreBusyError, is_locked, said_when_it_waits
from order_pipeline.operations.store import BUSY_TIMEOUT_SECONDS
from order_pipeline.redaction.texts import redact_message
from order_pipeline.warehouse.lake.catalog import LakeError
from order_pipeline.warehouse.lake.instance import load_extension
from order_pipeline.warehouse.lake.literals import quoted

_HAS_INBOX = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'ops' AND table_name = 'webhook_inbox'"


class OperationsUnreachableError(LakeError):
    """The operations store's server could not be reached, so the lake cannot be read together with it."""

    next_step = "Check ORDER_PIPELINE_OPERATIONS_URL and its server; `order-pipeline doctor` tries both stores."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The operations store could not be opened: {reason}")


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
    if scheme.startswith("sqlite"):
        file = Path(make_url(url).database or "")
        if file.is_file():
            load_extension(connection, "sqlite_scanner")
            _attach_copy(connection, file)
    else:
        load_extension(connection, "postgres_scanner")
        try:
            connection.execute(f"ATTACH {quoted(f'postgresql://{address}')} AS ops (TYPE postgres, READ_ONLY)")
        except duckdb.Error as error:  # DuckDB repeats the URL with its password
            raise OperationsUnreachableError(redact_message(str(error))) from None


def _opened(file: Path) -> sqlite3.Connection:
    """The store inside a read transaction: its backup would wait without end for one that is locked."""
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


def _attach_copy(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="operations-") as directory:
        copy = Path(directory) / "operations.sqlite"
        with (
            closing(_opened(file)) as store,
            closing(sqlite3.connect(copy)) as target,
        ):
            store.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"ATTACH {quoted(str(copy))} AS ops_copy (TYPE sqlite, READ_ONLY)")
        read_only = quoted(str(Path(directory) / "operations.duckdb"))
        connection.execute(f"ATTACH {read_only} AS ops")
        connection.execute("COPY FROM DATABASE ops_copy TO ops")
        connection.execute("DETACH ops_copy")
        if connection.execute(_HAS_INBOX).fetchone():
            connection.execute(HIDE_WAITING)
        # Only a file can be attached read-only; who writes would change a copy and believe otherwise. The file stays
        # open without its name.
        connection.execute("DETACH ops")
        connection.execute(f"ATTACH {read_only} AS ops (READ_ONLY)")
