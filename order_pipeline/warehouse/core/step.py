"""One step of a build: its portions, staged and brought together, ready for the lake's transaction.

The staged rows stay where they are, in memory or in files; `core.<table>` in the scratch space is a view over the good
ones of all portions, so nothing is copied before the transaction reads it.
Does not belong here: the rules, the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.core.batches import Step
from order_pipeline.warehouse.core.crew import Crew, results_of
from order_pipeline.warehouse.core.hard_checks import (
    StagedTable,
    good_rows,
    has_child_without_order,
    record_without_parent,
)
from order_pipeline.warehouse.core.portion import StagedPortion, Staging, staged_table
from order_pipeline.warehouse.core.quarantine import FOUND_REJECTS
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.scratch import Scratch
from order_pipeline.warehouse.sql.batches import run_batch

LINE_PRICES = "stg_common__order_line_prices"


@dataclass(slots=True)
class StagedStep:
    """The scratch space of one step while it fills: `start` sets the crew to work.

    Attributes:
        published: done when `core` of the scratch space has the good rows of all tables but prices.
        ready: done when it has the prices too, and `batch` the rejects.
    """

    scratch: Scratch
    staging: Staging
    seeds: dict[str, str]
    published: Future[list[StagedPortion]] = field(default_factory=Future[list[StagedPortion]])
    ready: Future[None] = field(default_factory=Future[None])

    def start(  # noqa: PLR0917
        self,
        connection: Connection,
        step: Step,
        foremen: Executor,
        crew: Crew,
        turn: int,
        earlier: Future[None] | None,
    ) -> None:
        """Prepare the scratch space, and have the portions staged and brought together.

        Both futures raise ContractError or SqlModelError for a defect of the SQL, met by one of the portions.

        Args:
            connection: sees the scratch space; not used after the call.
            step: its portions.
            foremen: threads that wait for the crew, one a portion.
            crew: does the work.
            turn: the step's turn in the crew.
            earlier: the commit that must be done before orders that are not in the step are looked for in core.
        """
        batch = self.scratch.batch
        statements = (
            f"rejects ({FOUND_REJECTS})",
            "found_warnings (order_day DATE, rule VARCHAR, field VARCHAR, key VARCHAR)",
            "rejected_orders (order_id VARCHAR)",
        )
        for statement in statements:
            connection.execute(f"CREATE TABLE {batch}.{statement}")
        connection.execute(f"CREATE TABLE {batch}.days AS SELECT unnest(?::DATE[]) AS order_day", [list(step.days)])
        # The portions of a divided day together may be more than memory has room for.
        files = self.scratch.files if step.is_divided_day else None
        portions = [
            foremen.submit(
                self.staging.stage, crew, portion, f"{self.scratch.catalog}.portion_{number}", self.seeds, turn, files
            )
            for number, portion in enumerate(step.portions)
        ]
        orders = crew.submit(partial(self._bring_orders_together, portions), after=portions, turn=turn)
        committed = _when_needed(orders, earlier)
        bring_together = partial(self._bring_together, crew.lake, portions, orders)
        self.published = crew.submit(bring_together, after=[orders, committed], turn=turn)
        self.ready = crew.submit(partial(self._complete, crew.lake, files), after=[self.published], turn=turn)

    def _bring_orders_together(
        self, staged: Sequence[Future[StagedPortion]], connection: Connection
    ) -> list[tuple[str, StagedTable]]:
        """Publish the good orders; places and tables of children whose order is not among them."""
        portions = results_of(staged)
        self._publish(connection, "orders", portions)
        self._note_rejected_orders(connection, portions)
        return [
            (portion.place, table)
            for portion in portions
            for table in portion.tables.values()
            if has_child_without_order(connection, self.scratch, table)
        ]

    def _bring_together(
        self,
        lake: Lake,
        staged: Sequence[Future[StagedPortion]],
        without_order: Future[list[tuple[str, StagedTable]]],
        connection: Connection,
    ) -> list[StagedPortion]:
        portions = results_of(staged)
        for place, table in without_order.result():
            with lake.looking(connection):
                record_without_parent(connection, self.scratch, place, table)
        for name in CORE_TABLES:
            if name not in {"orders", "prices"}:
                self._publish(connection, name, portions)
        return portions

    def _complete(self, lake: Lake, files: Path | None, connection: Connection) -> None:
        portions = list(self.published.result())
        with_lines = [portion for portion in portions if "order_lines" in portion.tables]
        portions += [self._line_prices(lake, connection, portion, files) for portion in with_lines]
        self._publish(connection, "prices", portions)
        for portion in portions:
            self._collect_rejects(connection, portion)

    def _line_prices(
        self, lake: Lake, connection: Connection, portion: StagedPortion, files: Path | None
    ) -> StagedPortion:
        """What the portion's lines were sold at; their orders may be another portion's."""
        place = f"{portion.place}_line_prices"
        connection.execute(f"CREATE SCHEMA {place}")
        lines = self._good_rows(connection, portion, portion.tables["order_lines"])
        core = {("core", "orders"): f"{self.scratch.core}.orders", ("core", "order_lines"): f"({lines})"}
        relations = run_batch(self.staging.project, connection, [LINE_PRICES], place=place, ref=self.seeds, source=core)
        prices = staged_table(connection, "prices", relations[LINE_PRICES])
        return self.staging.check(lake, connection, place, {"prices": prices}, files)

    def _note_rejected_orders(self, connection: Connection, portions: Sequence[StagedPortion]) -> None:
        for portion in portions:
            if orders := portion.tables.get("orders"):
                connection.execute(
                    f"INSERT INTO {self.scratch.batch}.rejected_orders"
                    f" SELECT DISTINCT order_id FROM {orders.relation} WHERE order_id IS NOT NULL"
                    f" AND {orders.row} IN (SELECT row FROM {portion.place}.failures WHERE table_name = 'orders')"
                )

    def _collect_rejects(self, connection: Connection, portion: StagedPortion) -> None:
        failed = connection.execute(f"SELECT DISTINCT table_name FROM {portion.place}.failures").fetchall()
        for (table,) in failed:
            connection.execute(
                f"INSERT INTO {self.scratch.batch}.rejects {_rejects_of(portion.tables[table], portion.place)}"
            )

    def _publish(self, connection: Connection, table: str, portions: Sequence[StagedPortion]) -> None:
        parts = [
            self._good_rows(connection, portion, staged)
            for portion in portions
            if (staged := portion.tables.get(table))
        ] or [_no_rows(table_contract(CORE_TABLES[table]))]
        connection.execute(f"CREATE OR REPLACE VIEW {self.scratch.core}.{table} AS {' UNION ALL '.join(parts)}")

    def _good_rows(self, connection: Connection, portion: StagedPortion, staged: StagedTable) -> str:
        return (
            f"SELECT {staged.typed_columns(self.staging.run_id)} FROM {staged.relation}"
            f" WHERE {good_rows(connection, portion.place, staged)}"
        )


def _when_needed(without_order: Future[list[tuple[str, StagedTable]]], commit: Future[None] | None) -> Future[None]:
    """Done with the commit where orders have to be looked for in core, else as soon as that is known."""
    done: Future[None] = Future()

    def wait_or_not(found: Future[list[tuple[str, StagedTable]]]) -> None:
        if commit and not found.exception() and found.result():
            commit.add_done_callback(lambda _: done.set_result(None))
        else:
            done.set_result(None)

    without_order.add_done_callback(wait_or_not)
    return done


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
        FROM {place}.failures AS failures INNER JOIN {staged.relation} AS staged ON staged.{staged.row} = failures.row
        WHERE failures.table_name = '{name}'
    """
