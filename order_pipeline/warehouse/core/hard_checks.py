"""Which staged rows break a hard check (docs/apis/common_schema.md section 13); they are noted, not removed.

Three kinds: text that did not cast, containers in the place of texts and faults that staging names (from the
companions), the rules of the pandera contract (as SQL), and what needs other rows (duplicates, rejected parents,
children without an order).

Companions of a staged row, none of them in the contract: `<column>_text` is the source's text of a cast column (a
column's `_raw` in the contract serves as well), `faults` a list of (rule, field, value).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from order_pipeline.contracts import (
    CORE_TABLES,
    LONGEST_VALUE,
    MASK,
    ColumnContract,
    TableContract,
    rules_as_sql,
    table_contract,
)
from order_pipeline.warehouse.lake.literals import quoted

UNDECIDED = "undecided"
"""Noted for a child whose order is not in its chunk; only the lake can tell whether it is an orphan."""

MERGED_COPY = "merged_copy"
"""Noted for a row whose identical copy stays: it is not stored and no reject."""

_RULES_BY_TYPE = {
    "DECIMAL": "bad_number",
    "INTEGER": "bad_number",
    "TIMESTAMPTZ": "bad_timestamp",
    "BOOLEAN": "bad_json",
}
_FREE_TEXTS = {"note", "ship_to_note"}
"""What people type, brackets and all."""

_NEEDS_ORDER = ("order_lines", "shipments", "shipment_lines", "parcels", "serial_numbers")

# Where a row came from, not what it says.
_ORIGIN = {"raw_record_id", "raw_sha256", "fetched_at", "run_id"}


@dataclass(frozen=True, slots=True)
class StagedTable:
    """A core table's rows as staging yields them; `rowid` names a row, `columns` are those of the relation."""

    contract: TableContract
    relation: str
    columns: frozenset[str]

    @property
    def failed(self) -> str:
        """SQL of the rows that a check noted something of, as `rowid`s."""
        return f"SELECT row FROM failures WHERE relation = {quoted(self.relation)}"

    def values(self, run_id: str) -> dict[str, str]:
        """The SQL expression of every column that staging or the build knows."""
        return {name: name for name in self.columns} | {"run_id": quoted(run_id)}

    def typed_columns(self, run_id: str) -> str:
        """All of the contract's columns in its types; NULL for those that staging does not have."""
        values = self.values(run_id)
        return ", ".join(
            f"CAST({values.get(column.name, 'NULL')} AS {column.duckdb_type}) AS {column.name}"
            for column in self.contract.columns
        )

    def good_rows(self, run_id: str) -> str:
        """SQL of the rows that failed nothing, as the contract has them. Ask after all checks."""
        return f"SELECT {self.typed_columns(run_id)} FROM {self.relation} WHERE rowid NOT IN ({self.failed})"


def staged_table(connection: duckdb.DuckDBPyConnection, table: str, relation: str) -> StagedTable:
    """A core table's staged rows, with the columns that staging gave them."""
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    return StagedTable(table_contract(CORE_TABLES[table]), relation, frozenset(row[0] for row in described))


def create_failures(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty table of failures, for all staged tables of the database."""
    connection.execute(
        "CREATE TABLE failures (relation VARCHAR, row BIGINT, rule VARCHAR, field VARCHAR, value VARCHAR)"
    )


def check_rows(connection: duckdb.DuckDBPyConnection, staged: StagedTable, source: str, run_id: str) -> None:
    """Note in `failures` what is wrong with rows of a staged table, one by one and as copies of each other."""
    _note(connection, staged, _unreadable(staged))
    broken = rules_as_sql(staged.contract.model, (source,)).failures_query(staged.relation, staged.values(run_id))
    noted = f"SELECT row, field FROM failures WHERE relation = {quoted(staged.relation)}"
    _note(connection, staged, f"SELECT row, rule, field, value FROM ({broken}) WHERE (row, field) NOT IN ({noted})")
    _note(connection, staged, _copies(staged))


def check_parents(connection: duckdb.DuckDBPyConnection, staged: StagedTable, orders: StagedTable | None) -> None:
    """Note children of a rejected order, which go with it, and those whose order is not among the staged ones.

    Args:
        connection: its database has the good orders as `core.orders`.
        staged: of any core table; one that needs no order has nothing to note.
        orders: the staged orders, checked; None: the source stages none.
    """
    if staged.contract.name in _NEEDS_ORDER:
        rejected = f"SELECT order_id FROM {orders.relation} WHERE rowid IN ({orders.failed})" if orders else "NULL"
        _note(
            connection,
            staged,
            f"""
            SELECT rowid, CASE WHEN order_id IN ({rejected}) THEN 'parent_rejected' ELSE '{UNDECIDED}' END,
                'order_id', order_id
            FROM {staged.relation} WHERE order_id IS NOT NULL AND order_id NOT IN (SELECT order_id FROM core.orders)
            """,
        )


def _note(connection: duckdb.DuckDBPyConnection, staged: StagedTable, failures: str) -> None:
    connection.execute(f"INSERT INTO failures SELECT {quoted(staged.relation)}, * FROM ({failures})")


def _unreadable(staged: StagedTable) -> str:
    """Text that did not cast, containers in the place of texts, and the faults that staging names."""
    tests: dict[str, str] = {}
    for column in staged.contract.columns:
        rule = _RULES_BY_TYPE.get(column.duckdb_type.split("(")[0])
        companion = next((c for c in (f"{column.name}_text", f"{column.name}_raw") if c in staged.columns), None)
        if rule and companion and column.name in staged.columns:
            value = f"'{MASK}'" if column.personal else companion
            failure = f"{{'rule': '{rule}', 'field': '{column.name}', 'value': {value}}}"
            tests[f"({column.name} IS NULL AND {companion} IS NOT NULL)"] = failure
        elif _is_text(column) and column.name in staged.columns:
            # Leaves are read as text, so a list or an object in the place of one is its JSON.
            value = f"'{MASK}'" if column.personal else column.name
            failure = f"{{'rule': 'bad_json', 'field': '{column.name}', 'value': {value}}}"
            tests[f"(left({column.name}, 1) IN ('[', '{{') AND json_valid({column.name}))"] = failure
    cases = ", ".join(f"CASE WHEN {test} THEN {failure} END" for test, failure in tests.items())
    has_faults = "faults" in staged.columns
    found = f"list_concat([{cases}], {'faults' if has_faults else '[]'})"
    conditions = [*tests, *(["len(faults) > 0"] if has_faults else [])]
    return f"""
        SELECT row, failure.rule, failure.field, left(failure.value, {LONGEST_VALUE})
        FROM (
            SELECT rowid AS row, unnest({found}::STRUCT(rule VARCHAR, field VARCHAR, value VARCHAR)[]) AS failure
            FROM {staged.relation} WHERE {" OR ".join(conditions) or "false"}
        ) WHERE failure IS NOT NULL
    """


def _is_text(column: ColumnContract) -> bool:
    """Whether a single text is meant: not JSON, not a date's own text, and not what somebody typed."""
    is_free = column.name in _FREE_TEXTS | _ORIGIN or column.derived or column.name.endswith("_raw")
    return column.duckdb_type == "VARCHAR" and not is_free


def _copies(staged: StagedTable) -> str:
    """Same key twice: identical copies merge into the first; with different content all of them are rejected."""
    contract, relation = staged.contract, staged.relation
    key_columns = [column for column in contract.key if column in staged.columns]
    key = ", ".join(key_columns)
    whole = " AND ".join(f"{column} IS NOT NULL" for column in key_columns)
    content = ", ".join(
        f"CAST({name} AS VARCHAR)" for name in contract.column_names if name in staged.columns and name not in _ORIGIN
    )
    return f"""
        SELECT row, CASE WHEN contents > 1 THEN 'duplicate_key' ELSE '{MERGED_COPY}' END, '{contract.key[-1]}', key_text
        FROM (
            SELECT rowid AS row, concat_ws(':', {key}) AS key_text,
                count(DISTINCT hash({content})) OVER same_key AS contents, min(rowid) OVER same_key AS first_row
            FROM {relation}
            WHERE ({key}) IN (SELECT {key} FROM {relation} WHERE {whole} GROUP BY {key} HAVING count(*) > 1)
            WINDOW same_key AS (PARTITION BY {key})
        ) WHERE contents > 1 OR row <> first_row
    """
