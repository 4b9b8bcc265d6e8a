"""Which staged rows break a hard check (common_schema.md section 13): a scratch table of failures; nothing is removed.

Three kinds: text that did not cast and faults that staging names (SQL, from the companions), the pandera contract
(Arrow frames), and what needs other rows (duplicates, rejected parents, orphans). What a reject becomes is not decided
here.

Companions of a staged row, none of them in the contract: `<column>_text` is the source's text of a cast column (a
column's `_raw` in the contract serves as well), `faults` a list of (rule, field, value), `is_partial` marks
summary-only rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd

from order_pipeline.channels.registry import NAMES
from order_pipeline.contracts import MASK, TableContract, columns_to_check, find_failures
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.scratch import Scratch

ROWS_A_FRAME = 20_000
LONGEST_VALUE = 200
_RULES_BY_TYPE = {
    "DECIMAL": "bad_number",
    "INTEGER": "bad_number",
    "TIMESTAMPTZ": "bad_timestamp",
    "BOOLEAN": "bad_json",
}
_ORPHANABLE = ("order_lines", "shipments", "shipment_lines", "parcels", "serial_numbers")


@dataclass(frozen=True, slots=True)
class StagedTable:
    """A core table's rows as staging yields them; the column `row` of the relation names a row."""

    contract: TableContract
    relation: str
    columns: frozenset[str]
    row: str = "rowid"

    def typed_columns(self, run_id: str) -> str:
        """All of the contract's columns in its types; NULL for those that staging does not have."""
        values = {name: name for name in self.columns} | {"run_id": quoted(run_id)}
        return ", ".join(
            f"CAST({values.get(column.name, 'NULL')} AS {column.duckdb_type}) AS {column.name}"
            for column in self.contract.columns
        )


def create_failures(connection: duckdb.DuckDBPyConnection, place: str) -> None:
    """Create the empty failures table of a portion."""
    connection.execute(
        f"CREATE OR REPLACE TABLE {place}.failures"
        " (table_name VARCHAR, row BIGINT, rule VARCHAR, field VARCHAR, value VARCHAR)"
    )
    connection.execute(f"CREATE OR REPLACE TABLE {place}.merged_copies (table_name VARCHAR, row BIGINT)")


def check_rows(connection: duckdb.DuckDBPyConnection, place: str, staged: StagedTable, run_id: str) -> None:
    """Record what is wrong with rows of a staged table in `failures`, identical copies of a key in `merged_copies`."""
    _record_unreadable(connection, place, staged)
    _record_contract_failures(connection, place, staged, run_id)
    _record_duplicates(connection, place, staged)


def has_child_without_order(connection: duckdb.DuckDBPyConnection, scratch: Scratch, staged: StagedTable) -> bool:
    """Whether a child's order is not among the step's good ones, `core.orders` of the scratch space.

    Mostly there is none, and the scratch space alone tells: asking the lake costs ten times as much.
    """
    return staged.contract.name in _ORPHANABLE and _exists(
        connection,
        f"SELECT 1 FROM {staged.relation} AS child ANTI JOIN {scratch.core}.orders AS good USING (order_id)"
        " WHERE child.order_id IS NOT NULL",
    )


def record_without_parent(
    connection: duckdb.DuckDBPyConnection, scratch: Scratch, place: str, staged: StagedTable
) -> None:
    """Record children of a rejected order, which go with it, and orphans: their order is in neither this step nor core.

    Needs the step's good orders as `core.orders` of the scratch space, its `days` and `rejected_orders`.
    """
    name = staged.contract.name
    connection.execute(
        f"""
        INSERT INTO {place}.failures
        SELECT '{name}', child.row, CASE WHEN rejected.order_id IS NOT NULL THEN 'parent_rejected' ELSE 'orphan' END,
            'order_id', child.order_id
        FROM (SELECT {staged.row} AS row, order_id FROM {staged.relation} WHERE order_id IS NOT NULL) AS child
        ANTI JOIN {scratch.core}.orders AS good ON good.order_id = child.order_id
        LEFT JOIN (SELECT DISTINCT order_id FROM {scratch.batch}.rejected_orders) AS rejected
            ON rejected.order_id = child.order_id
        WHERE rejected.order_id IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM lake.core.orders AS stored
            WHERE stored.order_id = child.order_id
                AND stored.order_day NOT IN (SELECT order_day FROM {scratch.batch}.days)
        )
        """
    )


def good_rows(connection: duckdb.DuckDBPyConnection, place: str, staged: StagedTable) -> str:
    """Condition over the staged table: the row failed nothing and is no second copy. Ask after all checks."""
    name = quoted(staged.contract.name)
    conditions = [
        f"{staged.row} NOT IN (SELECT row FROM {place}.{bad} WHERE table_name = {name})"
        for bad in ("failures", "merged_copies")
        if _exists(connection, f"SELECT 1 FROM {place}.{bad} WHERE table_name = {name}")
    ]
    return " AND ".join(conditions) or "true"


def _record_unreadable(connection: duckdb.DuckDBPyConnection, place: str, staged: StagedTable) -> None:
    name, relation = staged.contract.name, staged.relation
    tests: list[tuple[str, str, str, str]] = []
    for column in staged.contract.columns:
        rule = _RULES_BY_TYPE.get(column.duckdb_type.split("(")[0])
        companion = next((c for c in (f"{column.name}_text", f"{column.name}_raw") if c in staged.columns), None)
        if rule and companion and column.name in staged.columns:
            value = f"'{MASK}'" if column.personal else f"left({companion}, {LONGEST_VALUE})"
            tests.append((f"({column.name} IS NULL AND {companion} IS NOT NULL)", rule, column.name, value))
    any_test = " OR ".join(test for test, _, _, _ in tests) or "false"
    if tests and _exists(connection, f"SELECT 1 FROM {relation} WHERE {any_test}"):
        for test, rule, field, value in tests:
            connection.execute(
                f"INSERT INTO {place}.failures SELECT '{name}', {staged.row}, '{rule}', '{field}', {value}"
                f" FROM {relation} WHERE {test}"
            )
    if "faults" in staged.columns and _exists(connection, f"SELECT 1 FROM {relation} WHERE len(faults) > 0"):
        connection.execute(
            f"INSERT INTO {place}.failures SELECT '{name}', row, fault.rule, fault.field,"
            f" left(fault.value, {LONGEST_VALUE})"
            f" FROM (SELECT {staged.row} AS row, unnest(faults) AS fault FROM {relation} WHERE len(faults) > 0)"
        )


def _record_contract_failures(
    connection: duckdb.DuckDBPyConnection, place: str, staged: StagedTable, run_id: str
) -> None:
    """Check the rows against the pandera model, frame by frame, so that memory does not grow with the portion.

    Only what there is to check is taken out of DuckDB: less than half of an order's columns.
    """
    contract = staged.contract
    wanted = columns_to_check(contract.model) - {"run_id"}
    selected = ", ".join(
        _selected(column.name, column.duckdb_type, present=column.name in staged.columns)
        for column in contract.columns
        if column.name in wanted
    )
    partial = ", is_partial" if "is_partial" in staged.columns else ""
    reader = connection.execute(
        f"SELECT {selected}{partial}, ?::VARCHAR AS run_id, {staged.row} AS scratch_row FROM {staged.relation}",
        [run_id],
    ).to_arrow_reader(ROWS_A_FRAME)
    found: list[pd.DataFrame] = []
    for batch in reader:
        frame = batch.to_pandas(types_mapper=pd.ArrowDtype)
        failures = find_failures(contract.model, frame, NAMES)
        if len(failures):
            failures["row"] = frame["scratch_row"].iloc[failures["row"].astype("int64")].to_numpy()
            found.append(failures)
    if not found:
        return
    connection.register(
        "contract_failures", pd.concat(found, ignore_index=True).astype({"row": "int64", "value": "string[pyarrow]"})
    )
    connection.execute(
        f"""
        INSERT INTO {place}.failures
        SELECT '{contract.name}', row, rule, field, value FROM contract_failures
        WHERE (row, field) NOT IN (SELECT row, field FROM {place}.failures WHERE table_name = '{contract.name}')
        """
    )
    connection.unregister("contract_failures")


def _selected(name: str, duckdb_type: str, *, present: bool) -> str:
    plain_type = "VARCHAR" if duckdb_type == "JSON" else duckdb_type
    return f"CAST({name if present else 'NULL'} AS {plain_type}) AS {name}"


def _record_duplicates(connection: duckdb.DuckDBPyConnection, place: str, staged: StagedTable) -> None:
    """Same key twice: identical copies merge into the first; with different content all of them are rejected."""
    contract, relation = staged.contract, staged.relation
    key_columns = [name for name in contract.key if name in staged.columns]
    key = ", ".join(key_columns)
    whole = " AND ".join(f"{name} IS NOT NULL" for name in key_columns)
    repeated = f"SELECT {key} FROM {relation} WHERE {whole} GROUP BY {key} HAVING count(*) > 1"
    if not _exists(connection, repeated):
        return
    bookkeeping = {"raw_record_id", "raw_sha256", "fetched_at", "run_id"}
    content = ", ".join(
        f"CAST({column.name} AS VARCHAR)"
        for column in contract.columns
        if column.name in staged.columns and column.name not in bookkeeping
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE copies AS
        SELECT {staged.row} AS row, concat_ws(':', {key}) AS key_text,
            count(DISTINCT hash({content})) OVER same_key AS contents, min({staged.row}) OVER same_key AS first_row
        FROM {relation} WHERE ({key}) IN ({repeated}) WINDOW same_key AS (PARTITION BY {key})
        """
    )
    connection.execute(
        f"INSERT INTO {place}.failures SELECT '{contract.name}', row, 'duplicate_key', '{contract.key[-1]}', key_text"
        " FROM copies WHERE contents > 1"
    )
    connection.execute(
        f"INSERT INTO {place}.merged_copies SELECT '{contract.name}', row FROM copies"
        " WHERE contents = 1 AND row <> first_row"
    )


def _exists(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    return connection.execute(f"{sql} LIMIT 1").fetchone() is not None
