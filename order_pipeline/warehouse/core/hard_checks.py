"""Which staged rows break a hard check (docs/apis/common_schema.md section 13); they are noted, not removed.

Three kinds: text that did not cast and faults that staging names (from the companions), the rules of the pandera
contract (as SQL), and what needs other rows (duplicates, rejected parents, children without an order).

Companions of a staged row, none of them in the contract: `<column>_text` is the source's text of a cast column (a
column's `_raw` in the contract serves as well), `faults` a list of (rule, field, value), `is_partial` marks
summary-only rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from order_pipeline.contracts import CORE_TABLES, LONGEST_VALUE, MASK, TableContract, rules_as_sql, table_contract
from order_pipeline.warehouse.lake.literals import quoted

UNDECIDED = "undecided"
"""The rule noted for a child whose order is not in its chunk; only the lake can tell whether it is an orphan."""

_RULES_BY_TYPE = {
    "DECIMAL": "bad_number",
    "INTEGER": "bad_number",
    "TIMESTAMPTZ": "bad_timestamp",
    "BOOLEAN": "bad_json",
}
_NEEDS_ORDER = ("order_lines", "shipments", "shipment_lines", "parcels", "serial_numbers")


@dataclass(frozen=True, slots=True)
class StagedTable:
    """A core table's rows as staging yields them; `rowid` names a row, `columns` are those of the relation."""

    contract: TableContract
    relation: str
    columns: frozenset[str]

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


def staged_table(connection: duckdb.DuckDBPyConnection, table: str, relation: str) -> StagedTable:
    """A core table's staged rows, with the columns that staging gave them."""
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    return StagedTable(table_contract(CORE_TABLES[table]), relation, frozenset(row[0] for row in described))


def create_failures(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty tables of failures and of merged copies, for all staged tables of the database."""
    connection.execute(
        "CREATE TABLE failures (relation VARCHAR, row BIGINT, rule VARCHAR, field VARCHAR, value VARCHAR)"
    )
    connection.execute("CREATE TABLE merged_copies (relation VARCHAR, row BIGINT)")


def check_rows(connection: duckdb.DuckDBPyConnection, staged: StagedTable, source: str, run_id: str) -> None:
    """Note what is wrong with rows of a staged table in `failures`, identical copies of a key in `merged_copies`."""
    _note_unreadable(connection, staged)
    _note_contract_failures(connection, staged, source, run_id)
    _note_duplicates(connection, staged)


def check_parents(connection: duckdb.DuckDBPyConnection, staged: StagedTable, orders: StagedTable | None) -> None:
    """Note children of a rejected order, which go with it, and those whose order is not among the staged ones."""
    if staged.contract.name not in _NEEDS_ORDER:
        return
    relation = quoted(staged.relation)
    none = "SELECT NULL::VARCHAR AS order_id WHERE false"
    good, rejected = none, none
    if orders:
        good = f"SELECT order_id FROM {orders.relation} WHERE {good_rows(connection, orders)}"
        rejected = (
            f"SELECT DISTINCT order_id FROM {orders.relation}"
            f" WHERE rowid IN (SELECT row FROM failures WHERE relation = {quoted(orders.relation)})"
        )
    connection.execute(
        f"""
        INSERT INTO failures
        SELECT {relation}, child.row, CASE WHEN rejected.order_id IS NULL THEN '{UNDECIDED}' ELSE 'parent_rejected' END,
            'order_id', child.order_id
        FROM (SELECT rowid AS row, order_id FROM {staged.relation} WHERE order_id IS NOT NULL) AS child
        ANTI JOIN ({good}) AS good ON good.order_id = child.order_id
        LEFT JOIN ({rejected}) AS rejected ON rejected.order_id = child.order_id
        """
    )


def good_rows(connection: duckdb.DuckDBPyConnection, staged: StagedTable) -> str:
    """Condition over the staged table: the row failed nothing and is no second copy. Ask after all checks."""
    relation = quoted(staged.relation)
    conditions = [
        f"rowid NOT IN (SELECT row FROM {bad} WHERE relation = {relation})"
        for bad in ("failures", "merged_copies")
        if _exists(connection, f"SELECT 1 FROM {bad} WHERE relation = {relation}")
    ]
    return " AND ".join(conditions) or "true"


def _note_unreadable(connection: duckdb.DuckDBPyConnection, staged: StagedTable) -> None:
    relation, name = staged.relation, quoted(staged.relation)
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
                f"INSERT INTO failures SELECT {name}, rowid, '{rule}', '{field}', {value} FROM {relation} WHERE {test}"
            )
    if "faults" in staged.columns and _exists(connection, f"SELECT 1 FROM {relation} WHERE len(faults) > 0"):
        connection.execute(
            f"INSERT INTO failures SELECT {name}, row, fault.rule, fault.field, left(fault.value, {LONGEST_VALUE})"
            f" FROM (SELECT rowid AS row, unnest(faults) AS fault FROM {relation} WHERE len(faults) > 0)"
        )


def _note_contract_failures(
    connection: duckdb.DuckDBPyConnection, staged: StagedTable, source: str, run_id: str
) -> None:
    """Note which rules of the contract are broken, but for a field whose fault is noted already."""
    name = quoted(staged.relation)
    rules = rules_as_sql(staged.contract.model, (source,))
    connection.execute(
        f"INSERT INTO failures SELECT {name}, row, rule, field, value"
        f" FROM ({rules.failures_query(staged.relation, staged.values(run_id))})"
        f" WHERE (row, field) NOT IN (SELECT row, field FROM failures WHERE relation = {name})"
    )


def _note_duplicates(connection: duckdb.DuckDBPyConnection, staged: StagedTable) -> None:
    """Same key twice: identical copies merge into the first; with different content all of them are rejected."""
    contract, relation, name = staged.contract, staged.relation, quoted(staged.relation)
    key_columns = [column for column in contract.key if column in staged.columns]
    key = ", ".join(key_columns)
    whole = " AND ".join(f"{column} IS NOT NULL" for column in key_columns)
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
        CREATE OR REPLACE TABLE copies AS
        SELECT rowid AS row, concat_ws(':', {key}) AS key_text,
            count(DISTINCT hash({content})) OVER same_key AS contents, min(rowid) OVER same_key AS first_row
        FROM {relation} WHERE ({key}) IN ({repeated}) WINDOW same_key AS (PARTITION BY {key})
        """
    )
    connection.execute(
        f"INSERT INTO failures SELECT {name}, row, 'duplicate_key', '{contract.key[-1]}', key_text"
        " FROM copies WHERE contents > 1"
    )
    connection.execute(
        f"INSERT INTO merged_copies SELECT {name}, row FROM copies WHERE contents = 1 AND row <> first_row"
    )


def _exists(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    return connection.execute(f"{sql} LIMIT 1").fetchone() is not None
