"""Upkeep of the lake: small files merged, old snapshots expired, unneeded files removed, all of it checked.

Every table is counted and checksummed before and after its merge; a difference stops everything before anything is
removed, and the older snapshot still holds the rows. What upkeep never does is `delete_orphaned_files`: it removes
whatever the catalog does not list, and has removed live data (upstream #815).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from order_pipeline.warehouse.lake.connection import Connection, Lake, snapshot_id
from order_pipeline.warehouse.lake.literals import quoted


class UpkeepError(RuntimeError):
    """A table read differently after a merge; nothing was removed."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a table holds, whatever its files: the number of rows and a checksum over all columns of all rows."""

    rows: int
    checksum: int


@dataclass(slots=True)
class UpkeepResult:
    """What one upkeep did."""

    tables: dict[str, Fingerprint] = field(default_factory=dict[str, Fingerprint])
    files_merged: int = 0
    files_written: int = 0
    snapshots_expired: int = 0
    files_removed: int = 0


def upkeep(lake: Lake, *, now: datetime | None = None) -> UpkeepResult:
    """Merge, verify, expire, clean up; each step its own short transaction, so that writers get in between.

    Args:
        lake: its setting `keep_days` is how long snapshots and replaced files stay; longer than any reader.
        now: for tests.

    Raises:
        UpkeepError: a table changed by being merged.
        LakeBusyError: another writer held the lake too long; what was done stands, the next upkeep goes on.
    """
    result = UpkeepResult()
    with lake.snapshot() as connection:
        tables = _tables(connection)
    for schema, table in tables:
        _merge(lake, schema, table, result)
    cutoff = _cutoff(now or datetime.now(UTC), lake.settings.lake.keep_days)
    with lake.transaction("expire old snapshots") as connection:
        expired = connection.execute(f"CALL ducklake_expire_snapshots('lake', older_than => {cutoff})").fetchall()
    # Files go at once, even if the transaction should fail: so nothing else shares it.
    with lake.transaction("remove replaced files") as connection:
        removed = connection.execute(f"CALL ducklake_cleanup_old_files('lake', older_than => {cutoff})").fetchall()
    result.snapshots_expired, result.files_removed = len(expired), len(removed)
    return result


def fingerprint(connection: Connection, schema: str, table: str) -> Fingerprint:
    """Count and checksum a table; the order of the rows and their spread over files do not matter."""
    name = f'"{schema}"."{table}"'
    row = connection.execute(f"SELECT count(*), coalesce(sum(hash(whole_row)), 0) FROM {name} AS whole_row").fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Fingerprint(int(row[0]), int(row[1]))


def _merge(lake: Lake, schema: str, table: str, result: UpkeepResult) -> None:
    target = f"'lake', {quoted(table)}, schema => {quoted(schema)}"
    with lake.transaction(f"merge the small files of {schema}.{table}") as connection:
        seen, before = snapshot_id(connection), fingerprint(connection, schema, table)
        # Rows deleted from a file are dropped from it first; a file that has deleted rows is not merged.
        done = connection.execute(f"CALL ducklake_rewrite_data_files({target}, delete_threshold => 0.1)").fetchall()
    with lake.transaction(f"merge the small files of {schema}.{table}") as connection:
        done += connection.execute(f"CALL ducklake_merge_adjacent_files({target})").fetchall()
    with lake.snapshot() as connection:
        after = fingerprint(connection, schema, table)
        if before != after and not rows_changed(connection, schema, table, seen):
            raise UpkeepError(
                f"{schema}.{table} held {before} before its merge and {after} after it, and nobody wrote to it. "
                f"Nothing was removed: stop the pipeline and compare it with {schema}.{table} AT (VERSION => {seen})."
            )
    result.tables[f"{schema}.{table}"] = after
    result.files_merged += sum(row[2] for row in done)
    result.files_written += sum(row[3] for row in done)


def rows_changed(connection: Connection, schema: str, table: str, since: int) -> bool:
    """Whether a writer committed rows of the table after the snapshot; merging changes files, not rows."""
    now = snapshot_id(connection)
    if now == since:
        return False
    found = connection.execute(
        f"SELECT 1 FROM ducklake_table_changes('lake', {quoted(schema)}, {quoted(table)}, {since + 1}, {now}) LIMIT 1"
    ).fetchone()
    return found is not None


def _tables(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL"
    ).fetchall()


def _cutoff(now: datetime, keep_days: int) -> str:
    """The last moment of the last day that is older than `keep_days`, as an SQL literal.

    A whole day, because a SQLite catalog compares these times as text, where any time of the cut-off's own day counts
    as older than the cut-off (DuckLake 1.0): a cut-off of one hour ago would take what was replaced a second ago.
    """
    first_kept = (now - timedelta(days=keep_days)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"TIMESTAMPTZ {quoted((first_kept - timedelta(microseconds=1)).isoformat())}"
