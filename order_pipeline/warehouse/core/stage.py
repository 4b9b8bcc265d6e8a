"""Staging a chunk: raw rows in, checked Parquet files out.

`stage_chunk` opens a DuckDB of its own, uses it from one thread and closes it, so memory is given back and what spills
lies in a directory of its own. It never opens the lake's catalog: it can run in another process or on another machine.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, ContractError, TableContract, create_table_statements, table_contract
from order_pipeline.warehouse.core.chunk import ChunkFile, ChunkResult, ChunkTask
from order_pipeline.warehouse.core.hard_checks import (
    StagedTable,
    check_parents,
    check_rows,
    create_failures,
    staged_table,
)
from order_pipeline.warehouse.core.observations import new_observations
from order_pipeline.warehouse.core.raw_rows import create_numbers_as_text, open_raw_rows
from order_pipeline.warehouse.core.rejects import found_rejects, undecided_rows, with_failures
from order_pipeline.warehouse.core.soft_checks import find_warnings
from order_pipeline.warehouse.lake.instance import open_instance
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.memory import naming_memory_limit
from order_pipeline.warehouse.sql.project import SEED_SCHEMA
from order_pipeline.warehouse.sql.slice import run_model, run_models, run_view

# Doubles hold four decimals exactly below 2^53 / 10^4, about 9.007e11; a larger amount may have been rounded.
LARGEST_EXACT = 900_000_000_000

_FILE_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 32768"


@dataclass(frozen=True, slots=True)
class RecordOfChunk:
    """A record of a chunk: the resource's table that last got a version of it, and that version's day and content."""

    table: str
    record_id: str
    day: date
    content_sha256: str


def stage_chunk(task: ChunkTask) -> ChunkResult:
    """Type, check and write the rows of a chunk.

    Raises:
        ContractError, SqlModelError: a defect of the SQL, not of the data. Files may have been written; nobody reads
            them.
    """
    with _database(task) as connection:
        tables = _stage(connection, task)
        _make_good_rows(connection, task, tables.values(), [name for name in CORE_TABLES if name != "prices"])
        for staged in tables.values():
            check_rows(connection, staged, task.sql.source, task.run_id)
        for staged in tables.values():
            check_parents(connection, staged, tables.get("orders"))
        warnings = find_warnings(connection, task.sql.checks)
        run_model(connection, task.sql.line_prices)  # what the good lines were sold at
        line_prices = staged_table(connection, "prices", task.sql.line_prices.relation)
        check_rows(connection, line_prices, task.sql.source, task.run_id)
        all_tables = [*tables.values(), line_prices]
        _make_good_rows(connection, task, all_tables, ["prices"])
        failed = with_failures(connection, all_tables)
        undecided = undecided_rows(connection, failed, task.run_id)
        return ChunkResult(
            files=tuple(file for table in CORE_TABLES for file in _write(connection, task, table)),
            rejects=found_rejects(connection, failed),
            undecided=undecided,
            warnings=tuple(warnings),
            unsettled_days=_unsettled_days(connection, task, undecided),
        )


def records_of_chunk(task: ChunkTask) -> list[RecordOfChunk]:
    """Two records of a chunk, or one where it has no other: enough to know whether it can be halved."""
    with _database(task) as connection:
        for rows in task.raw:
            open_raw_rows(connection, rows, task.days, task.share)
        stored = " UNION ALL ".join(
            f"SELECT '{rows.table}' AS table_name, record_id, partition_day, content_sha256, fetched_at"
            f" FROM raw.{rows.table}_current"
            for rows in task.raw
        )
        found = connection.execute(
            "SELECT last.table_name, record_id, last.partition_day, last.content_sha256 FROM ("
            f" SELECT record_id, arg_max(stored, (fetched_at, table_name)) AS last FROM ({stored}) AS stored"
            " GROUP BY record_id LIMIT 2)"
        )
        return [RecordOfChunk(*row) for row in found.fetchall()]


@contextmanager
def _database(task: ChunkTask) -> Generator[duckdb.DuckDBPyConnection]:
    """A database with the lake's schemas, the seeds and the chunk's raw rows."""
    with (
        naming_memory_limit(
            f"staging core of {task.sql.source}, {task.days[0]} to {task.days[-1]}",
            "ORDER_PIPELINE_LAKE__BUILD_MEMORY_LIMIT",
            task.memory_limit,
            "lower ORDER_PIPELINE_LAKE__BUILD_CHUNK_BYTES",
        ),
        _instance(task) as connection,
    ):
        yield connection


@contextmanager
def _instance(task: ChunkTask) -> Generator[duckdb.DuckDBPyConnection]:
    connection = open_instance(
        _spill_parent(task),
        memory_limit=task.memory_limit,
        threads=1,
        extensions=task.lake_files.extensions,
    )
    try:
        task.lake_files.reach(connection)
        # What was read of local files is in the system's cache already.
        connection.execute(f"SET GLOBAL enable_external_file_cache = {task.lake_files.is_remote}")
        for schema in task.sql.schemas:
            connection.execute(f"CREATE SCHEMA {schema}")
        for name, rows in task.sql.seeds.items():
            connection.register("seed", rows)
            connection.execute(f"CREATE TABLE {SEED_SCHEMA}.{name} AS SELECT * FROM seed")
            connection.unregister("seed")
        create_failures(connection)
        yield connection
    finally:
        connection.close()


def _spill_parent(task: ChunkTask) -> Path:
    """The task's, or one of this machine's for its user alone."""
    return task.spill_parent or Path(tempfile.gettempdir(), f"order-pipeline-spill-{os.getuid()}")


def _stage(connection: duckdb.DuckDBPyConnection, task: ChunkTask) -> dict[str, StagedTable]:
    """Type the rows; again with exact payloads, where a number may have been rounded."""
    tables = _run(connection, task, exact=False)
    if _has_rounded_numbers(connection, tables.values()):
        create_numbers_as_text(connection)
        tables = _run(connection, task, exact=True)
    return tables


def _run(connection: duckdb.DuckDBPyConnection, task: ChunkTask, *, exact: bool) -> dict[str, StagedTable]:
    for rows in task.raw:
        open_raw_rows(connection, rows, task.days, task.share, exact=exact)
    run_models(connection, task.sql.models, kept=task.sql.staged.values())
    return {table: staged_table(connection, table, relation) for table, relation in task.sql.staged.items()}


def _has_rounded_numbers(connection: duckdb.DuckDBPyConnection, tables: Iterable[StagedTable]) -> bool:
    suspects: list[str] = []
    for staged in tables:
        large = [
            f"{column.name} NOT BETWEEN -{LARGEST_EXACT} AND {LARGEST_EXACT}"
            for column in staged.contract.columns
            if column.duckdb_type in {"DECIMAL(18,4)", "DECIMAL(18,3)"} and column.name in staged.columns
        ]
        if large:
            suspects.append(f"EXISTS (SELECT 1 FROM {staged.relation} WHERE {' OR '.join(large)})")
    found = connection.execute(f"SELECT {' OR '.join(suspects) or 'false'}").fetchone()
    return bool(found and found[0])


def _make_good_rows(
    connection: duckdb.DuckDBPyConnection, task: ChunkTask, tables: Iterable[StagedTable], names: Iterable[str]
) -> None:
    """Make `core.<table>` of the chunk's database: a view over the rows of which no check noted anything."""
    for name in names:
        parts = [staged.good_rows(task.run_id) for staged in tables if staged.contract.name == name]
        (empty_table,) = create_table_statements(CORE_TABLES[name], "core", partitioned=False)
        connection.execute(f"CREATE VIEW core.{name} AS {' UNION ALL '.join(parts)}" if parts else empty_table)


def _unsettled_days(
    connection: duckdb.DuckDBPyConnection, task: ChunkTask, undecided: Mapping[str, pa.Table]
) -> frozenset[date]:
    run_view(connection, task.sql.unsettled_days)
    found = connection.execute(f"SELECT order_day FROM {task.sql.unsettled_days.relation}").fetchall()
    waiting = (rows.column("order_day").to_pylist() for rows in undecided.values())
    return frozenset({day for (day,) in found}.union(*waiting))


def _write(connection: duckdb.DuckDBPyConnection, task: ChunkTask, table: str) -> list[ChunkFile]:
    """Write the good rows of a table, a file a day, into the table's own hive directories.

    Raises:
        ContractError: a row of another source or day, or a NULL where the contract allows none.
    """
    contract = table_contract(CORE_TABLES[table])
    rows = f"SELECT * FROM core.{table}"
    if contract.append_only:
        rows = new_observations(connection, contract, task.known_observations[table])
    directory = f"{task.data_path}core/{table}"
    if "://" not in directory:
        Path(directory).mkdir(parents=True, exist_ok=True)
    written = connection.execute(
        f"COPY ({rows}) TO {quoted(directory)} ({_FILE_OPTIONS}, PARTITION_BY (source, order_day),"
        f" WRITE_PARTITION_COLUMNS true, FILENAME_PATTERN '{task.name}-{{i}}',"
        " OVERWRITE_OR_IGNORE true, RETURN_STATS true)"
    )
    names = [column[0] for column in written.description]
    return [_file(task, contract, dict(zip(names, row, strict=True))) for row in written.fetchall()]


def _file(task: ChunkTask, contract: TableContract, written: Mapping[str, Any]) -> ChunkFile:
    day = date.fromisoformat(written["partition_keys"]["order_day"])
    source = written["partition_keys"]["source"]
    statistics = written["column_statistics"]
    missing = [
        column.name
        for column in contract.columns
        if not (column.nullable or column.duckdb_type.endswith("[]"))
        and statistics.get(f'"{column.name}"', {}).get("null_count") != "0"
    ]
    if source != task.sql.source or day not in task.days or missing:
        raise ContractError(
            f"Staged rows of {contract.name} are of {source} on {day}, in a build of {task.sql.source}, and lack values"
            f" in {missing}. Nothing was stored; correct the model stg_{task.sql.source}__{contract.name}."
        )
    return ChunkFile(contract.name, day, written["filename"], written["count"])
