"""The lake's schemas and tables: what is missing is created on every start.

The core tables come from `contracts`, the views from the SQL models; a raw table is made when its resource first
arrives (`raw.tables`).
"""

from __future__ import annotations

from order_pipeline.contracts import CORE_TABLES, ItemLocations, create_table_statements, table_contract
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations
from order_pipeline.warehouse.lake.literals import quoted

SCHEMAS = ("raw", "staging", "intermediate", "core", "quarantine", "reference", "marts")

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
    order_number VARCHAR NOT NULL, line_id VARCHAR NOT NULL, shipment_id VARCHAR, floor VARCHAR, state VARCHAR NOT NULL,
    reason VARCHAR, wave BIGINT NOT NULL, attempt BIGINT NOT NULL, snapshot_id BIGINT, payload_sha256 VARCHAR NOT NULL,
    fulfilment_id VARCHAR, upstream_status VARCHAR, pushed_status VARCHAR, planned_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ, updated_at TIMESTAMPTZ NOT NULL, scanorders_status_code VARCHAR, scanorders_matches BOOLEAN,
    scanorders_read_at TIMESTAMPTZ
)"""

# Whose lake this is, one row; see `warehouse.installation`.
_INSTALLATION = """
CREATE TABLE IF NOT EXISTS core.installation (
    installation_id VARCHAR NOT NULL, epoch BIGINT NOT NULL, operations_mark BIGINT
)"""

# The last build of every day.
_BUILDS = """
CREATE TABLE IF NOT EXISTS core.builds (
    source VARCHAR NOT NULL, order_day DATE NOT NULL, build_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    orders BIGINT NOT NULL, order_lines BIGINT NOT NULL, rejects BIGINT NOT NULL, built_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
)"""

# Days whose last build failed; a day goes away when it has been built.
_FAILED_DAYS = """
CREATE TABLE IF NOT EXISTS core.failed_days (
    source VARCHAR NOT NULL, order_day DATE NOT NULL, failed_at TIMESTAMPTZ NOT NULL, attempts BIGINT NOT NULL,
    error VARCHAR NOT NULL, run_id VARCHAR NOT NULL
)"""

# One row a broken rule of a row: (source, table_name, key, rule, field, raw_record_id) is its identity over time.
# `key` is the row's key as far as it is known; values of personal columns are masked.
_REJECTS = """
CREATE TABLE IF NOT EXISTS quarantine.rejects (
    source VARCHAR NOT NULL, table_name VARCHAR NOT NULL, key VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    field VARCHAR NOT NULL, value VARCHAR, order_id VARCHAR, order_day DATE, raw_record_id VARCHAR NOT NULL,
    raw_sha256 VARCHAR NOT NULL, first_seen_at TIMESTAMPTZ NOT NULL, last_seen_at TIMESTAMPTZ NOT NULL,
    resolved_at TIMESTAMPTZ, run_id VARCHAR NOT NULL, closed_reason VARCHAR
)"""

# Soft checks of the last build of each day: exact counts, and a capped sample of keys (no personal data).
_WARNINGS = """
CREATE TABLE IF NOT EXISTS quarantine.warnings (
    source VARCHAR NOT NULL, order_day DATE NOT NULL, rule VARCHAR NOT NULL, field VARCHAR NOT NULL,
    occurrences BIGINT NOT NULL, sample VARCHAR[] NOT NULL, seen_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL
)"""

BOOKKEEPING = {
    "raw.fetches": _FETCHES,
    "raw.stale_partitions": _STALE_PARTITIONS,
    "raw.reappearances": _REAPPEARANCES,
    "raw.dead_letters": _DEAD_LETTERS,
    "core.pick_status": _PICK_STATUS,
    "core.builds": _BUILDS,
    "core.failed_days": _FAILED_DAYS,
    "core.installation": _INSTALLATION,
    "quarantine.rejects": _REJECTS,
    "quarantine.warnings": _WARNINGS,
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
    "reference.item_locations.not_stocked": "ALTER TABLE reference.item_locations ADD COLUMN not_stocked VARCHAR",
    "reference.item_locations.floor": "ALTER TABLE reference.item_locations ADD COLUMN floor VARCHAR",
    "reference.item_locations.priority": "ALTER TABLE reference.item_locations ADD COLUMN priority VARCHAR",
    "core.pick_status.floor": "ALTER TABLE core.pick_status ADD COLUMN floor VARCHAR",
    "raw.fetches.watermark": "ALTER TABLE raw.fetches ADD COLUMN watermark VARCHAR",
    "quarantine.rejects.closed_reason": "ALTER TABLE quarantine.rejects ADD COLUMN closed_reason VARCHAR",
    # A column that a contract gained: NULL in the rows of before, until their day is built again.
    **{
        f"core.{name}.{column.name}": f"ALTER TABLE core.{name} ADD COLUMN {column.name} {column.duckdb_type}"
        for name, model in CORE_TABLES.items()
        for column in table_contract(model).columns
        if column.nullable
    },
}

_ITEM_LOCATIONS = "reference.item_locations"


def migrate(lake: Lake) -> None:
    """Create what is missing; a lake that is up to date is only read."""
    with lake.snapshot() as connection:
        is_done = _has_options(connection) and not _missing_tables(connection) and not _missing_columns(connection)
    if not is_done:
        # Two steps: an option of a schema asks for the schema to be committed.
        lake.run("set the lake's options and create its schemas", _create_schemas)
        lake.run("create the lake's tables", _create_tables)


def _has_options(connection: Connection) -> bool:
    found = connection.execute("SELECT option_name, value, scope_entry FROM ducklake_options('lake')").fetchall()
    wanted = [(*option, None) for option in OPTIONS.items()] + [(*option, "core") for option in OPTIONS_OF_CORE.items()]
    return set(wanted) <= set(found)


def _missing_tables(connection: Connection) -> list[str]:
    existing = relations(connection)
    wanted = (*BOOKKEEPING, *(f"core.{name}" for name in CORE_TABLES), _ITEM_LOCATIONS)
    return [name for name in wanted if name not in existing]


def _columns(connection: Connection) -> set[str]:
    """The columns that migrations name, `<schema>.<table>.<column>`, as far as their tables are there."""
    existing, columns = relations(connection), set[str]()
    for table in {name.rpartition(".")[0] for name in (*_ADDED_COLUMNS, *_RENAMES)} & existing:
        described = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
        columns |= {f"{table}.{column[0]}" for column in described}
    return columns


def _missing_columns(connection: Connection) -> list[str]:
    existing, columns = relations(connection), _columns(connection)
    return [name for name in _ADDED_COLUMNS if name.rpartition(".")[0] in existing and name not in columns]


def _create_schemas(connection: Connection) -> None:
    for name, value in OPTIONS.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)})")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")


def _create_tables(connection: Connection) -> None:
    for name, value in OPTIONS_OF_CORE.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)}, schema => 'core')")
    names = {*relations(connection), *_columns(connection)}
    for name, statement in _RENAMES.items():
        if name in names:
            connection.execute(statement)
    for column in _missing_columns(connection):
        connection.execute(_ADDED_COLUMNS[column])
    for table in _missing_tables(connection):
        for statement in _statements(table):
            connection.execute(statement)


def _statements(table: str) -> list[str]:
    if table in BOOKKEEPING:
        return [BOOKKEEPING[table]]
    if table == _ITEM_LOCATIONS:
        return create_table_statements(ItemLocations, "reference", partitioned=False)
    return create_table_statements(CORE_TABLES[table.removeprefix("core.")], "core")
