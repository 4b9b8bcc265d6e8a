"""One step of a build: the step's days staged portion by portion, checked, and ready in the scratch space.

The staged tables stay where they are; `core.<table>` in the scratch space is a view over the good rows of all portions,
so nothing is copied before the lake's transaction reads it. Does not belong here: the rules, the transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

import duckdb

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.batches import Portion, RawResource, Step, portion_sources, write_exact_payloads
from order_pipeline.warehouse.hard_checks import StagedTable, check_table, create_failures, good_rows
from order_pipeline.warehouse.quarantine import FOUND_REJECTS
from order_pipeline.warehouse.scratch import Scratch
from order_pipeline.warehouse.sql_models import SqlProject

LINE_PRICES = "stg_common__order_line_prices"

# Doubles hold four decimals exactly below 2^53 / 10^4, about 9.007e11; a larger amount may have been rounded.
LARGEST_EXACT = 900_000_000_000


def staging_models(project: SqlProject, source: str) -> dict[str, str]:
    """The source's staged core tables: table -> model `stg_<source>__<table>`, parents before children."""
    names = {table: f"stg_{source}__{table}" for table in CORE_TABLES}
    return {table: name for table, name in names.items() if name in project.models}


@dataclass(slots=True)
class StagedStep:
    """The scratch space of one step while it fills."""

    connection: duckdb.DuckDBPyConnection
    scratch: Scratch
    project: SqlProject
    source: str
    run_id: str
    seeds: dict[str, str]
    good: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def build(self, step: Step, resources: Collection[RawResource]) -> None:
        """Stage and check all portions; afterwards `scratch.core` has the good rows, `scratch.batch` the rejects."""
        self._prepare(step.days)
        for number, portion in enumerate(step.portions):
            self._build_portion(f"{self.scratch.catalog}.portion_{number}", portion, resources)
        if "order_lines" in staging_models(self.project, self.source):
            self._add_line_prices()

    def _prepare(self, days: tuple[date, ...]) -> None:
        batch = self.scratch.batch
        for table in CORE_TABLES:
            self._publish(table)
        statements = (
            f"rejects ({FOUND_REJECTS})",
            "found_warnings (order_day DATE, rule VARCHAR, field VARCHAR, key VARCHAR)",
            "rejected_orders (order_id VARCHAR)",
        )
        for statement in statements:
            self.connection.execute(f"CREATE TABLE {batch}.{statement}")
        self.connection.execute(f"CREATE TABLE {batch}.days AS SELECT unnest(?::DATE[]) AS order_day", [list(days)])

    def _build_portion(self, place: str, portion: Portion, resources: Collection[RawResource]) -> None:
        models = staging_models(self.project, self.source)
        self.connection.execute(f"CREATE SCHEMA {place}")
        sources = portion_sources(resources, portion)
        relations = self._run(models.values(), place, sources)
        if self._has_rounded_numbers(models, relations):
            exact = f"{place}.exact_payloads"
            write_exact_payloads(self.connection, sources, exact)
            relations = self._run(models.values(), place, portion_sources(resources, portion, exact))
        self._drop_helpers(place, models.values())
        create_failures(self.connection, place)
        for table, model in models.items():
            self._keep(table, relations[model], place)

    def _run(self, names: Collection[str], place: str, sources: dict[tuple[str, str], str]) -> dict[str, str]:
        return self.project.run_batch(self.connection, names, place=place, ref=self.seeds, source=sources)

    def _drop_helpers(self, place: str, staged: Collection[str]) -> None:
        """Free what only led to the staged tables; the parsed documents are most of a portion's memory."""
        for helper in set(self.project.upstream(staged)) - set(staged):
            self.connection.execute(f"DROP TABLE IF EXISTS {place}.{helper}")

    def _has_rounded_numbers(self, models: dict[str, str], relations: dict[str, str]) -> bool:
        for table, model in models.items():
            staged = self._staged(table, relations[model])
            large = [
                f"{column.name} NOT BETWEEN -{LARGEST_EXACT} AND {LARGEST_EXACT}"
                for column in staged.contract.columns
                if column.duckdb_type in {"DECIMAL(18,4)", "DECIMAL(18,3)"} and column.name in staged.columns
            ]
            if large and self._exists(f"SELECT 1 FROM {staged.relation} WHERE {' OR '.join(large)} LIMIT 1"):
                return True
        return False

    def _exists(self, sql: str) -> bool:
        return self.connection.execute(sql).fetchone() is not None

    def _add_line_prices(self) -> None:
        place = f"{self.scratch.catalog}.line_prices"
        self.connection.execute(f"CREATE SCHEMA {place}")
        core = {("core", table): f"{self.scratch.core}.{table}" for table in CORE_TABLES}
        relations = self._run([LINE_PRICES], place, core)
        create_failures(self.connection, place)
        self._keep("prices", relations[LINE_PRICES], place)

    def _staged(self, table: str, relation: str) -> StagedTable:
        described = self.connection.execute(f"DESCRIBE {relation}").fetchall()
        return StagedTable(table_contract(CORE_TABLES[table]), relation, frozenset(row[0] for row in described))

    def _keep(self, table: str, relation: str, place: str) -> None:
        """Check a staged table; its good rows join `core.<table>`, its bad ones the rejects."""
        staged = self._staged(table, relation)
        check_table(self.connection, self.scratch, place, staged, self.run_id)
        self.good.setdefault(table, []).append(
            f"SELECT {staged.typed_columns(self.run_id)} FROM {relation} WHERE {good_rows(place, staged)}"
        )
        self._publish(table)
        self.connection.execute(f"INSERT INTO {self.scratch.batch}.rejects {_rejects_of(staged, place)}")
        if table == "orders":
            self.connection.execute(
                f"INSERT INTO {self.scratch.batch}.rejected_orders SELECT DISTINCT order_id FROM {relation}"
                " WHERE order_id IS NOT NULL"
                f" AND rowid IN (SELECT row FROM {place}.failures WHERE table_name = 'orders')"
            )

    def _publish(self, table: str) -> None:
        parts = self.good.get(table) or [_no_rows(table_contract(CORE_TABLES[table]))]
        self.connection.execute(f"CREATE OR REPLACE VIEW {self.scratch.core}.{table} AS {' UNION ALL '.join(parts)}")


def _no_rows(contract: TableContract) -> str:
    columns = ", ".join(f"NULL::{column.duckdb_type} AS {column.name}" for column in contract.columns)
    return f"SELECT {columns} WHERE false"


def _rejects_of(staged: StagedTable, place: str) -> str:
    """The failures as rows of the quarantine; a row whose key is not whole gets one from its order or raw record."""
    key_columns = [column for column in staged.contract.key if column in staged.columns]
    key = ", ".join(f"CAST({column} AS VARCHAR)" for column in key_columns)
    has_key = " AND ".join(f"{column} IS NOT NULL" for column in key_columns)
    order_id = "order_id" if "order_id" in staged.columns else "NULL::VARCHAR"
    name = staged.contract.name
    return f"""
        SELECT source, '{name}',
            CASE WHEN {has_key} THEN concat_ws('|', {key})
                ELSE concat(coalesce({order_id}, raw_record_id), ':?', dense_rank() OVER (
                    PARTITION BY raw_record_id, {has_key} ORDER BY failures.row)) END,
            failures.rule, failures.field, failures.value, {order_id}, order_day, raw_record_id, raw_sha256
        FROM {place}.failures AS failures INNER JOIN {staged.relation} AS staged ON staged.rowid = failures.row
        WHERE failures.table_name = '{name}'
    """
