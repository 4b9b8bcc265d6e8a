"""What the failures of a chunk become: rejects for the quarantine, and children that only the lake can decide."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from order_pipeline.warehouse.core.hard_checks import MERGED_COPY, UNDECIDED, StagedTable
from order_pipeline.warehouse.core.quarantine import FOUND_REJECTS
from order_pipeline.warehouse.lake.literals import quoted


def with_failures(connection: duckdb.DuckDBPyConnection, tables: Collection[StagedTable]) -> list[StagedTable]:
    """The staged tables of which a check noted something: mostly none, and each statement on one takes milliseconds."""
    noted = {relation for (relation,) in connection.execute("SELECT DISTINCT relation FROM failures").fetchall()}
    return [staged for staged in tables if staged.relation in noted]


def found_rejects(connection: duckdb.DuckDBPyConnection, tables: Collection[StagedTable]) -> pa.Table:
    """The failures of staged tables as rows with the columns `FOUND_REJECTS`, without the undecided ones."""
    connection.execute(f"CREATE TABLE rejects ({FOUND_REJECTS})")
    for staged in tables:
        connection.execute(
            f"INSERT INTO rejects SELECT * EXCLUDE (row) FROM ({_failures_as_rejects(staged)})"
            f" WHERE rule NOT IN ('{UNDECIDED}', '{MERGED_COPY}')"
        )
    return connection.execute("SELECT * FROM rejects").to_arrow_table()


def undecided_rows(
    connection: duckdb.DuckDBPyConnection, tables: Collection[StagedTable], run_id: str
) -> dict[str, pa.Table]:
    """Children whose order is not in the chunk, by core table; only tables that have some.

    Columns: those of `FOUND_REJECTS`, for the reject that an orphan becomes; `good_row` the whole row as a struct, NULL
    for one that broke another rule.
    """
    found = {
        staged.contract.name: connection.execute(
            f"""
            SELECT rejects.* EXCLUDE (row) REPLACE ('orphan' AS rule),
                CASE WHEN rejects.row NOT IN ({staged.failed} AND rule <> '{UNDECIDED}') THEN typed END AS good_row
            FROM ({_failures_as_rejects(staged)}) AS rejects
            INNER JOIN (
                SELECT rowid AS row, {staged.typed_columns(run_id)} FROM {staged.relation}
                WHERE rowid IN ({staged.failed})
            ) AS typed ON typed.row = rejects.row
            WHERE rejects.rule = '{UNDECIDED}'
            """
        ).to_arrow_table()
        for staged in tables
    }
    return {name: rows for name, rows in found.items() if rows.num_rows}


def _failures_as_rejects(staged: StagedTable) -> str:
    """The failures as rows of the quarantine; a row whose key is not whole gets one from its order or raw record."""
    key_columns = [column for column in staged.contract.key if column in staged.columns]
    key = ", ".join(f"CAST({column} AS VARCHAR)" for column in key_columns)
    has_key = " AND ".join(f"{column} IS NOT NULL" for column in key_columns)
    order_id = "order_id" if "order_id" in staged.columns else "NULL::VARCHAR"
    return f"""
        SELECT source, '{staged.contract.name}' AS table_name,
            CASE WHEN {has_key} THEN concat_ws('|', {key})
                ELSE concat(coalesce({order_id}, raw_record_id), ':?', dense_rank() OVER (
                    PARTITION BY raw_record_id, {has_key} ORDER BY failures.row)) END AS key,
            failures.rule, failures.field, failures.value, {order_id} AS order_id, order_day, raw_record_id, raw_sha256,
            failures.row
        FROM failures INNER JOIN {staged.relation} AS staged ON staged.rowid = failures.row
        WHERE failures.relation = {quoted(staged.relation)}
    """
