"""A chunk's raw rows: read from the lake's Parquet files, without its catalog.

The plan finds the files, and which of the versions in them are not simply current (`find_raw_rows`). A chunk makes of
them the relations `raw.<table>` and `raw.<table>_current` that the SQL models read (`open_raw_rows`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.lake.connection import relations
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.raw.tables import RAW_COLUMNS
from order_pipeline.warehouse.raw.versions import current_versions

# DuckDB reads JSON numbers as doubles: exact up to 15 significant digits. More digits outside a string (the character
# before is no quote) may be a number that was rounded.
_LONG_NUMBER = r"[:\[,\s]-?[0-9][0-9.eE+-]{15,}"

# Python refuses to read integers of more than 4300 digits; those of more than 18 may be rounded by DuckDB too.
_LONGEST_INTEGER = 18

_DAY_OF_FILE = re.compile(r"/partition_day=(\d{4}-\d{2}-\d{2})/")
_FILES_TRIED = 3
_USUAL_RATIO = 10.0

_NO_ROWS = f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in RAW_COLUMNS.items())} WHERE false"


@dataclass(frozen=True, slots=True)
class RawFile:
    """A Parquet file of raw rows.

    Attributes:
        path: where it is.
        day: None where it may hold several.
        payload_bytes: an estimate.
        deletes: the file that lists which of its rows were deleted, if any were.
    """

    path: str
    day: date | None
    payload_bytes: float
    deletes: str | None


@dataclass(frozen=True, slots=True)
class RawRows:
    """The stored versions of one resource in some days.

    Attributes:
        table: its name in the schema `raw`.
        files: they hold all versions of these days, and perhaps of others.
        exceptions: versions that are superseded (`current_since` is NULL) or came back (since then), by record_id and
            content_sha256; mostly none.
    """

    table: str
    files: Sequence[RawFile]
    exceptions: pa.Table


@dataclass(frozen=True, slots=True)
class Share:
    """One of `count` shares of a day. An order's records all have its id, so they meet in one share."""

    number: int
    count: int


def find_raw_files(
    connection: duckdb.DuckDBPyConnection, source: str, resources: Iterable[str], days: Collection[date]
) -> dict[str, list[RawFile]]:
    """The files that hold the raw rows of the days: resource -> files; a resource that was never fetched has none.

    Args:
        connection: in a read transaction of the lake.
        source: the channel.
        resources: those that its models read.
        days: the days whose rows are wanted.
    """
    existing = relations(connection)
    return {
        name: _files(connection, f"{source}_{name}", days) if f"raw.{source}_{name}" in existing else []
        for name in resources
    }


def find_raw_rows(
    connection: duckdb.DuckDBPyConnection, source: str, files: Mapping[str, Sequence[RawFile]], days: Collection[date]
) -> tuple[RawRows, ...]:
    """The files of the resources, and which versions in them are not simply current."""
    return tuple(
        RawRows(
            f"{source}_{name}",
            of_resource,
            _exceptions(connection, source, name, days) if of_resource else pa.table({}),
        )
        for name, of_resource in files.items()
    )


def open_raw_rows(
    connection: duckdb.DuckDBPyConnection,
    rows: RawRows,
    days: Collection[date],
    share: Share | None,
    *,
    exact: bool = False,
) -> None:
    """Make `raw.<table>` and `raw.<table>_current`, views: models parse the payloads as they come from disk.

    `exact`: payloads show very long numbers as strings of their own digits; `create_numbers_as_text` comes before.
    """
    table, files = f"raw.{rows.table}", [file for file in rows.files if file.day is None or file.day in days]
    connection.execute(f"CREATE OR REPLACE VIEW {table} AS {_stored(files, days, share, exact=exact)}")
    current = f"SELECT *, fetched_at AS current_since FROM {table}"
    if rows.exceptions.num_rows:
        connection.register("exceptions", rows.exceptions)
        connection.execute(f"CREATE OR REPLACE TABLE {table}_exceptions AS SELECT * FROM exceptions")
        connection.unregister("exceptions")
        current = f"""
            SELECT versions.*, coalesce(exceptions.current_since, versions.fetched_at) AS current_since
            FROM {table} AS versions LEFT JOIN {table}_exceptions AS exceptions USING (record_id, content_sha256)
            WHERE exceptions.record_id IS NULL OR exceptions.current_since IS NOT NULL
        """
    connection.execute(f"CREATE OR REPLACE VIEW {table}_current AS {current}")


def create_numbers_as_text(connection: duckdb.DuckDBPyConnection) -> None:
    """Let SQL call `numbers_as_text`."""
    connection.create_function("numbers_as_text", numbers_as_text, ["VARCHAR"], "VARCHAR")  # pyright: ignore[reportArgumentType]


def numbers_as_text(payload: str) -> str:
    """The same JSON with every number that is not a short integer as a string of its own digits.

    What Python does not read, for its depth or for half a character in it, stays as it is.
    """
    try:
        document = json.loads(payload, parse_float=str, parse_int=_short_integer)
        exact = json.dumps(document, ensure_ascii=False)
        exact.encode()
    except (ValueError, RecursionError):
        return payload
    return exact


def _short_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _stored(files: Sequence[RawFile], days: Collection[date], share: Share | None, *, exact: bool) -> str:
    if not files:
        return _NO_ROWS
    payload = (
        f"CASE WHEN regexp_matches(payload, {quoted(_LONG_NUMBER)}) THEN numbers_as_text(payload) ELSE payload END"
    )
    columns = ", ".join(f"{payload} AS payload" if exact and name == "payload" else name for name in RAW_COLUMNS)
    conditions = [f"partition_day IN ({date_list(days)})"]
    if share:
        conditions.append(f"hash(record_id) % {share.count} = {share.number}")
    if deletes := _paths(file.deletes for file in files):
        deleted = f"SELECT parse_filename(file_path), pos FROM read_parquet([{deletes}])"
        conditions.append(f"(parse_filename(filename), file_row_number) NOT IN ({deleted})")
    paths = _paths(file.path for file in files)
    options = f"hive_partitioning = false{', filename = true, file_row_number = true' if deletes else ''}"
    return f"SELECT {columns} FROM read_parquet([{paths}], {options}) WHERE {' AND '.join(conditions)}"


def _paths(files: Iterable[str | None]) -> str:
    return ", ".join(quoted(file) for file in files if file)


def _files(connection: duckdb.DuckDBPyConnection, table: str, days: Collection[date]) -> list[RawFile]:
    listed = connection.execute(
        "SELECT data_file, data_file_size_bytes, delete_file FROM ducklake_list_files('lake', ?, schema => 'raw')",
        [table],
    ).fetchall()
    named = [(path, _day_of(path), size, deletes) for path, size, deletes in listed]
    wanted = [file for file in named if file[1] is None or file[1] in days]
    if not wanted:
        return []
    # One file tells how far the payloads are compressed; the catalog knows the sizes of all.
    ratio = _payload_ratio(connection, sorted(((size, path) for path, _, size, _ in wanted), reverse=True))
    return [RawFile(path, day, size * ratio, deletes) for path, day, size, deletes in wanted]


def _day_of(path: str) -> date | None:
    found = _DAY_OF_FILE.search(path)
    return date.fromisoformat(found[1]) if found else None


def _payload_ratio(connection: duckdb.DuckDBPyConnection, largest_first: Sequence[tuple[int, str]]) -> float:
    """Payload bytes to file bytes, as the first readable file tells it. A lost file stops its own day alone, later."""
    with closing(connection.cursor()) as apart:  # a file that cannot be read would end the transaction
        for size, path in largest_first[:_FILES_TRIED]:
            try:
                found = apart.execute(
                    f"SELECT sum(total_uncompressed_size) FROM parquet_metadata({quoted(path)})"
                    " WHERE path_in_schema = 'payload'"
                ).fetchone()
            except duckdb.Error:
                continue
            return float(found[0] or 0) / size if found else 0.0
    return _USUAL_RATIO


def _exceptions(connection: duckdb.DuckDBPyConnection, source: str, name: str, days: Collection[date]) -> pa.Table:
    in_days = f"partition_day IN ({date_list(days)})"
    return connection.execute(
        f"""
        SELECT versions.record_id, versions.content_sha256, current.current_since
        FROM raw.{source}_{name} AS versions
        LEFT JOIN ({current_versions(source, name, in_days)}) AS current USING (record_id, content_sha256)
        WHERE versions.{in_days}
            AND (current.record_id IS NULL OR current.current_since > versions.fetched_at)
        """
    ).to_arrow_table()
