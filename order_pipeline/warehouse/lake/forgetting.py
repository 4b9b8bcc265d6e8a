"""Takes out of the lake's files what its tables no longer say: replaced rows, old snapshots, statistics, free pages.

`upkeep` keeps these for some days, on purpose. Here they go at once, for an erasure. A reader of an old snapshot, in
whatever process, fails and has to ask again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from order_pipeline.warehouse.lake.connection import Connection, Lake, snapshot_id
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.upkeep import UpkeepError, fingerprint, rows_changed
from order_pipeline.warehouse.lake.writers_lock import writers_lock

METADATA = "__ducklake_metadata_lake"
_OWN_FILE = "ducklake-"
"""How DuckLake names the files that it writes itself."""

_WIDEST = {"varchar": ("", chr(0x10FFFF)), "json": ("", chr(0x10FFFF)), "blob": ("", "FF" * 16)}
"""Type of a column, as the catalog names it -> bounds that every value is within. Numbers and times name nobody."""

PersonalColumns = Mapping[str, Collection[str]]
"""`<schema>.<table>` -> its columns whose values must not stand in the catalog."""


def forget_replaced_rows(lake: Lake, tables: Collection[str]) -> None:
    """Write the tables' files anew without deleted rows; then drop every snapshot but the last, and the old files.

    Raises:
        UpkeepError: a table reads differently afterwards; its old files are there still.
    """
    _flush_inlined(lake)
    for table in tables:
        _rewrite(lake, *table.split("."))
    with lake.transaction("expire every old snapshot") as connection:
        rows = connection.execute("SELECT snapshot_id FROM lake.snapshots() ORDER BY snapshot_id").fetchall()
        if old := [number for (number,) in rows[:-1]]:
            connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => {old})")
    with lake.transaction("remove every replaced file") as connection:
        connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    _remove_unknown_files(lake)


def forget_statistics(lake: Lake, columns: PersonalColumns) -> int:
    """Put bounds that say nothing in place of the columns' smallest and largest values in the catalog.

    DuckLake has no option for it. The bounds hold for every text, so a filter by such a column reads every file and
    misses none. Empty bounds would not do: the next insert makes its own values the bounds of the whole table, and rows
    beyond them are not found any more (DuckLake 1.0). Returns how many statistics were changed.
    """
    changed = 0
    wanted = [(*table.split("."), name) for table, names in columns.items() for name in names]
    conditions = " OR ".join(
        f"(schemas.schema_name = {quoted(schema)} AND tables.table_name = {quoted(table)}"
        f" AND columns.column_name = {quoted(column)})"
        for schema, table, column in wanted
    )
    ids = f"""SELECT tables.table_id, columns.column_id FROM {METADATA}.ducklake_table AS tables
        INNER JOIN {METADATA}.ducklake_schema AS schemas ON schemas.schema_id = tables.schema_id
        INNER JOIN {METADATA}.ducklake_column AS columns ON columns.table_id = tables.table_id
        WHERE ({conditions}) AND columns.column_type = """
    statements = [
        f"UPDATE {METADATA}.{table} SET min_value = {quoted(least)}, max_value = {quoted(most)}, extra_stats = NULL"
        f" WHERE (min_value <> {quoted(least)} OR max_value <> {quoted(most)})"
        f" AND (table_id, column_id) IN ({ids}{quoted(kind)})"
        for table in ("ducklake_file_column_stats", "ducklake_table_column_stats")
        for kind, (least, most) in _WIDEST.items()
    ]
    # By DuckDB's own SQLite: a second library in this process would make it lose its locks.
    with _catalog_alone(lake, "take statistics out"), closing(lake.connect()) as connection:
        for statement in statements:
            row = connection.execute(statement).fetchall()
            changed += int(row[0][0]) if row else 0
    return changed


def forget_free_pages(lake: Lake) -> None:
    """Close the lake and write a SQLite catalog anew: what was deleted is in its bytes and its log no more."""
    if lake.catalog_file is not None:
        lake.close()
        with _catalog_alone(lake, "write the catalog anew"):
            vacuum(lake.catalog_file)


def vacuum(file: Path) -> None:
    """Write a SQLite file anew, with nothing of what was deleted, and empty its log.

    Raises:
        sqlite3.OperationalError: another process keeps it locked.
    """
    with closing(_sqlite(file)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def inlined_rows(connection: Connection) -> int:
    """Rows that stand in the catalog itself instead of in files, as catalogs of other settings have them."""
    tables = connection.execute(f"SELECT table_name FROM {METADATA}.ducklake_inlined_data_tables").fetchall()
    counts = [connection.execute(f'SELECT count(*) FROM {METADATA}."{name}"').fetchone() for (name,) in tables]
    return sum(int(row[0]) for row in counts if row)


def _flush_inlined(lake: Lake) -> None:
    with closing(lake.connect()) as connection:
        if not inlined_rows(connection):
            return
    with lake.transaction("write rows of the catalog to files") as connection:
        connection.execute("CALL ducklake_flush_inlined_data('lake')")


def _rewrite(lake: Lake, schema: str, table: str) -> None:
    with lake.transaction(f"write {schema}.{table} without deleted rows") as connection:
        seen, before = snapshot_id(connection), fingerprint(connection, schema, table)
        connection.execute(
            f"CALL ducklake_rewrite_data_files('lake', {quoted(table)}, schema => {quoted(schema)},"
            " delete_threshold => 0.0)"
        )
    with lake.snapshot() as connection:
        after = fingerprint(connection, schema, table)
        if before != after and not rows_changed(connection, schema, table, seen):
            raise UpkeepError(f"{schema}.{table} held {before} before it was written anew and {after} after it.")


def _remove_unknown_files(lake: Lake) -> None:
    """Remove files of transactions that were killed before their commit; the catalog does not know them.

    Only DuckLake's own, of a lake on this machine, while no other transaction can be writing one.
    """
    if lake.catalog_file is None or "://" in lake.data_path:
        return
    with lake.transaction("remove files of killed transactions") as connection:
        known = {
            path.rsplit("/", 1)[-1]
            for (path,) in connection.execute(
                f"SELECT path FROM {METADATA}.ducklake_data_file UNION ALL"
                f" SELECT path FROM {METADATA}.ducklake_delete_file UNION ALL"
                f" SELECT path FROM {METADATA}.ducklake_files_scheduled_for_deletion"
            ).fetchall()
        }
        for file in Path(lake.data_path).rglob(f"{_OWN_FILE}*"):
            if file.name not in known:
                file.unlink(missing_ok=True)


def _catalog_alone(lake: Lake, purpose: str) -> AbstractContextManager[None]:
    if lake.catalog_file is None:
        return nullcontext()
    return writers_lock(lake.catalog_file.with_suffix(".lock"), purpose, lake.settings.lake.lock_timeout_seconds)


def _sqlite(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30)
    connection.execute("PRAGMA secure_delete = ON")
    return connection
