"""What goes to whoever stages a chunk, and what comes back. Both can be pickled; the rows travel as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from order_pipeline.warehouse.core.raw_rows import RawRows, Share
from order_pipeline.warehouse.core.soft_checks import SoftWarning
from order_pipeline.warehouse.core.staging_models import BuildSql
from order_pipeline.warehouse.lake.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """A chunk to be staged.

    Attributes:
        sql: what the source's build runs.
        name: the beginning of every file's name: the build's id and the chunk's number.
        days: whole days, or one day of which it is a share.
        known_observations: of append-only tables what core has of the days that are published together.
        data_path: the lake's, with a slash at its end; files go below it.
    lake_files: ObjectStore
    spill_parent: Path | None
    """

    sql: BuildSql
    name: str
    run_id: str
    days: tuple[date, ...]
    share: Share | None
    raw: tuple[RawRows, ...]
    known_observations: Mapping[str, pa.Table]
    data_path: str
    lake_files: ObjectStore
    spill_parent: Path | None
    memory_limit: str


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """A Parquet file with good rows of one core table and day."""

    table: str
    day: date
    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """A staged chunk.

    Attributes:
        files: where its good rows are.
        rejects: what broke a hard check, columns as `FOUND_REJECTS`.
        undecided: children whose order is not in the chunk, by table; see `undecided_rows`.
        warnings: what the soft checks counted.
        unsettled_days: the days of which something is open, or a row waits for its order.
    """

    files: tuple[ChunkFile, ...]
    rejects: pa.Table
    undecided: Mapping[str, pa.Table]
    warnings: tuple[SoftWarning, ...]
    unsettled_days: frozenset[date]
