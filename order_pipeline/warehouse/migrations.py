"""The lake's schemas and tables: created once, brought up to date on every start.

Belongs here: when tables are made, and those that no contract, model or other module describes. The core tables come
from `contracts`, the views from the SQL models; a raw table is made when its resource first arrives
(`raw.tables`).
"""

from __future__ import annotations

import duckdb

from order_pipeline.contracts import CORE_TABLES, ItemLocations, create_table_statements
from order_pipeline.warehouse.core.build_state import BUILDS
from order_pipeline.warehouse.core.quarantine import REJECTS, WARNINGS
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.literals import quoted

SCHEMAS = ("raw", "staging", "intermediate", "core", "quarantine", "reference")

# Made last, so it tells that everything before it is done.
LAST_SCHEMA = "marts"

# Persisted in the catalog, so every writer follows them.
OPTIONS = {
    # Measured on order payloads: half the size of snappy (the default) in the same time.
    "parquet_compression": "zstd",
    "parquet_compression_level": "1",
    # A row group is held in memory as a whole while it is written, read or merged: some 5 MB of payloads. What is
    # read of it is parsed at once, into four times as much: with 4,096 rows, fetching took 35 MB more.
    "parquet_row_group_size": "1024",
    # Small inserts go to files too. Rows inlined in the catalog must be flushed some day, and a flush breaks readers
    # that are connected (upstream #1413) and doubles rows when it meets an insert (#650).
    "data_inlining_row_limit": "0",
}

# Fewer row groups are faster to write and to read, and core's rows are small.
OPTIONS_OF_CORE = {"parquet_row_group_size": "32768"}

# Every fetched window: what was asked, what came, whether it is proved complete.
_FETCHES = """
CREATE TABLE IF NOT EXISTS raw.fetches (
    source VARCHAR NOT NULL, resource VARCHAR NOT NULL, window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL, pages BIGINT NOT NULL, records BIGINT NOT NULL, claimed_total BIGINT,
    complete BOOLEAN NOT NULL, note VARCHAR NOT NULL, calls BIGINT NOT NULL, calls_saved BIGINT NOT NULL,
    new_versions BIGINT NOT NULL, unchanged BIGINT NOT NULL, reappeared BIGINT NOT NULL, dead_letters BIGINT NOT NULL,
    fetched_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL, watermark VARCHAR
)"""

# Days whose core rows are older than raw. The marks of a day go away when core has been built from them.
_STALE_PARTITIONS = """
CREATE TABLE IF NOT EXISTS raw.stale_partitions (
    source VARCHAR NOT NULL, order_day DATE NOT NULL, mark_id VARCHAR NOT NULL, marked_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
)"""

# A version that was current before, was replaced, and came back: the content is in the raw table already.
_REAPPEARANCES = """
CREATE TABLE IF NOT EXISTS raw.reappearances (
    source VARCHAR NOT NULL, resource VARCHAR NOT NULL, record_id VARCHAR NOT NULL, partition_day DATE NOT NULL,
    content_sha256 VARCHAR NOT NULL, fetched_at TIMESTAMPTZ NOT NULL, sequence BIGINT NOT NULL,
    run_id VARCHAR NOT NULL
)"""

# Received bytes that cannot be keyed (no id, no day, no JSON), once per distinct content.
_DEAD_LETTERS = """
CREATE TABLE IF NOT EXISTS raw.dead_letters (
    source VARCHAR NOT NULL, resource VARCHAR NOT NULL, content_sha256 VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    field VARCHAR NOT NULL, value VARCHAR NOT NULL, partition_day DATE, payload BLOB NOT NULL,
    first_fetched_at TIMESTAMPTZ NOT NULL, first_run_id VARCHAR NOT NULL, last_fetched_at TIMESTAMPTZ NOT NULL,
    last_run_id VARCHAR NOT NULL, record_id VARCHAR, healed_at TIMESTAMPTZ
)"""

# Where every pick line stands: a copy of the outbox without personal data, written by the emission for the marts.
_PICK_STATUS = """
CREATE TABLE IF NOT EXISTS core.pick_status (
    pick_id VARCHAR NOT NULL, source VARCHAR NOT NULL, account VARCHAR NOT NULL, order_id VARCHAR NOT NULL,
    order_number VARCHAR NOT NULL, line_id VARCHAR NOT NULL, shipment_id VARCHAR, state VARCHAR NOT NULL,
    reason VARCHAR, wave BIGINT NOT NULL, attempt BIGINT NOT NULL, snapshot_id BIGINT, payload_sha256 VARCHAR NOT NULL,
    fulfilment_id VARCHAR, upstream_status VARCHAR, pushed_status VARCHAR, planned_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ, updated_at TIMESTAMPTZ NOT NULL, scanorders_status_code VARCHAR, scanorders_matches BOOLEAN,
    scanorders_read_at TIMESTAMPTZ
)"""

BOOKKEEPING = {
    "raw.fetches": _FETCHES,
    "raw.stale_partitions": _STALE_PARTITIONS,
    "raw.reappearances": _REAPPEARANCES,
    "raw.dead_letters": _DEAD_LETTERS,
    "core.pick_status": _PICK_STATUS,
    "core.builds": BUILDS,
    "quarantine.rejects": REJECTS,
    "quarantine.warnings": WARNINGS,
}

# What earlier stores call by another name.
_RENAMES = {
    "raw.dirty_days": "ALTER TABLE raw.dirty_days RENAME TO stale_partitions",
    "raw.unusable": "ALTER TABLE raw.unusable RENAME TO dead_letters",
    "raw.fetches.unusable": "ALTER TABLE raw.fetches RENAME COLUMN unusable TO dead_letters",
}

# What earlier stores lack.
_ADDED_COLUMNS = {
    "raw.dead_letters.record_id": "ALTER TABLE raw.dead_letters ADD COLUMN record_id VARCHAR",
    "raw.dead_letters.healed_at": "ALTER TABLE raw.dead_letters ADD COLUMN healed_at TIMESTAMPTZ",
    "raw.fetches.watermark": "ALTER TABLE raw.fetches ADD COLUMN watermark VARCHAR",
    "quarantine.rejects.closed_reason": "ALTER TABLE quarantine.rejects ADD COLUMN closed_reason VARCHAR",
}

_ITEM_LOCATIONS = "reference.item_locations"

# DuckLake remembers the statistics of a table that ever had a row; of another it asks the catalog at every look, which
# takes 10 ms instead of 2. These are looked at by every commit group or build, and may stay empty for long.
_LOOKED_AT_WHILE_EMPTY = {
    "raw.reappearances": "'', '', '', DATE '2000-01-01', '', now(), 0, ''",
    "raw.dead_letters": "'', '', '', '', '', '', NULL, ''::BLOB, now(), '', now(), '', NULL, NULL",
    "core.builds": "'', DATE '2000-01-01', '', '', 0, 0, 0, now(), ''",
    "quarantine.rejects": "'', '', '', '', '', NULL, NULL, NULL, '', '', now(), now(), now(), '', NULL",
}


def migrate(lake: Lake) -> None:
    """Create what is missing; a lake that is up to date is only read."""
    with lake.snapshot() as connection:
        has_options, has_core_options = _has_options(connection, None), _has_options(connection, "core")
        has_tables = _has_tables(connection)
    if not has_options:
        lake.run("set the lake's options", _set_options)
    if not has_tables:
        lake.run("create the lake's schemas and tables", _create_tables)
        lake.run("finish the lake's new tables", _finish_tables)
    elif not has_core_options:
        lake.run("set core's options", _set_core_options)


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    schemas = connection.execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'").fetchall()
    has_schemas = {(schema,) for schema in (*SCHEMAS, LAST_SCHEMA)} <= set(schemas)
    return has_schemas and not _missing_tables(connection) and _ADDED_COLUMNS.keys() <= _names(connection)


def _missing_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    existing = relations(connection)
    wanted = (*BOOKKEEPING, *(f"core.{name}" for name in CORE_TABLES), _ITEM_LOCATIONS)
    return [name for name in wanted if name not in existing]


def _statements(table: str) -> list[str]:
    """What makes the table. Asked only for missing ones: the contracts' statements take 4 ms each."""
    if table in BOOKKEEPING:
        return [BOOKKEEPING[table]]
    if table == _ITEM_LOCATIONS:
        return create_table_statements(ItemLocations, "reference", partitioned=False)
    return create_table_statements(CORE_TABLES[table.removeprefix("core.")], "core")


def _has_options(connection: duckdb.DuckDBPyConnection, schema: str | None) -> bool:
    found = connection.execute(
        "SELECT option_name, value FROM ducklake_options('lake') WHERE scope_entry IS NOT DISTINCT FROM ?", [schema]
    ).fetchall()
    return (OPTIONS_OF_CORE if schema else OPTIONS).items() <= dict(found).items()


def _set_options(connection: duckdb.DuckDBPyConnection) -> None:
    for name, value in OPTIONS.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)})")


def _set_core_options(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what is for core's tables alone; the schema must be there before the transaction."""
    for name, value in OPTIONS_OF_CORE.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)}, schema => 'core')")


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    _rename_tables(connection)
    missing = _missing_tables(connection)
    names = _names(connection)
    for column, statement in _ADDED_COLUMNS.items():
        if column.rpartition(".")[0] in names and column not in names:
            connection.execute(statement)
    for table in missing:
        for statement in _statements(table):
            connection.execute(statement)
    for table, values in _LOOKED_AT_WHILE_EMPTY.items():
        if table in missing:
            connection.execute(f"INSERT INTO {table} VALUES ({values})")


def _names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The qualified names of all tables and of all their columns."""
    columns = connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
    ).fetchall()
    return {f"{schema}.{table}" for schema, table, _ in columns} | {".".join(column) for column in columns}


def _rename_tables(connection: duckdb.DuckDBPyConnection) -> None:
    names = _names(connection)
    for name, statement in _RENAMES.items():
        if name in names:
            connection.execute(statement)


def _finish_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """What needs the tables committed: core's options, and removing the placeholders (no source has an empty name)."""
    _set_core_options(connection)
    for table in _LOOKED_AT_WHILE_EMPTY:
        connection.execute(f"DELETE FROM {table} WHERE source = ''")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {LAST_SCHEMA}")
