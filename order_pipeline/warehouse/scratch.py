"""A build's scratch space: an in-memory database beside the lake, seen by every connection of the process.

Temporary tables would be invisible to the transaction's connection; these are not. They count against the lake's memory
limit and spill to its temporary directory. Does not belong here: what the tables hold.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True, slots=True)
class Scratch:
    """Qualified schema names: `batch` for a portion's tables, `core` for the build's good rows under core's names."""

    batch: str
    core: str


@contextmanager
def scratch_space(connection: duckdb.DuckDBPyConnection) -> Generator[Scratch]:
    """Attach an empty in-memory database with the two schemas; dropped at the end of the block."""
    catalog = f"scratch_{uuid.uuid4().hex}"
    connection.execute(f"ATTACH ':memory:' AS {catalog}")
    try:
        connection.execute(f"CREATE SCHEMA {catalog}.core")
        yield Scratch(batch=f"{catalog}.main", core=f"{catalog}.core")
    finally:
        connection.execute(f"DETACH {catalog}")
