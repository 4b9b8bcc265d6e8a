"""The lake's schemas and tables. What is missing is added when the lake is opened, what cannot be added stops it.

The core tables come from `contracts`, the views from the SQL models; a raw table is made when its resource first
arrives (`raw.tables`). A new column of a table below stands last: rows are inserted by position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import duckdb

from order_pipeline.contracts import CORE_TABLES, ItemLocations, create_table_statements, table_contract
from order_pipeline.operations.versions import StoreVersionError
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations
from order_pipeline.warehouse.lake.empty_tables import note_empty_tables
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake_columns import TableColumn, Tables, read_tables, text_of_default
from order_pipeline.warehouse.lake_plan import Change, plan_changes, refusals
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.lake_version import LAKE_VERSION, TABLE, TABLE_DDL, read_version, write_version
from order_pipeline.warehouse.raw import dead_letters, erased_records, shapes
from order_pipeline.warehouse.raw.tables import RAW_COLUMNS

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
    fetched_at TIMESTAMPTZ NOT NULL, run_id VARCHAR NOT NULL, watermark VARCHAR, account VARCHAR, reading VARCHAR,
    lists_window BOOLEAN, ids BIGINT, doubt VARCHAR, read_again BIGINT, surprises BIGINT
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
    run_id VARCHAR NOT NULL, is_settled BOOLEAN
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
    shapes.TABLE: shapes.TABLE_DDL,
    "raw.dead_letters": dead_letters.TABLE_DDL,
    erased_records.RECORDS: erased_records.RECORDS_DDL,
    erased_records.REQUESTS: erased_records.REQUESTS_DDL,
    "core.pick_status": _PICK_STATUS,
    "core.builds": _BUILDS,
    "core.failed_days": _FAILED_DAYS,
    "core.installation": _INSTALLATION,
    TABLE: TABLE_DDL,
    "quarantine.rejects": _REJECTS,
    "quarantine.warnings": _WARNINGS,
}

# What earlier stores call by another name: tables, then columns of them.
_RENAMED_TABLES = {"raw.dirty_days": "stale_partitions", "raw.unusable": "dead_letters"}
_RENAMED_COLUMNS = {"raw.fetches": {"unusable": "dead_letters"}}

# `<table>.<column>` that contracts no longer have. The values stay, and nothing fills them.
RETIRED_COLUMNS: frozenset[str] = frozenset()

_ITEM_LOCATIONS = "reference.item_locations"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakePlan:
    """What opening the lake for writing would do. `version` is None before it is made, 0 from before versions."""

    version: int | None
    changes: tuple[Change, ...]
    refused: tuple[str, ...]
    has_options: bool

    @property
    def is_current(self) -> bool:
        """Nothing is to be done."""
        return self.version == LAKE_VERSION and not self.changes and self.has_options

    def require_possible(self) -> None:
        """Refuse what cannot be done by itself.

        Raises:
            StoreVersionError: with every column that stands against it.
        """
        if self.refused:
            raise StoreVersionError(
                f"The lake cannot be upgraded by itself: {'; '.join(self.refused)}. Nothing was changed.",
                "Run the version of the project that wrote it, or mend the contract: a column that is dropped is named "
                "in RETIRED_COLUMNS, a narrower type is a new column (CONTRIBUTING.md, A new column).",
            )


def plan_upgrade(lake: Lake) -> LakePlan:
    """What `migrate` would do; reads only.

    Raises:
        StoreVersionError: a newer program wrote the lake.
    """
    if not lake.is_made():
        return LakePlan(version=None, changes=(), refused=(), has_options=False)
    with lake.snapshot() as connection:
        return _plan(connection)


def migrate(lake: Lake) -> None:
    """Make what is missing and upgrade what is older; a lake that is up to date is only read.

    All changes are one transaction under the writers' lock: another process waits and finds nothing to do.

    Raises:
        StoreVersionError: a newer program wrote the lake, or something cannot be done by itself; nothing was changed.
    """
    with lake.snapshot() as connection:
        plan = _plan(connection)
    plan.require_possible()
    if not plan.is_current:
        # Two steps: an option of a schema asks for the schema to be committed.
        lake.run("set the lake's options and create its schemas", _create_schemas)
        lake.run("upgrade the lake's tables" if plan.version is not None else "create the lake's tables", _upgrade)
    note_empty_tables(lake)


@cache
def declared_tables() -> Tables:
    """The tables of this program beside the raw ones, as DuckDB understands their DDL."""
    statements = [f"CREATE SCHEMA {schema}" for schema in SCHEMAS]
    statements += [_statements(table)[0] for table in _declared_names()]
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(f"BEGIN; {'; '.join(statements)}; COMMIT")
        found = read_tables(connection, _declared_names())
        defaults = {f"core.{name}": table_contract(model).defaults for name, model in CORE_TABLES.items()}
        return {
            table: {
                name: TableColumn(
                    column.kind,
                    column.nullable,
                    defaults.get(table, {}).get(name) or text_of_default(connection, column.default),
                )
                for name, column in found[table].items()
            }
            for table in _declared_names()
        }


def _declared_names() -> Iterator[str]:
    yield from BOOKKEEPING
    yield from (f"core.{name}" for name in CORE_TABLES)
    yield _ITEM_LOCATIONS


def _plan(connection: Connection) -> LakePlan:
    existing = relations(connection)
    version = read_version(connection, existing)
    raw = {name for name in existing if name.startswith("raw.") and f"{name}_current" in existing}
    declared = {**declared_tables(), **{name: _raw_columns() for name in raw}}
    found = read_tables(connection, existing & {*declared, *_RENAMED_TABLES})
    renames = tuple(_rename(found))
    return LakePlan(
        version=version,
        changes=(*renames, *plan_changes(found, declared)),
        refused=tuple(refusals(found, declared, RETIRED_COLUMNS)),
        has_options=_has_options(connection),
    )


def _rename(found: dict[str, dict[str, TableColumn]]) -> Iterator[Change]:
    """The changes that give earlier names their later ones, which `found` has afterwards."""
    for table, name in _RENAMED_TABLES.items():
        if table in found:
            found[f"{table.partition('.')[0]}.{name}"] = found.pop(table)
            yield Change(table, f"rename {table} to {name}", (f"ALTER TABLE {table} RENAME TO {name}",))
    for table, columns in _RENAMED_COLUMNS.items():
        for before, name in columns.items():
            if before in found.get(table, {}):
                found[table][name] = found[table].pop(before)
                statement = f"ALTER TABLE {table} RENAME COLUMN {before} TO {name}"
                yield Change(table, f"rename {table}.{before} to {name}", (statement,))


def _raw_columns() -> dict[str, TableColumn]:
    kinds = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    return {name: TableColumn(kinds.get(kind, kind), nullable=False) for name, kind in RAW_COLUMNS.items()}


def _has_options(connection: Connection) -> bool:
    found = connection.execute("SELECT option_name, value, scope_entry FROM ducklake_options('lake')").fetchall()
    wanted = [(*option, None) for option in OPTIONS.items()] + [(*option, "core") for option in OPTIONS_OF_CORE.items()]
    return set(wanted) <= set(found)


def _create_schemas(connection: Connection) -> None:
    for name, value in OPTIONS.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)})")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")


def _upgrade(connection: Connection) -> None:
    """Plan again, for another process may have been faster, and do it."""
    plan = _plan(connection)
    plan.require_possible()
    for name, value in OPTIONS_OF_CORE.items():
        connection.execute(f"CALL lake.set_option({quoted(name)}, {quoted(value)}, schema => 'core')")
    for change in plan.changes:
        for statement in change.statements or _statements(change.table):
            connection.execute(statement)
    if plan.version != LAKE_VERSION:
        write_version(connection)


def _statements(table: str) -> list[str]:
    if table in BOOKKEEPING:
        return [BOOKKEEPING[table]]
    if table == _ITEM_LOCATIONS:
        return create_table_statements(ItemLocations, "reference", partitioned=False)
    return create_table_statements(CORE_TABLES[table.removeprefix("core.")], "core")
