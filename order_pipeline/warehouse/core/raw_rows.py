"""A chunk's raw rows: read from the lake's Parquet files, without its catalog.

The plan finds the files, and which of the versions in them are not simply current (`find_raw_rows`). A chunk makes of
them the relations `raw.<table>` and `raw.<table>_current` that the SQL models read (`open_raw_rows`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.lake.connection import relations
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.raw.versions import current_versions, has_one_version_each

# DuckDB reads JSON numbers as doubles: exact up to 15 significant digits. More digits outside a string (the character
# before is no quote) may be a number that was rounded.
_LONG_NUMBER = r"[:\[,\s]-?[0-9][0-9.eE+-]{15,}"

# Python refuses to read integers of more than 4300 digits; those of more than 18 may be rounded by DuckDB too.
_LONGEST_INTEGER = 18

_DAY_OF_FILE = re.compile(r"/partition_day=(\d{4}-\d{2}-\d{2})/")
_COLUMNS = {
    "record_id": "VARCHAR",
    "partition_day": "DATE",
    "content_sha256": "VARCHAR",
    "payload": "VARCHAR",
    "fetched_at": "TIMESTAMPTZ",
    "sequence": "BIGINT",
    "run_id": "VARCHAR",
}
_NO_ROWS = f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in _COLUMNS.items())} WHERE false"


@dataclass(frozen=True, slots=True)
class RawFile:
    """A Parquet file of raw rows. `day` is None where it may hold several; `payload_bytes` is an estimate."""

    path: str
    day: date | None
    payload_bytes: float


@dataclass(frozen=True, slots=True)
class RawRows:
    """The stored versions of one resource in some days.

    Attributes:
        table: its name in the schema `raw`.
        files: they hold all versions of these days, and perhaps of others.
        exceptions: versions that are superseded (`current_since` is NULL) or came back (since then), by record_id and
            content_sha256; None: there are none.
    """

    table: str
    files: tuple[RawFile, ...]
    exceptions: pa.Table | None


@dataclass(frozen=True, slots=True)
class Share:
    """One of `count` shares of a day. An order's records all have its id, so they meet in one share."""

    number: int
    count: int

    @property
    def condition(self) -> str:
        """SQL over raw rows."""
        return f"hash(record_id) % {self.count} = {self.number}"


def find_raw_files(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    resources: Iterable[str],
    days: Collection[date],
    copies: str | None = None,
) -> dict[str, tuple[RawFile, ...]]:
    """The files that hold the raw rows of the days: resource -> files; a resource that was never fetched has none.

    Args:
        connection: in a read transaction of the lake.
        source: the channel.
        resources: those that its models read.
        days: the days whose rows are wanted.
        copies: path without its end; rows that no file holds as they are (some were deleted, or they lie in the
            catalog) are copied to files of this name. None: only the sizes are wanted.
    """
    existing = relations(connection)
    found: dict[str, tuple[RawFile, ...]] = {}
    for name in resources:
        table = f"{source}_{name}"
        found[name] = tuple(_files(connection, table, days, copies)) if f"raw.{table}" in existing else ()
    return found


def find_raw_rows(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    files: dict[str, tuple[RawFile, ...]],
    days: Collection[date],
) -> tuple[RawRows, ...]:
    """The files of the resources, and which versions in them are not simply current.

    Mostly no record of the days has a second version, and that is asked first: it costs less.
    """
    return tuple(
        RawRows(
            f"{source}_{name}",
            of_resource,
            _exceptions(connection, source, name, days)
            if of_resource and not has_one_version_each(connection, source, name, days)
            else None,
        )
        for name, of_resource in files.items()
    )


def open_raw_rows(
    connection: duckdb.DuckDBPyConnection, rows: RawRows, days: Collection[date], share: Share | None
) -> None:
    """Make `raw.<table>` and `raw.<table>_current`.

    Where each record has one version, both are views: models parse the payloads as they come from disk. Otherwise the
    current rows are put into a table first, as parsing JSON behind a join costs twice.
    """
    files = ", ".join(quoted(file.path) for file in rows.files if file.day is None or file.day in days)
    stored = f"SELECT {', '.join(_COLUMNS)} FROM read_parquet([{files}], hive_partitioning = false)"
    condition = f"partition_day IN ({date_list(days)}) AND {share.condition if share else 'true'}"
    versions = f"{stored} WHERE {condition}" if files else _NO_ROWS
    connection.execute(f"CREATE OR REPLACE VIEW raw.{rows.table} AS {versions}")
    _open_current_rows(connection, rows)


def _open_current_rows(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> None:
    current = f"raw.{rows.table}_current"
    if rows.exceptions is None:
        connection.execute(
            f"CREATE OR REPLACE VIEW {current} AS SELECT *, fetched_at AS current_since FROM raw.{rows.table}"
        )
        return
    connection.register("exceptions", rows.exceptions)
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE {current} AS
        SELECT versions.*, coalesce(exceptions.current_since, versions.fetched_at) AS current_since
        FROM raw.{rows.table} AS versions
        LEFT JOIN exceptions USING (record_id, content_sha256)
        WHERE exceptions.record_id IS NULL OR exceptions.current_since IS NOT NULL
        """
    )
    connection.unregister("exceptions")


def close_raw_rows(connection: duckdb.DuckDBPyConnection, rows: RawRows) -> None:
    """Drop a table of current rows: documents are large."""
    if rows.exceptions is not None:
        connection.execute(f"DROP TABLE raw.{rows.table}_current")


def make_numbers_exact(connection: duckdb.DuckDBPyConnection, all_rows: Collection[RawRows]) -> None:
    """Have the relations of raw show payloads in which very long numbers are strings of their own digits."""
    connection.execute("CREATE TABLE raw.exact (record_id VARCHAR, content_sha256 VARCHAR, payload VARCHAR)")
    for rows in all_rows:
        suspects = connection.execute(
            f"SELECT record_id, content_sha256, payload FROM raw.{rows.table} WHERE regexp_matches(payload, ?)",
            [_LONG_NUMBER],
        ).fetchall()
        for record_id, sha256, payload in suspects:
            exact = [record_id, sha256, numbers_as_text(payload)]
            connection.execute("INSERT INTO raw.exact VALUES (?, ?, ?)", exact)
    for rows in all_rows:
        connection.execute(
            f"""
            CREATE OR REPLACE TABLE raw.{rows.table}_exact AS
            SELECT versions.* REPLACE (coalesce(exact.payload, versions.payload) AS payload)
            FROM raw.{rows.table} AS versions LEFT JOIN raw.exact AS exact USING (record_id, content_sha256)
            """
        )
        connection.execute(f"CREATE OR REPLACE VIEW raw.{rows.table} AS SELECT * FROM raw.{rows.table}_exact")
        _open_current_rows(connection, rows)


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


def _files(
    connection: duckdb.DuckDBPyConnection, table: str, days: Collection[date], copies: str | None
) -> Iterable[RawFile]:
    listed = connection.execute(
        "SELECT data_file, data_file_size_bytes, delete_file FROM ducklake_list_files('lake', ?, schema => 'raw')",
        [table],
    ).fetchall()
    named = [(path, _day_of(path), size, deleted) for path, size, deleted in listed]
    wanted = [file for file in named if file[1] is None or file[1] in days]
    if copies and (any(deleted for *_, deleted in wanted) or _has_inlined_rows(connection, table)):
        wanted = [_copy(connection, table, days, f"{copies}-{table}.parquet")]
    if wanted:
        # One file tells how far the payloads are compressed; the catalog knows the sizes of all.
        ratio = _payload_ratio(connection, *max((size, path) for path, _, size, _ in wanted))
        yield from (RawFile(path, day, size * ratio) for path, day, size, _ in wanted)


def _day_of(path: str) -> date | None:
    found = _DAY_OF_FILE.search(path)
    return date.fromisoformat(found[1]) if found else None


def _payload_ratio(connection: duckdb.DuckDBPyConnection, file_bytes: int, path: str) -> float:
    payload = connection.execute(
        f"SELECT sum(total_uncompressed_size) FROM parquet_metadata({quoted(path)}) WHERE path_in_schema = 'payload'"
    ).fetchone()
    return float(payload[0] or 0) / file_bytes if payload else 0.0


def _has_inlined_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    metadata = "__ducklake_metadata_lake"
    found = connection.execute(
        f"SELECT 1 FROM {metadata}.ducklake_inlined_data_tables INNER JOIN {metadata}.ducklake_table AS named"
        " USING (table_id) WHERE named.table_name = ? LIMIT 1",
        [table],
    ).fetchone()
    return found is not None


def _copy(
    connection: duckdb.DuckDBPyConnection, table: str, days: Collection[date], path: str
) -> tuple[str, None, int, None]:
    copied = connection.execute(
        f"COPY (SELECT {', '.join(_COLUMNS)} FROM raw.{table} WHERE partition_day IN ({date_list(days)}))"
        f" TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048, RETURN_STATS true)"
    ).fetchone()
    assert copied is not None  # noqa: S101 - a COPY returns what it wrote
    return path, None, int(copied[2]), None


def _exceptions(connection: duckdb.DuckDBPyConnection, source: str, name: str, days: Collection[date]) -> pa.Table:
    return connection.execute(
        f"""
        SELECT versions.record_id, versions.content_sha256, current.current_since
        FROM raw.{source}_{name} AS versions
        LEFT JOIN ({current_versions(source, name, days)}) AS current USING (record_id, content_sha256)
        WHERE versions.partition_day IN ({date_list(days)})
            AND (current.record_id IS NULL OR current.current_since > versions.fetched_at)
        """
    ).to_arrow_table()
