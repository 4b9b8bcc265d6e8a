"""The lake: where it is, how to connect, and the one way to write.

A `Lake` holds one DuckDB instance a process (one memory limit, one thread pool); every `connect()` is a connection of
its own on it. Readers connect and read; writers use `transaction()`, or `run()` where a conflict may be retried.
Does not belong here: any table's name.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import duckdb
import psutil
import pyarrow as pa

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.allocator import return_large_blocks
from order_pipeline.warehouse.lake.extensions import load_extension
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.operations_attachment import attach_operations
from order_pipeline.warehouse.lake.spill_directory import instance_directory
from order_pipeline.warehouse.lake.writers_lock import writers_lock

Connection: TypeAlias = duckdb.DuckDBPyConnection
Result = TypeVar("Result")

_BUSY_TIMEOUT_MILLISECONDS = 5000
_KEPT_MEMORY = 400 * 1024**2  # bytes in use; giving back below it took 2 to 7 % of a build and lowered no peak


class LakeError(RuntimeError):
    """The lake could not be opened or written; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query returned: column names and rows, in the query's order."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Lake:
    """The lake that the settings name. Cheap to build: nothing is opened before the first connection."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        directory = settings.data_dir.resolve()
        self.is_embedded = settings.lake.catalog is None or settings.lake.catalog.startswith("sqlite:")
        self.catalog = settings.lake.catalog or f"sqlite:{directory / 'catalog.sqlite'}"
        self.data_path = settings.lake.data_path or f"{directory / 'lake'}/"
        self._temporary = directory / "tmp"
        self._instance: Connection | None = None
        self._idle: list[Connection] = []
        self._opening = threading.Lock()
        # Held while a thread opens the catalog or lets go of it: see `kept_open`.
        self._door: AbstractContextManager[object] = threading.Lock() if self.is_embedded else nullcontext()
        self._writing = threading.local()

    @property
    def catalog_file(self) -> Path | None:
        """The SQLite catalog's file; None when the catalog is a server."""
        return Path(self.catalog.removeprefix("sqlite:")) if self.is_embedded else None

    def connect(self, *, read_only: bool = False, operations: bool = False, catalog: str = "lake") -> Connection:
        """A connection with the catalog `lake` attached; close it after use.

        Args:
            read_only: the lake is attached read-only (an own DuckDB instance); a lake must exist already.
            operations: the operations store is attached as `ops`, if it exists (own instance, see
                `operations_attachment`).
            catalog: where it looks up names without a catalog, `lake` or `memory` (see `looking_in`).

        Raises:
            LakeError: the catalog could not be opened.
        """
        if read_only or operations:
            connection = self._open(read_only=read_only)
            if operations:
                attach_operations(connection, self.settings.resolved_operations_url)
        else:
            with self._opening:
                if self._instance is None:
                    self._instance = self._open(read_only=False)
                connection = self._instance.cursor()
        if catalog != "memory":
            with self._door:
                connection.execute(f"USE {catalog}")
        return connection

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
        with self._queue(purpose), self._connected() as connection:
            self._writing.purpose = purpose
            try:
                with self.looking(connection):
                    yield connection
            finally:
                self._writing.purpose = None

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """A connection that sees one snapshot for the whole block, whatever others commit. Waits for no writer."""
        with self._connected() as connection, self.looking(connection):
            yield connection

    @contextmanager
    def looking(self, connection: Connection) -> Generator[None]:
        """One transaction over the block: the catalog is opened once, and while no other thread opens or closes it.

        For statements on the lake where several threads work at once, see `kept_open`. What the block writes is
        committed at its end.
        """
        connection.begin()
        try:
            with self._door:
                snapshot_id(connection)
            yield
            with self._door:
                connection.commit()
        except BaseException:
            with self._door:
                _roll_back(connection)
            raise

    @contextmanager
    def kept_open(self) -> Generator[None]:
        """Hold one reader of a SQLite catalog for the block: for what asks the lake often, or from several threads.

        DuckDB opens the catalog for every transaction. Whenever it closes, SQLite tries for an exclusive lock, to clean
        up, and who opens it at that moment sleeps for a second (DuckDB's SQLite knows no shorter sleep). While a
        reader holds it the moment is short; threads keep out of each other's by `looking`.
        """
        if not self.is_embedded:
            yield
            return
        with self.snapshot():
            yield

    def run(self, purpose: str, body: Callable[[Connection], Result], *, attempts: int = 12) -> Result:
        """Run `body` in a transaction, again when a concurrent writer's commit conflicts (PostgreSQL catalog).

        DuckLake itself retries commits that do not conflict logically; what reaches this loop are two writers that
        replaced the same rows. `body` runs once an attempt, so it must have no effect outside its connection.

        Raises:
            duckdb.TransactionException: still in conflict after `attempts`.
        """
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction(purpose) as connection:
                    return body(connection)
            except duckdb.TransactionException:
                if attempt == attempts:
                    raise
                # Full jitter: writers that met once must not meet again.
                time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))  # noqa: S311 - no secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    def query(self, sql: str) -> Answer:
        """Run one reading statement on the lake attached read-only, with the operations store as `ops`.

        Raises:
            duckdb.Error: the statement is wrong, or it writes.
        """
        connection = self.connect(read_only=True, operations=True)
        try:
            result = connection.execute(sql)
            return Answer([column[0] for column in result.description or []], result.fetchall())
        finally:
            connection.close()

    def give_back_memory(self, *, kept: int = _KEPT_MEMORY) -> None:
        """Return to the system what DuckDB's and Arrow's allocators keep of freed memory; takes some 10 ms.

        By themselves they keep it for seconds, so that what one step has freed adds to the memory of the next. Setting
        a limit, also to the same value, is the one statement that makes DuckDB let go.

        Args:
            kept: a process that has fewer bytes in use (resident) keeps what it freed: the next step takes it again.
        """
        if psutil.Process().memory_info().rss < kept:
            return
        pa.default_memory_pool().release_unused()
        with self._connected() as connection:
            connection.execute(f"SET GLOBAL memory_limit = {quoted(self.settings.lake.memory_limit)}")

    def close(self) -> None:
        """Close the instance; connections that are still open keep it alive until they close."""
        with self._opening:
            while self._idle:
                self._idle.pop().close()
            if self._instance is not None:
                self._instance.close()
                self._instance = None

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        # Kept for the next transaction: making one costs about 10 ms of catalog work.
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _queue(self, purpose: str) -> AbstractContextManager[None]:
        if self.catalog_file is None:
            return nullcontext()
        return writers_lock(self.catalog_file.with_suffix(".lock"), purpose, self.settings.lake.lock_timeout_seconds)

    def _open(self, *, read_only: bool) -> Connection:
        if self.catalog_file and read_only and not self.catalog_file.exists():
            raise LakeError(
                f"There is no lake at {self.catalog_file} yet: run the pipeline once, or check the data directory."
            )
        if self.catalog_file:
            self.catalog_file.parent.mkdir(parents=True, exist_ok=True)
        limits = self.settings.lake
        own: dict[str, str | int | bool] = {
            "memory_limit": limits.memory_limit,
            "threads": limits.threads,
            # Only the project's own SQL runs here, see `extensions`.
            "allow_unsigned_extensions": True,
        }
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "temp_directory": str(instance_directory(self._temporary)),
                **({"memory_limit": limits.query_memory_limit} if read_only else own),
            },
        )
        try:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            if not read_only:
                return_large_blocks()
            load_extension(connection, "ducklake")
            load_extension(connection, "sqlite_scanner" if self.is_embedded else "postgres_scanner")
            if "://" in self.data_path:
                load_extension(connection, "httpfs")
            elif not read_only:
                # What was read of local files is in the system's cache; a second copy adds up over a build's days.
                connection.execute("SET GLOBAL enable_external_file_cache = false")
            with nullcontext() if read_only else self._first_opening():
                self._attach(connection, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _first_opening(self) -> Generator[None]:
        """The first opening creates the catalog's tables; two at once have damaged catalogs, so it queues."""
        file = self.catalog_file
        ready = file.with_suffix(".ready") if file else None
        if file is None or ready is None or (file.exists() and ready.exists()):
            yield
            return
        with self._queue("create the catalog"):
            yield
            ready.touch()

    def _attach(self, connection: Connection, *, read_only: bool) -> None:
        options = [f"DATA_PATH {quoted(self.data_path)}"]
        if read_only:
            options.append("READ_ONLY")
        if self.is_embedded:
            options.append(f"META_BUSY_TIMEOUT {_BUSY_TIMEOUT_MILLISECONDS}")
            if not read_only:
                options.append("META_JOURNAL_MODE 'WAL'")
            if self.settings.lake.data_path is None:
                # The data lies beside its catalog, so a moved or restored data directory keeps working.
                options.append("OVERRIDE_DATA_PATH true")
        statement = f"ATTACH {quoted('ducklake:' + self.catalog)} AS lake ({', '.join(options)})"
        try:
            try:
                connection.execute(statement)
            except duckdb.Error as error:
                if self.is_embedded or "initialize DuckLake" not in str(error):
                    raise
                # Another process created the catalog's tables at the same moment: now they are there.
                time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - no secret
                connection.execute(statement)
        except duckdb.Error as error:
            # libpq puts the connection string, password included, into some of its messages.
            raise LakeError(
                f"Could not open the lake's catalog {_without_password(self.catalog)}: {_without_password(str(error))} "
                "Check ORDER_PIPELINE_LAKE__CATALOG, ORDER_PIPELINE_LAKE__DATA_PATH and who may read them."
            ) from None


@contextmanager
def looking_in(connection: Connection, catalog: str) -> Generator[None]:
    """Within the block, names without a catalog are looked up in `catalog` (`lake`, `memory`) before the built-in ones.

    Functions are such names: where `lake` comes first, `count(*)` over a table that is no part of it asks the catalog's
    database, for two milliseconds and with the wait that `Lake.kept_open` tells of. So work that hardly needs the lake
    is done looking in `memory`, and names it.
    """
    before = connection.execute("SELECT current_catalog()").fetchone()
    connection.execute(f"USE {catalog}")
    restore = f"USE {before[0] if before else 'lake'}"
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # a transaction that has failed takes no statement
            connection.execute(restore)
        raise
    connection.execute(restore)


def relations(connection: Connection) -> set[str]:
    """The lake's tables and views, `<schema>.<name>`. `duckdb_tables()` would count each table's rows to tell them."""
    rows = connection.execute(
        "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_columns() WHERE database_name = 'lake'"
    ).fetchall()
    return {name for (name,) in rows}


def snapshot_id(connection: Connection) -> int:
    """The number of the snapshot this connection reads: `AT (VERSION => n)` shows the same state later."""
    row = connection.execute("SELECT id FROM lake.current_snapshot()").fetchone()
    assert row is not None  # noqa: S101 - a lake has a snapshot from its creation on
    return int(row[0])


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:  # the failed commit has already ended the transaction
        return


def _without_password(text: str) -> str:
    return re.sub(r"(password\s*=\s*)('[^']*'|\S+)|(?<=:)[^:@/\s]+(?=@)", r"\1***", text)
