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
    """The attached database: `batch` for a step's own tables, `core` for its good rows under core's names."""

    catalog: str

    @property
    def batch(self) -> str:
        """Qualified schema of the step's own tables."""
        return f"{self.catalog}.main"

    @property
    def core(self) -> str:
        """Qualified schema of the good rows."""
        return f"{self.catalog}.core"


@contextmanager
def scratch_space(connection: duckdb.DuckDBPyConnection) -> Generator[Scratch]:
    """Attach an empty in-memory database with the two schemas; dropped at the end of the block."""
    catalog = f"scratch_{uuid.uuid4().hex}"
    connection.execute(f"ATTACH ':memory:' AS {catalog}")
    try:
        connection.execute(f"CREATE SCHEMA {catalog}.core")
        yield Scratch(catalog)
    finally:
        connection.execute(f"DETACH {catalog}")
