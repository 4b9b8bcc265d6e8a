"""The operations store: one SQLAlchemy engine over SQLite or PostgreSQL, and the two ways to use it.

A committed transaction survives a power cut: SQLite runs in WAL mode with `synchronous=FULL`, PostgreSQL with
`synchronous_commit=on`. Writers wait for each other. SQLite's begin with `BEGIN IMMEDIATE` and a busy timeout, so that
none fails half-way when its read lock becomes a write lock.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from order_pipeline.operations.locked import StoreBusyError, is_locked, said_when_it_waits
from order_pipeline.operations.versions import StoreVersionError, read_version, upgrade

BUSY_TIMEOUT_SECONDS = 30.0
_STORES: WeakSet[OperationsStore] = WeakSet()
_CREATE_LOCK_KEY = 7_315_202_601  # any constant: the key under which PostgreSQL serialises upgrades


def system_clock() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class OperationsStore:
    """Durable rows, one at a time, shared by processes (SQLite) or machines (PostgreSQL).

    Args:
        url: an SQLAlchemy URL: `sqlite:////path/operations.sqlite`, or `postgresql://...` (driver: psycopg).
        clock: the time of this process; tests advance it. PostgreSQL's own clock is used there, so that machines whose
            clocks differ agree on when a lease expires.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database not in {None, "", ":memory:"}:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            parsed,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False} if self.is_sqlite else {},
            hide_parameters=True,  # customers' data; an error would repeat them
        )
        if self.is_sqlite:
            event.listen(self.engine, "handle_error", _name_the_lock)
            event.listen(self.engine, "connect", _make_sqlite_durable)
            event.listen(self.engine, "begin", _begin_sqlite)
            _STORES.add(self)
        else:
            event.listen(self.engine, "connect", _make_postgres_durable)

    def create_all(self) -> None:
        """Make every missing table and upgrade those that are older; safe to call from several processes at once.

        A store that is up to date is only read.

        Raises:
            StoreVersionError: a newer version of the project wrote the store, or it cannot be upgraded now.
            StoreBusyError: another process kept the file locked.
        """
        with self.reading() as connection:  # who only reads need not wait for a writer
            if read_version(connection).is_current:
                return
        with self.writing() as connection:
            if self.is_sqlite:
                upgrade(connection)
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATE_LOCK_KEY})
                _upgrade_postgres(connection)

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A transaction that may write: durable when the block ends, rolled back when it raises."""
        with self.engine.connect().execution_options(order_pipeline_writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A consistent view for reading; never waits for a writer."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The store's time, aware, in UTC: the database's own clock where machines share it."""
        if self._clock is not None:
            return self._clock()
        if self.is_sqlite:
            return system_clock()
        moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)

    def close(self) -> None:
        """Close every pooled connection; the store can be used again afterwards."""
        self.engine.dispose()


def is_open_in_this_process(file: Path) -> bool:
    """Whether a store of this process has the SQLite file open."""
    return any(
        isinstance(pool := store.engine.pool, QueuePool)
        and pool.checkedin() + pool.checkedout() > 0
        and Path(str(store.engine.url.database)).resolve() == file.resolve()
        for store in _STORES
    )


@contextmanager
def open_store(url: str) -> Generator[OperationsStore]:
    """The store at the URL, its tables made; closed when the block ends."""
    with closing(OperationsStore(url)) as store:
        store.create_all()
        yield store


def _make_sqlite_durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: see _begin_sqlite
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten: codes, customers
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL once. SQLite does not use the busy timeout for this switch, hence the own wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    _, _, file = connection.execute("PRAGMA database_list").fetchone()
    with said_when_it_waits(file, BUSY_TIMEOUT_SECONDS):
        _switch_until(connection, file, deadline)


def _switch_until(connection: sqlite3.Connection, file: str, deadline: float) -> None:
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_locked(error):
                raise
            if time.monotonic() > deadline:
                raise StoreBusyError(file, BUSY_TIMEOUT_SECONDS, error) from error
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("order_pipeline_writes", False)
    if not writes:
        connection.exec_driver_sql("BEGIN")
        return
    with said_when_it_waits(str(connection.engine.url.database), BUSY_TIMEOUT_SECONDS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _name_the_lock(context: ExceptionContext) -> None:
    if context.engine is not None and is_locked(context.original_exception):
        file = str(context.engine.url.database)
        raise StoreBusyError(file, BUSY_TIMEOUT_SECONDS, context.original_exception) from context.original_exception


def _upgrade_postgres(connection: Connection) -> None:
    """A table is changed when nobody reads it, and a session that never ends must not hold a run forever."""
    connection.execute(text(f"SET LOCAL lock_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}"))
    try:
        upgrade(connection)
    except OperationalError as error:
        if "lock timeout" not in str(error):
            raise
        raise StoreVersionError(
            f"The operations store could not be upgraded: another session kept one of its tables for "
            f"{BUSY_TIMEOUT_SECONDS:g} s. Nothing was changed.",
            "Run this again when it has ended; SELECT pid, state, query FROM pg_stat_activity shows it.",
        ) from error


def _make_postgres_durable(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()
