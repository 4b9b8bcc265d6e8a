"""Where the lake is, and how a DuckDB instance opens it: extensions, limits, and the catalog attached as `lake`."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb

from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse.lake.extensions import Extension
from order_pipeline.warehouse.lake.instance import open_instance
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.writers_lock import writers_lock

Connection: TypeAlias = duckdb.DuckDBPyConnection

_BUSY_TIMEOUT_MILLISECONDS = 5000


class LakeError(RuntimeError):
    """The lake could not be opened or written; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The addresses of a lake.

    Attributes:
        address: of the catalog, as DuckLake takes it: `sqlite:<file>` or `postgres:<libpq string>`.
        data_path: directory or URL of the Parquet files, with a slash at its end.
        is_movable: the files lie beside the catalog, so the catalog's own note of their path is not followed.
        spill: directory under which the processes of this lake spill.
        limits: memory, threads and waiting times.
    """

    address: str
    data_path: str
    is_movable: bool
    spill: Path
    limits: LakeSettings

    @classmethod
    def named_by(cls, settings: Settings) -> Catalog:
        """The lake of these settings."""
        directory = settings.data_dir.resolve()
        return cls(
            address=settings.lake.catalog or f"sqlite:{directory / 'catalog.sqlite'}",
            data_path=settings.lake.data_path or f"{directory / 'lake'}/",
            is_movable=settings.lake.data_path is None,
            spill=directory / "tmp",
            limits=settings.lake,
        )

    @property
    def file(self) -> Path | None:
        """The SQLite file; None when the catalog is a server."""
        return Path(self.address.removeprefix("sqlite:")) if self.address.startswith("sqlite:") else None

    @contextmanager
    def writing(self, purpose: str) -> Generator[None]:
        """Hold the writers' lock of an embedded lake; another one needs none.

        Raises:
            LakeBusyError: another writer held the lake longer than the setting allows.
        """
        if self.file is None:
            yield
            return
        with writers_lock(self.file.with_suffix(".lock"), purpose, self.limits.lock_timeout_seconds):
            yield

    def open(self, *, read_only: bool) -> Connection:
        """A DuckDB instance of its own with the catalog attached as `lake`, which is made when there is none.

        Raises:
            LakeError: there is nothing to read, or the catalog could not be opened.
        """
        if self.file and read_only and not self.file.exists():
            raise LakeError(f"There is no lake at {self.file} yet: run the pipeline once, or check the data directory.")
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = self._open_instance(read_only=read_only)
        try:
            if read_only:
                self._attach(connection, "READ_ONLY")
            else:
                # The system caches local files already; a copy in DuckDB's memory grows with all that a run reads.
                connection.execute(f"SET GLOBAL enable_external_file_cache = {'://' in self.data_path}")
                self._attach_or_create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_instance(self, *, read_only: bool) -> Connection:
        extensions: list[Extension] = ["ducklake", "sqlite_scanner" if self.file else "postgres_scanner"]
        if "://" in self.data_path:
            extensions.append("httpfs")
        return open_instance(
            self.spill,
            memory_limit=self.limits.query_memory_limit if read_only else self.limits.memory_limit,
            threads=None if read_only else self.limits.threads,
            extensions=extensions,
        )

    def _attach_or_create(self, connection: Connection) -> None:
        """Attach for writing. Two processes that create a catalog's tables at once damage it, so the first queues."""
        options = ["META_JOURNAL_MODE 'WAL'"] if self.file else []
        ready = self.file.with_suffix(".ready") if self.file else None
        if self.file is None or ready is None or (self.file.exists() and ready.exists()):
            self._attach(connection, *options)
            return
        with self.writing("create the catalog"):
            self._attach(connection, *options)
            ready.touch()

    def _attach(self, connection: Connection, *options: str) -> None:
        given = [f"DATA_PATH {quoted(self.data_path)}", *options]
        if self.file:
            given.append(f"META_BUSY_TIMEOUT {_BUSY_TIMEOUT_MILLISECONDS}")
            if self.is_movable:
                given.append("OVERRIDE_DATA_PATH true")
        statement = f"ATTACH {quoted('ducklake:' + self.address)} AS lake ({', '.join(given)})"
        try:
            try:
                connection.execute(statement)
            except duckdb.Error as error:
                if self.file or "initialize DuckLake" not in str(error):
                    raise
                # Another process created the catalog's tables at the same moment: now they are there.
                time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - no secret
                connection.execute(statement)
        except duckdb.Error as error:
            # libpq puts the connection string, password included, into some of its messages.
            raise LakeError(
                f"Could not open the lake's catalog {_without_password(self.address)}: {_without_password(str(error))} "
                "Check ORDER_PIPELINE_LAKE__CATALOG, ORDER_PIPELINE_LAKE__DATA_PATH and who may read them."
            ) from None


def _without_password(text: str) -> str:
    return re.sub(r"(password\s*=\s*)('[^']*'|\S+)|(?<=:)[^:@/\s]+(?=@)", r"\1***", text)
