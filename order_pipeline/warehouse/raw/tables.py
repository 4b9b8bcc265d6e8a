"""The raw table of a resource, and its view of current versions."""

from __future__ import annotations

import hashlib
import re

import duckdb

from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.raw.versions import current_versions

RAW_COLUMNS = {
    "record_id": "VARCHAR",
    "partition_day": "DATE",
    "content_sha256": "VARCHAR",
    "payload": "VARCHAR",
    "fetched_at": "TIMESTAMPTZ",
    "sequence": "BIGINT",
    "run_id": "VARCHAR",
}
"""The columns of every raw table, none of which may be NULL."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def raw_table(source: str, resource: str) -> str:
    """The qualified name of a resource's raw table, `raw.<source>_<resource>`.

    Raises:
        ValueError: a name that is not lower-case words with underscores.
    """
    for name in (source, resource):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be part of a raw table's name: lower-case letters, digits, underscores.")
    return f"raw.{source}_{resource}"


def ensure_raw_table(lake: Lake, source: str, resource: str) -> str:
    """Create the resource's raw table and its view of current versions, or renew the view; the qualified name.

    A view that was made from another definition than today's is told by its comment.
    """
    table = raw_table(source, resource)
    view = current_versions(source, resource)
    version = hashlib.sha256(view.encode()).hexdigest()
    with lake.snapshot() as connection:
        if _view_version(connection, f"{table}_current") == version:
            return table

    def create(connection: duckdb.DuckDBPyConnection) -> None:
        existing = relations(connection)
        if table not in existing:
            columns = ", ".join(f"{name} {kind} NOT NULL" for name, kind in RAW_COLUMNS.items())
            connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.execute(f"ALTER TABLE {table} SET PARTITIONED BY (partition_day)")
        if _view_version(connection, f"{table}_current") != version:
            connection.execute(f"CREATE OR REPLACE VIEW {table}_current AS {view}")
            connection.execute(f"COMMENT ON VIEW {table}_current IS {quoted(version)}")
        if not lake.is_embedded and turn_table(source) not in existing:
            connection.execute(f"CREATE TABLE {turn_table(source)} (turn BIGINT NOT NULL)")
            connection.execute(f"INSERT INTO {turn_table(source)} VALUES (0)")

    lake.run(f"create {table}", create)
    return table


def turn_table(source: str) -> str:
    """The table whose one row every write to the source's raw replaces, where no lock lets writers queue."""
    return f"raw.turn_of_{source}"


def _view_version(connection: duckdb.DuckDBPyConnection, view: str) -> str | None:
    schema, name = view.split(".")
    found = connection.execute(
        "SELECT comment FROM duckdb_views() WHERE database_name = 'lake' AND schema_name = ? AND view_name = ?",
        [schema, name],
    ).fetchone()
    return found[0] if found else None
