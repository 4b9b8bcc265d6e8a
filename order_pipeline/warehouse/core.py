"""Build core: raw -> staging -> checked -> the partitions of all core tables replaced in one transaction.

A day is built from the current raw versions of its orders, in portions of bounded size; bad rows go to quarantine with
their reason and never stop good ones. Days that raw marked dirty are built too, so a killed run heals by the next one.
Belongs here: the order of steps. Does not belong here: SQL of a source (`dbt_style_sql`), the rules (`hard_checks`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import duckdb

from order_pipeline.contracts import CORE_TABLES, contracts_fingerprint, create_table_statements, table_contract
from order_pipeline.contracts.enumerations import SETTLED_ORDER_STATUSES
from order_pipeline.warehouse.batches import Portion, load_portion, plan_portions
from order_pipeline.warehouse.build_state import BuildState, BuiltMeanwhileError, create_builds, read_state
from order_pipeline.warehouse.hard_checks import StagedTable, check_table, create_failures, good_rows
from order_pipeline.warehouse.lake import Lake
from order_pipeline.warehouse.quarantine import RejectChanges, create_quarantine
from order_pipeline.warehouse.replace import collect_unusable, replace_partitions
from order_pipeline.warehouse.scratch import Scratch, scratch_space
from order_pipeline.warehouse.soft_checks import SoftWarning, compare_with_previous_load, find_warnings, summarise
from order_pipeline.warehouse.sql_models import SqlProject

LINE_PRICES = "stg_common__order_line_prices"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class CoreResult:
    """What one build did. `rows` counts the good rows of the built days by table (append-only tables: rows added)."""

    source: str
    days: tuple[date, ...]
    skipped_days: tuple[date, ...]
    rows: dict[str, int] = field(default_factory=dict[str, int])
    rejected_rows: int = 0
    rejects_by_rule: dict[str, int] = field(default_factory=dict[str, int])
    quarantine: RejectChanges = field(default_factory=RejectChanges)
    warnings: tuple[SoftWarning, ...] = ()
    seconds: float = 0.0


def create_core(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the ten core tables, the record of builds and the quarantine; call it inside a lake transaction."""
    existing = {
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'core'"
        ).fetchall()
    }
    for name, model in CORE_TABLES.items():
        if name not in existing:
            for statement in create_table_statements(model, "core"):
                connection.execute(statement)
    create_builds(connection)
    create_quarantine(connection)


def build_core(
    lake: Lake,
    source: str,
    days: Iterable[date],
    run_id: str,
    *,
    skip_unchanged: bool = False,
    project: SqlProject | None = None,
) -> CoreResult:
    """Bring core in line with raw for the given days and for every dirty day of the source.

    Args:
        lake: migrated, with core created.
        source: the channel; its models are `stg_<source>__<core table>`.
        days: partition days (UTC).
        run_id: kept in every row.
        skip_unchanged: leave out requested days that are clean and were built by the same SQL and contracts.
        project: the SQL project; None reads the repository's.

    Raises:
        BuiltMeanwhileError: other builds of the same days kept committing between our reading and our commit.
        ContractError, SqlModelError: a defect of the SQL, not of the data; nothing was changed.
    """
    started = time.perf_counter()
    project = project or SqlProject()
    tables = [name for name in CORE_TABLES if f"stg_{source}__{name}" in project.models]
    fingerprint = project.fingerprint([f"stg_{source}__{name}" for name in tables] + [LINE_PRICES])
    fingerprint += contracts_fingerprint(list(CORE_TABLES.values()))
    for attempt in range(1, _ATTEMPTS + 1):
        with lake.connect() as connection:
            state = read_state(connection, source, days, fingerprint, skip_unchanged=skip_unchanged)
            if not state.days:
                return CoreResult(source, (), state.skipped_days, seconds=time.perf_counter() - started)
            with scratch_space(connection) as scratch:
                build = _Build(lake, connection, scratch, project, state, source, tables, run_id)
                try:
                    return build.run(started)
                except BuiltMeanwhileError:
                    if attempt == _ATTEMPTS:
                        raise
    raise AssertionError("unreachable: the last attempt returns or raises")


@dataclass(slots=True)
class _Build:
    """One attempt: everything up to the transaction happens in the scratch space."""

    lake: Lake
    connection: duckdb.DuckDBPyConnection
    scratch: Scratch
    project: SqlProject
    state: BuildState
    source: str
    tables: list[str]
    run_id: str

    def run(self, started: float) -> CoreResult:
        built_at = datetime.now(UTC)
        self._prepare()
        seeds = self.project.load_seeds(self.connection, self.scratch.batch)
        raw_tables = self._raw_tables()
        existing = [table for table in raw_tables.values() if table]
        bucket_keys = self._bucket_keys()
        for portion in plan_portions(self.connection, existing, self.state.days):
            self._build_portion(portion, raw_tables, bucket_keys, seeds)
        if "order_lines" in self.tables:
            self._add_line_prices(seeds)
        collect_unusable(self.connection, self.scratch, self.source, self.state.days)
        days = list(self.state.days)
        compare_with_previous_load(
            self.connection, scratch=self.scratch, source=self.source, days=days, settled=SETTLED_ORDER_STATUSES
        )
        find_warnings(
            self.connection,
            self.project,
            scratch=self.scratch,
            ref=seeds,
            source=self.source,
            seen_at=built_at,
            run_id=self.run_id,
        )
        rows, quarantine = self.lake.run(
            f"replace core.* of {self.source}, {len(days)} days",
            lambda transaction: replace_partitions(
                transaction, self.scratch, self.state, built_at=built_at, run_id=self.run_id
            ),
        )
        rejected, by_rule = self._count_rejects()
        return CoreResult(
            source=self.source,
            days=self.state.days,
            skipped_days=self.state.skipped_days,
            rows=rows,
            rejected_rows=rejected,
            rejects_by_rule=by_rule,
            quarantine=quarantine,
            warnings=summarise(self.connection, self.scratch),
            seconds=time.perf_counter() - started,
        )

    def _prepare(self) -> None:
        batch = self.scratch.batch
        for model in CORE_TABLES.values():
            for statement in create_table_statements(model, self.scratch.core, partitioned=False):
                self.connection.execute(statement)
        self.connection.execute(
            f"CREATE TABLE {batch}.rejects (source VARCHAR, table_name VARCHAR, key VARCHAR, rule VARCHAR,"
            " field VARCHAR, value VARCHAR, order_id VARCHAR, order_day DATE,"
            " raw_record_id VARCHAR, raw_sha256 VARCHAR)"
        )
        self.connection.execute(
            f"CREATE TABLE {batch}.found_warnings (order_day DATE, rule VARCHAR, field VARCHAR, key VARCHAR)"
        )
        self.connection.execute(f"CREATE TABLE {batch}.rejected_orders (order_id VARCHAR)")
        self.connection.execute(
            f"CREATE TABLE {batch}.days AS SELECT unnest(?::DATE[]) AS order_day", [list(self.state.days)]
        )

    def _staging_models(self) -> list[str]:
        return [f"stg_{self.source}__{name}" for name in self.tables]

    def _raw_tables(self) -> dict[str, str | None]:
        wanted = {table for schema, table in self.project.sources_of(self._staging_models()) if schema == "raw"}
        existing = {
            row[0]
            for row in self.connection.execute(
                "SELECT table_name FROM duckdb_tables()"
                " WHERE database_name = current_database() AND schema_name = 'raw'"
            ).fetchall()
        }
        wanted.discard("reappearances")
        return {name: f"raw.{name}" if name in existing else None for name in sorted(wanted)}

    def _bucket_keys(self) -> dict[str, str]:
        keys: dict[str, str] = {}
        for name in self.project.upstream(self._staging_models()):
            rendered = self.project.graph[name]
            key = rendered.config.get("meta", {}).get("bucket_key")
            if key:
                keys.update({table: key for schema, table in rendered.sources if schema == "raw"})
        return keys

    def _build_portion(
        self,
        portion: Portion,
        raw_tables: dict[str, str | None],
        bucket_keys: dict[str, str],
        seeds: dict[str, str],
    ) -> None:
        place = self.scratch.batch
        sources = load_portion(
            self.connection, portion, place=place, source=self.source, tables=raw_tables, bucket_keys=bucket_keys
        )
        relations = self.project.run_batch(
            self.connection, self._staging_models(), place=place, ref=seeds, source=sources
        )
        create_failures(self.connection, place)
        for name in self.tables:
            self._keep(name, relations[f"stg_{self.source}__{name}"])

    def _add_line_prices(self, seeds: dict[str, str]) -> None:
        core = {("core", name): f"{self.scratch.core}.{name}" for name in CORE_TABLES}
        relations = self.project.run_batch(
            self.connection, [LINE_PRICES], place=self.scratch.batch, ref=seeds, source=core
        )
        create_failures(self.connection, self.scratch.batch)
        self._keep("prices", relations[LINE_PRICES])

    def _keep(self, name: str, relation: str) -> None:
        """Check a staged table; its good rows join the build's, its bad ones the rejects."""
        batch, contract = self.scratch.batch, table_contract(CORE_TABLES[name])
        described = self.connection.execute(f"DESCRIBE {relation}").fetchall()
        staged = StagedTable(contract, relation, frozenset(row[0] for row in described))
        check_table(self.connection, self.scratch, staged, self.run_id)
        self.connection.execute(
            f"INSERT INTO {self.scratch.core}.{name} BY NAME SELECT {staged.typed_columns()}, ?::VARCHAR AS run_id"
            f" FROM {relation} WHERE {good_rows(batch, staged)}",
            [self.run_id],
        )
        key = ", ".join(f"CAST({column} AS VARCHAR)" for column in contract.key if column in staged.columns)
        whole = " AND ".join(f"{column} IS NOT NULL" for column in contract.key if column in staged.columns)
        order_id = "order_id" if "order_id" in staged.columns else "NULL"
        self.connection.execute(
            f"""
            INSERT INTO {batch}.rejects
            SELECT source, '{name}',
                CASE WHEN {whole} THEN concat_ws('|', {key})
                    ELSE concat(coalesce({order_id}, raw_record_id), ':?', dense_rank() OVER (
                        PARTITION BY raw_record_id, {whole} ORDER BY failures.row)) END,
                failures.rule, failures.field, failures.value, {order_id}, order_day, raw_record_id, raw_sha256
            FROM {batch}.failures AS failures INNER JOIN {relation} AS staged ON staged.rowid = failures.row
            WHERE failures.table_name = '{name}'
            """
        )
        if name == "orders":
            self.connection.execute(
                f"INSERT INTO {batch}.rejected_orders SELECT DISTINCT order_id FROM {relation}"
                f" WHERE order_id IS NOT NULL"
                f" AND rowid IN (SELECT row FROM {batch}.failures WHERE table_name = 'orders')"
            )

    def _count_rejects(self) -> tuple[int, dict[str, int]]:
        batch = self.scratch.batch
        rows = self.connection.execute(
            f"SELECT count(DISTINCT (table_name, key, raw_record_id)) FROM {batch}.rejects"
        ).fetchone()
        by_rule = self.connection.execute(
            f"SELECT rule, count(*) FROM {batch}.rejects GROUP BY rule ORDER BY rule"
        ).fetchall()
        return (int(rows[0]) if rows else 0), dict(by_rule)
