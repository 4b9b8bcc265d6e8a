"""Opening the lake: a DuckDB instance with the catalog attached as `lake`."""

from __future__ import annotations

import logging
import random
import re
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb

from order_pipeline.lake_settings import LakeSettings
from order_pipeline.operations.locked import LET_IT_END, is_locked, said_when_it_waits, told
from order_pipeline.redaction.texts import redact_message
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.errors import LakeError, LakeNotMadeError
from order_pipeline.warehouse.lake.instance import Extension, open_instance
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.object_store import READING_THREADS, ObjectStore
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint
from order_pipeline.warehouse.lake.writers_lock import writers_lock

Connection: TypeAlias = duckdb.DuckDBPyConnection

_LOG = logging.getLogger(__name__)
BUSY_TIMEOUT_SECONDS = 30
"""Longest wait for a SQLite catalog that a process which is none of ours has locked."""


class CatalogLockedError(LakeError):
    """A process that is none of ours kept the SQLite catalog locked; the message names the file."""

    next_step = LET_IT_END

    def __init__(self, file: Path) -> None:
        super().__init__(f"The lake's catalog {told(str(file), BUSY_TIMEOUT_SECONDS)}")


class CatalogFormatError(LakeError):
    """An older DuckLake wrote the catalog. Rewriting it is a person's word: the older DuckLake cannot read it then."""

    next_step = "order-pipeline upgrade says what happens, and does it with --yes. Until then nothing runs."

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"The lake's catalog has DuckLake's format {found}, and this DuckLake needs {wanted}.")
        self.found = found
        self.wanted = wanted


class SnapshotNotKeptError(LakeError):
    """The lake has no snapshot of that number or time: it is older than what is kept, or never was."""

    next_step = '`order-pipeline sql "from lake.snapshots()"` lists them; LAKE__KEEP_DAYS says how long they stay.'


_NO_SNAPSHOT = re.compile(r"No snapshot found at (?:version|timestamp) [-+:.\d ]+")
_NOT_MADE = "does not exist - and creating a new DuckLake is explicitly disabled"
_OTHER_FORMAT = re.compile(r"catalog version is (\S+), but the extension requires version ([^\s.]+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The addresses of a lake.

    Attributes:
        address: of the catalog, as DuckLake takes it: `sqlite:<file>` or `postgres:<libpq string>`.
        file: the SQLite file; None when the catalog is a server.
        is_movable: the files lie beside the catalog, so the catalog's own note of their path is not followed.
        spill: directory under which the processes of this lake spill.
        limits: memory, threads and waiting times.
        files: the data path, and who may read and write there.
        rewrites_format: a catalog that an older DuckLake wrote is rewritten when it is opened for writing.
    """

    address: str
    file: Path | None
    files: ObjectStore
    is_movable: bool
    spill: Path
    limits: LakeSettings
    rewrites_format: bool = False

    @classmethod
    def named_by(cls, settings: Settings, *, rewrites_format: bool = False) -> Catalog:
        """The lake of these settings."""
        directory = settings.data_dir.resolve()
        address = settings.lake.catalog or f"sqlite:{directory / 'catalog.sqlite'}"
        return cls(
            address=address,
            file=Path(address.removeprefix("sqlite:")) if address.startswith("sqlite:") else None,
            files=ObjectStore(settings.lake.data_path or f"{directory / 'lake'}/", settings.s3),
            is_movable=settings.lake.data_path is None,
            spill=directory / "tmp",
            limits=settings.lake,
            rewrites_format=rewrites_format,
        )

    def writing(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the writers' lock of an embedded lake for the block; another one needs none.

        Raises:
            LakeBusyError: another writer held the lake longer than the setting allows.
        """
        if self.file is None:
            return nullcontext()
        return writers_lock(self.file.with_suffix(".lock"), purpose, self.limits.lock_timeout_seconds)

    def waiting(self) -> AbstractContextManager[None]:
        """For a block that may have to wait for a foreign lock on a SQLite catalog: it is said when that takes long."""
        return said_when_it_waits(str(self.file), BUSY_TIMEOUT_SECONDS) if self.file else nullcontext()

    @property
    def extensions(self) -> list[Extension]:
        """What DuckDB must load to attach it."""
        needed: list[Extension] = ["ducklake", "sqlite_scanner" if self.file else "postgres_scanner"]
        return [*needed, *self.files.extensions]

    @property
    def data_path(self) -> str:
        """Directory or URL of the Parquet files, with a slash at its end."""
        return self.files.path

    def _threads(self, *, read_only: bool) -> int | None:
        if self.files.is_remote:
            return max(READING_THREADS, self.limits.threads)
        return None if read_only else self.limits.threads

    def require_file(self) -> None:
        """Return unless the catalog is a SQLite file that is not there.

        Raises:
            LakeNotMadeError: it is.
        """
        if self.file and not self.file.exists():
            raise LakeNotMadeError(str(self.file))

    def open(self, *, read_only: bool, at: SnapshotPoint | None = None) -> Connection:
        """A DuckDB instance of its own with the catalog attached as `lake`, which is made when there is none.

        Args:
            read_only: nothing is made or written.
            at: read the lake as it was; only with `read_only`.

        Raises:
            CatalogLockedError: a process that is none of ours kept it locked.
            CatalogFormatError: an older DuckLake wrote it.
            LakeError: there is nothing to read, or the catalog could not be opened.
        """
        if read_only:
            self.require_file()
        connection = open_instance(
            self.spill,
            memory_limit=self.limits.query_memory_limit if read_only else self.limits.memory_limit,
            threads=self._threads(read_only=read_only),
            extensions=self.extensions,
        )
        try:
            self.files.reach(connection)
            if read_only:
                self._attach(connection, "READ_ONLY", *([] if at is None else [at.option]))
            else:
                # The system caches local files already; a copy in DuckDB's memory grows with all that a run reads.
                connection.execute(f"SET GLOBAL enable_external_file_cache = {self.files.is_remote}")
                self._attach_or_create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach_or_create(self, connection: Connection) -> None:
        """Attach for writing. Two processes that create a catalog's tables at once damage it, so the first queues."""
        if self.file is None:
            self._attach(connection)
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        ready = self.file.with_suffix(".ready")
        is_made = self.file.exists() and ready.exists()
        with nullcontext() if is_made else self.writing("create the catalog"):
            self._attach(connection, "META_JOURNAL_MODE 'WAL'")
            self._name_files_of_its_own(connection, self.file)
            ready.touch()

    def _name_files_of_its_own(self, connection: Connection, file: Path) -> None:
        """Mend the path in the catalog of a directory that was copied or moved.

        The path is absolute, for DuckLake takes a relative one from the reader's working directory. We do not follow
        it, but plain DuckDB does: it would read and write the files of the directory from which the copy was made.
        """
        if not self.is_movable:
            return
        table = "__ducklake_metadata_lake.ducklake_metadata"
        where = "WHERE key = 'data_path' AND scope IS NULL"
        try:
            # All rows are taken: a result that is not read to its end keeps the catalog's log from being emptied.
            noted = [path for (path,) in connection.execute(f"SELECT value FROM {table} {where}").fetchall()]
            if noted in ([], [self.data_path]):
                return
            connection.execute(f"UPDATE {table} SET value = ? {where}", [self.data_path])
        except duckdb.Error as error:
            if is_locked(error):  # the next opening mends it
                return
            raise
        _LOG.warning("%s was copied or moved: it named the files in %s, and names its own now.", file, noted[0])

    def attach_statement(self, *options: str) -> str:
        """The SQL that attaches the catalog as `lake`.

        Args:
            options: of DuckLake's ATTACH, beside those that the catalog itself asks for: `READ_ONLY`.
        """
        given = [f"DATA_PATH {quoted(self.data_path)}", *options]
        if self.file:
            given.append(f"META_BUSY_TIMEOUT {BUSY_TIMEOUT_SECONDS * 1000}")
            if self.is_movable:
                given.append("OVERRIDE_DATA_PATH true")
        if self.rewrites_format and "READ_ONLY" not in options:
            given.append("AUTOMATIC_MIGRATION true")
        return f"ATTACH {quoted('ducklake:' + self.address)} AS lake ({', '.join(given)})"

    def _attach(self, connection: Connection, *options: str) -> None:
        statement = self.attach_statement(*options)
        try:
            try:
                with self.waiting():
                    connection.execute(statement)
            except duckdb.Error as error:
                if self.file or "initialize DuckLake" not in str(error):
                    raise
                # Another process created the catalog's tables at the same moment: now they are there.
                time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - no secret
                connection.execute(statement)
        except duckdb.Error as error:
            if self.file and is_locked(error):
                raise CatalogLockedError(self.file) from None
            if format_found := _OTHER_FORMAT.search(str(error)):
                raise CatalogFormatError(*format_found.groups()) from None
            if _NOT_MADE in str(error):
                raise LakeNotMadeError(redact_message(self.address)) from None
            if missing := _NO_SNAPSHOT.search(str(error)):
                raise SnapshotNotKeptError(f"{missing.group()} in the lake.") from None
            # libpq puts the connection string, password included, into some of its messages.
            raise LakeError(
                f"Could not open the lake's catalog {redact_message(self.address)}: {redact_message(str(error))} "
                "Check ORDER_PIPELINE_LAKE__CATALOG, ORDER_PIPELINE_LAKE__DATA_PATH and who may read them."
            ) from None
