"""The lake as the rest of the code uses it: connections to read, and transactions, the one way to write.

A `Lake` holds one DuckDB instance (one memory limit, one thread pool); every `connect()` is a connection of its own on
it. Readers use `connect()`, `snapshot()` or `query()`; writers `transaction()`, or `run()` where a conflict may be
retried.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from order_pipeline.operations.locked import is_locked
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.catalog import (
    BUSY_TIMEOUT_SECONDS,
    Catalog,
    CatalogLockedError,
    Connection,
    LakeError,
)
from order_pipeline.warehouse.lake.errors import LakeNotMadeError
from order_pipeline.warehouse.lake.memory import naming_memory_limit
from order_pipeline.warehouse.lake.operations_attachment import attach_operations, names_operations
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query returned: column names and rows, in the query's order."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Lake:
    """The lake that the settings name. Cheap to build: nothing is opened before the first connection.

    Attributes:
        settings: that name it.
        catalog: its address, `sqlite:<file>` or `postgres:<libpq string>`.
        catalog_file: the SQLite catalog's file; None when the catalog is a server.
        data_path: directory or URL of the Parquet files, with a slash at its end.
        files: the same, with who may read and write there.
        is_embedded: the catalog is a SQLite file, so that one transaction at a time may write.
    """

    def __init__(self, settings: Settings, *, rewrites_format: bool = False) -> None:
        self._catalog = Catalog.named_by(settings, rewrites_format=rewrites_format)
        self.settings = settings
        self.catalog = self._catalog.address
        self.catalog_file = self._catalog.file
        self.files = self._catalog.files
        self.data_path = self._catalog.data_path
        self.is_embedded = self._catalog.file is not None
        self._instance: Connection | None = None
        self._was_made = False
        self._opening = threading.Lock()
        # DuckDB opens and closes a SQLite catalog with every transaction. SQLite locks it for a moment when it closes,
        # and a thread that opens it then sleeps for a second. So threads begin and end transactions one at a time.
        self._begin_or_end: AbstractContextManager[object] = threading.Lock() if self.is_embedded else nullcontext()
        self._writing = threading.local()

    def connect(
        self, *, read_only: bool = False, operations: bool = False, at: SnapshotPoint | None = None
    ) -> Connection:
        """A connection with the catalog `lake` attached; close it after use.

        Args:
            read_only: the lake is attached read-only, in a DuckDB instance of its own; a lake must exist already.
            operations: the operations store is attached as `ops`, if it exists; in an instance of its own.
            at: with `read_only`: the lake as it was then. The operations store has no past.

        Raises:
            LakeError: the catalog could not be opened.
        """
        if read_only or operations:
            connection = self._catalog.open(read_only=read_only, at=at)
            if operations:
                attach_operations(connection, self.settings.resolved_operations_url)
        else:
            with self._opening:
                if self._instance is None:
                    self._instance = self._catalog.open(read_only=False)
                connection = self._instance.cursor()
        with self._begin_or_end, self._named_lock():
            connection.execute("USE lake")
        return connection

    def is_made(self) -> bool:
        """Whether there is a lake at the address. Nothing is made.

        Raises:
            LakeError: the catalog's server does not answer.
        """
        if self.catalog_file is not None:
            return self.catalog_file.exists()
        if self._instance is None and not self._was_made:
            try:
                self.connect(read_only=True).close()
            except LakeNotMadeError:
                return False
            self._was_made = True
        return True

    def require_catalog(self) -> None:
        """Return unless the catalog is a SQLite file that is not there.

        Raises:
            LakeError: it is.
        """
        self._catalog.require_file()

    @contextmanager
    def transaction(self, purpose: str) -> Generator[Connection]:
        """A connection inside one transaction: committed at the end of the block, rolled back on any error.

        Embedded lakes are written by one transaction at a time: fetch and compute before it, not in it.

        Args:
            purpose: a few words that others see while they wait for this writer.

        Raises:
            LakeBusyError: another writer held the lake longer than the setting allows.
            LakeError: this thread is already inside a transaction (it would wait for itself).
        """
        if getattr(self._writing, "purpose", None):
            raise LakeError(f"Transaction '{purpose}' inside '{self._writing.purpose}': finish the outer one first.")
        with self._naming_limit(purpose), self._catalog.writing(purpose), closing(self.connect()) as connection:
            self._writing.purpose = purpose
            try:
                with self._in_transaction(connection):
                    yield connection
            finally:
                self._writing.purpose = None

    def run(self, purpose: str, body: Callable[[Connection], Result], *, attempts: int = 12) -> Result:
        """Run `body` in a transaction, again when a concurrent writer's commit conflicts (PostgreSQL catalog).

        DuckLake itself retries commits that do not conflict logically; what reaches this loop are two writers that
        replaced the same rows. `body` runs once an attempt, so it must have no effect outside its connection.

        Raises:
            duckdb.TransactionException: still in conflict after `attempts`.
            CatalogLockedError: a process that is none of ours kept a SQLite catalog locked.
        """
        deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction(purpose) as connection:
                    return body(connection)
            except (duckdb.TransactionException, CatalogLockedError) as error:
                is_waited_for = isinstance(error, CatalogLockedError) and time.monotonic() > deadline
                if attempt == attempts or is_waited_for:
                    raise
                # Full jitter: writers that met once must not meet again.
                time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))  # noqa: S311 - no secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """A read transaction: all statements of the block see one snapshot. Waits for no writer."""
        with (
            self._naming_limit("reading the lake"),
            closing(self.connect()) as connection,
            self._in_transaction(connection),
        ):
            yield connection

    def query(self, sql: str) -> Answer:
        """Run one reading statement on the lake attached read-only; `ops` is attached where the statement names it.

        Raises:
            duckdb.Error: the statement is wrong, or it writes.
        """
        with closing(self.connect(read_only=True, operations=names_operations(sql))) as connection:
            result = connection.execute(sql)
            return Answer([column[0] for column in result.description or []], result.fetchall())

    def close(self) -> None:
        """Close the instance; connections that are still open keep it alive until they close."""
        with self._opening:
            if self._instance is not None:
                self._instance.close()
                self._instance = None

    def _naming_limit(self, purpose: str) -> AbstractContextManager[None]:
        return naming_memory_limit(purpose, "ORDER_PIPELINE_LAKE__MEMORY_LIMIT", self.settings.lake.memory_limit)

    @contextmanager
    def _named_lock(self) -> Generator[None]:
        with self._catalog.waiting():
            try:
                yield
            except duckdb.Error as error:
                if self.catalog_file and is_locked(error):
                    raise CatalogLockedError(self.catalog_file) from error
                raise

    @contextmanager
    def _in_transaction(self, connection: Connection) -> Generator[None]:
        connection.begin()
        try:
            with self._begin_or_end, self._catalog.waiting():
                snapshot_id(connection)  # opens the catalog
            yield
            with self._begin_or_end, self._catalog.waiting():
                connection.commit()
        except BaseException as error:
            # A commit that failed has ended the transaction already.
            with self._begin_or_end, suppress(duckdb.Error):
                connection.rollback()
            if self.catalog_file and isinstance(error, duckdb.Error) and is_locked(error):
                raise CatalogLockedError(self.catalog_file) from error
            raise


def relations(connection: Connection) -> set[str]:
    """The lake's tables and views, `<schema>.<name>`.

    `duckdb_columns()` and what is built on it read every view's SQL to tell its columns: seconds in each new process.
    """
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        " UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = 'lake'"
    ).fetchall()
    return {name for (name,) in rows}


def snapshot_id(connection: Connection) -> int:
    """The number of the snapshot this connection reads: `AT (VERSION => n)` shows the same state later."""
    row = connection.execute("SELECT id FROM lake.current_snapshot()").fetchone()
    assert row is not None  # noqa: S101 - a lake has a snapshot from its creation on
    return int(row[0])
