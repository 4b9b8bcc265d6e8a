"""One step of a build: its portions, staged side by side, brought together and ready for the lake's transaction.

The staged tables stay where they are; `core.<table>` in the scratch space is a view over the good rows of all portions,
so nothing is copied before the transaction reads it. Does not belong here: the rules, the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field

import duckdb

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.batches import Portion, Step
from order_pipeline.warehouse.hard_checks import StagedTable, check_parents, good_rows
from order_pipeline.warehouse.lake import Lake
from order_pipeline.warehouse.portion import StagedPortion, Staging, staged_table
from order_pipeline.warehouse.quarantine import FOUND_REJECTS
from order_pipeline.warehouse.scratch import Scratch

LINE_PRICES = "stg_common__order_line_prices"


@dataclass(slots=True)
class StagedStep:
    """The scratch space of one step while it fills: `start` sets its portions to work, `finish` waits for them."""

    connection: duckdb.DuckDBPyConnection
    scratch: Scratch
    staging: Staging
    seeds: dict[str, str]
    portions: list[Future[StagedPortion]] = field(default_factory=list[Future[StagedPortion]])

    def start(self, lake: Lake, step: Step, pool: Executor) -> None:
        """Prepare the scratch space, and have the portions staged by the pool's threads."""
        batch = self.scratch.batch
        statements = (
            f"rejects ({FOUND_REJECTS})",
            "found_warnings (order_day DATE, rule VARCHAR, field VARCHAR, key VARCHAR)",
            "rejected_orders (order_id VARCHAR)",
        )
        for statement in statements:
            self.connection.execute(f"CREATE TABLE {batch}.{statement}")
        self.connection.execute(
            f"CREATE TABLE {batch}.days AS SELECT unnest(?::DATE[]) AS order_day", [list(step.days)]
        )
        self.portions = [
            pool.submit(self._stage, lake, portion, f"{self.scratch.catalog}.portion_{number}")
            for number, portion in enumerate(step.portions)
        ]

    def _stage(self, lake: Lake, portion: Portion, place: str) -> StagedPortion:
        with lake.connect() as connection:
            return self.staging.stage(connection, portion, place, self.seeds)

    def finish(self) -> None:
        """Afterwards `core` of the scratch space has the good rows, `batch` the rejects.

        Raises:
            ContractError, SqlModelError: a defect of the SQL, met by one of the portions.
        """
        wait(self.portions)  # all of them, also when one failed: the scratch space must not go while another fills it
        portions = [portion.result() for portion in self.portions]
        self._publish("orders", portions)
        self._note_rejected_orders(portions)
        for portion in portions:
            for staged in portion.tables.values():
                check_parents(self.connection, self.scratch, portion.place, staged)
        for table in CORE_TABLES:
            if table != "orders":
                self._publish(table, portions)
        if "order_lines" in self.staging.models:
            portions.append(self._line_prices())
            self._publish("prices", portions)
        for portion in portions:
            self._collect_rejects(portion)

    def _line_prices(self) -> StagedPortion:
        place = f"{self.scratch.catalog}.line_prices"
        self.connection.execute(f"CREATE SCHEMA {place}")
        core = {("core", table): f"{self.scratch.core}.{table}" for table in CORE_TABLES}
        relations = self.staging.project.run_batch(
            self.connection, [LINE_PRICES], place=place, ref=self.seeds, source=core
        )
        prices = staged_table(self.connection, "prices", relations[LINE_PRICES])
        return self.staging.check(self.connection, place, {"prices": prices})

    def _note_rejected_orders(self, portions: Sequence[StagedPortion]) -> None:
        for portion in portions:
            if "orders" in portion.tables:
                self.connection.execute(
                    f"INSERT INTO {self.scratch.batch}.rejected_orders"
                    f" SELECT DISTINCT order_id FROM {portion.tables['orders'].relation}"
                    " WHERE order_id IS NOT NULL"
                    f" AND rowid IN (SELECT row FROM {portion.place}.failures WHERE table_name = 'orders')"
                )

    def _collect_rejects(self, portion: StagedPortion) -> None:
        failed = self.connection.execute(f"SELECT DISTINCT table_name FROM {portion.place}.failures").fetchall()
        for (table,) in failed:
            self.connection.execute(
                f"INSERT INTO {self.scratch.batch}.rejects {_rejects_of(portion.tables[table], portion.place)}"
            )

    def _publish(self, table: str, portions: Sequence[StagedPortion]) -> None:
        parts = [
            f"SELECT {staged.typed_columns(self.staging.run_id)} FROM {staged.relation}"
            f" WHERE {good_rows(self.connection, portion.place, staged)}"
            for portion in portions
            if (staged := portion.tables.get(table))
        ] or [_no_rows(table_contract(CORE_TABLES[table]))]
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
