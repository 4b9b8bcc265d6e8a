"""The raw table of a resource, and its view of current versions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

import duckdb

from order_pipeline.warehouse.lake.comments import mark_of
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.empty_tables import note_empty_tables
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

RAW_SENTENCES = {
    "record_id": "The key of the record within its resource.",
    "partition_day": "The UTC date of the record: the partition it stands in.",
    "content_sha256": "The SHA-256 of the payload, in hexadecimal digits.",
    "payload": "The record as received, JSON text.",
    "fetched_at": "When that raw version was fetched.",
    "sequence": "Place within the run's records: of two at the same time the higher one is later.",
    "run_id": "Run that received it.",
}
CURRENT_SENTENCES = {"current_since": "When this content last became the current one."}
"""Of the views of current versions alone."""

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


def resource_tables(connection: duckdb.DuckDBPyConnection, source: str | None = None) -> list[str]:
    """The raw tables of resources, `raw.<source>_<resource>`: those that have a view of current versions beside them.

    Args:
        connection: to the lake.
        source: only those of this channel; None: of all.
    """
    existing = relations(connection)
    prefix = f"raw.{source}_" if source else "raw."
    return sorted(name for name in existing if name.startswith(prefix) and f"{name}_current" in existing)


def ensure_raw_table(lake: Lake, source: str, resource: str) -> str:
    """Create or renew one resource's raw table and view, see `ensure_raw_tables`; return the table's qualified name."""
    ensure_raw_tables(lake, [(source, resource)])
    return raw_table(source, resource)


def ensure_raw_tables(lake: Lake, resources: Sequence[tuple[str, str]]) -> None:
    """Create the raw table of each (source, resource) and its view of current versions, or renew the view.

    A view that was made from another definition than today's is told by its comment. All are looked at in one
    snapshot and made in one transaction: each of the two costs some 30 ms of processor time.
    """
    views = {resource: current_versions(*resource) for resource in resources}
    with_turns = not lake.is_embedded
    with lake.snapshot() as connection:
        is_current = not _outdated(connection, views)
    if not is_current:
        lake.run("create the raw tables", lambda connection: _create(connection, views, with_turns=with_turns))
        note_empty_tables(lake)


def _create(connection: duckdb.DuckDBPyConnection, views: Mapping[tuple[str, str], str], *, with_turns: bool) -> None:
    """Look again, for another process may have been faster, and make what is missing."""
    existing = relations(connection)
    for source, resource in _outdated(connection, views):
        table, view = raw_table(source, resource), views[source, resource]
        if table not in existing:
            columns = ", ".join(f"{name} {kind} NOT NULL" for name, kind in RAW_COLUMNS.items())
            connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.execute(f"ALTER TABLE {table} SET PARTITIONED BY (partition_day)")
        connection.execute(f"CREATE OR REPLACE VIEW {table}_current AS {view}")
        connection.execute(f"COMMENT ON VIEW {table}_current IS {quoted(version_of(view))}")
        turns = turn_table(source)
        if with_turns and turns not in existing:
            connection.execute(f"CREATE TABLE {turns} (turn BIGINT NOT NULL)")
            connection.execute(f"INSERT INTO {turns} VALUES (0)")
            existing.add(turns)


def _outdated(connection: duckdb.DuckDBPyConnection, views: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """The resources whose view is missing or was made from another definition."""
    found = dict(
        connection.execute(
            "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE database_name = 'lake'"
        ).fetchall()
    )
    return [key for key, view in views.items() if mark_of(found.get(f"{raw_table(*key)}_current")) != version_of(view)]


def version_of(view: str) -> str:
    """The mark by which the comment of a view of current versions tells what it was made from."""
    return hashlib.sha256(view.encode()).hexdigest()


def turn_table(source: str) -> str:
    """The table whose one row every write to the source's raw replaces, where no lock lets writers queue."""
    return f"raw.turn_of_{source}"
