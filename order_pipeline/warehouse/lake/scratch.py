"""A build's scratch space: a database beside the lake, seen by every connection of the process.

Temporary tables would be invisible to the transaction's connection; these are not. They are held in memory, count
against the lake's memory limit and spill to its temporary directory. Does not belong here: what the tables hold.

It is a database file without a name, to which nothing is written: only files may have small blocks, and a database in
memory takes 256 KB for what a column holds beyond 2,048 rows and as much again beyond 16,384, several times what most
of a portion's columns need.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from order_pipeline.warehouse.lake.literals import quoted

BLOCK_BYTES = 32_768

# For the instance that scratch spaces are attached to: their files are never brought up to date.
NEVER_CHECKPOINT = ("SET GLOBAL checkpoint_threshold = '1TB'", "PRAGMA disable_checkpoint_on_shutdown")


@dataclass(frozen=True, slots=True)
class Scratch:
    """The attached database: `batch` for a step's own tables, `core` for its good rows under core's names.

    `files` is a directory for rows that wait on disk, made by who needs it.
    """

    catalog: str
    files: Path

    @property
    def batch(self) -> str:
        """Qualified schema of the step's own tables."""
        return f"{self.catalog}.main"

    @property
    def core(self) -> str:
        """Qualified schema of the good rows."""
        return f"{self.catalog}.core"


def process_directory(connection: duckdb.DuckDBPyConnection) -> Path:
    """Where this process's rows may wait on disk (see `spill`): beside what DuckDB spills there by itself."""
    directory = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    assert directory is not None  # noqa: S101 - the setting has a value
    return Path(directory[0]).parent


@contextmanager
def scratch_space(connection: duckdb.DuckDBPyConnection) -> Generator[Scratch]:
    """Attach an empty database with the two schemas, on a lake's own instance; all gone at the end of the block."""
    catalog = f"scratch_{uuid.uuid4().hex}"
    files = process_directory(connection) / catalog
    file = files.with_suffix(".duckdb")
    connection.execute(
        f"ATTACH {quoted(str(file))} AS {catalog} (BLOCK_SIZE {BLOCK_BYTES}, RECOVERY_MODE no_wal_writes)"
    )
    file.unlink()  # it stays open; a killed process leaves nothing behind
    try:
        connection.execute(f"CREATE SCHEMA {catalog}.core")
        yield Scratch(catalog, files)
    finally:
        connection.execute(f"DETACH {catalog}")
        shutil.rmtree(files, ignore_errors=True)
