"""Compares the core tables as stored and as replayed: rows by key, and columns of the rows that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from order_pipeline.contracts import CORE_TABLES, MASK, ColumnContract, TableContract, table_contract
from order_pipeline.replay.changes import ColumnChange, TableChange, ValueChange
from order_pipeline.replay.replayed_lake import NAME
from order_pipeline.replay.staged_days import StagedDays
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.lake.literals import date_list

OF_THE_RUN = {"run_id"}
"""Columns that say which run built a row, and nothing about the row."""

MOST_VALUES = 3


def table_changes(connection: Connection, staged: Sequence[StagedDays]) -> Iterator[TableChange]:
    """Compare every core table of the staged days; tables without a row on either side are left out.

    Of an append-only table a replay can only add observations: what it has was seen, whatever the code.

    Args:
        connection: see `replayed_lake`.
        staged: the days that were staged again.
    """
    for days in staged:
        for model in CORE_TABLES.values():
            found = _table_change(connection, days, table_contract(model))
            if found.before or found.after:
                yield found


def _table_change(connection: Connection, staged: StagedDays, contract: TableContract) -> TableChange:
    compared = [column for column in contract.columns if column.name not in {*OF_THE_RUN, *contract.key}]
    _pair(connection, staged, contract)
    counts = ", ".join(f"count(*) FILTER ({_differs(column)})" for column in compared)
    before, after, added, gone, changed, *by_column = connection.execute(
        "SELECT count(before), count(after), count(*) FILTER (before IS NULL), count(*) FILTER (after IS NULL),"
        f" count(*) FILTER (before IS NOT NULL AND after IS NOT NULL AND ({_any_differs(compared)})), {counts}"
        " FROM pairs"
    ).fetchone() or (0,) * (5 + len(compared))
    columns = [
        _column_change(connection, contract, column, rows)
        for column, rows in zip(compared, by_column, strict=True)
        if rows
    ]
    connection.execute("DROP TABLE temp.main.pairs")
    return TableChange(staged.source, contract.name, before, after, added, gone, changed, columns)


def _pair(connection: Connection, staged: StagedDays, contract: TableContract) -> None:
    """Make `pairs`: each key with its row before and after, as structs. Of an append-only table equal rows meet."""
    of_days = f"source = $source AND order_day IN ({date_list(staged.days)})"
    keys = [name for name in contract.column_names if name not in OF_THE_RUN] if contract.append_only else contract.key
    equal = " AND ".join(f"old.before.{key} IS NOT DISTINCT FROM new.after.{key}" for key in keys)
    connection.execute(
        f"CREATE TEMP TABLE pairs AS SELECT before, after FROM"
        f" (SELECT stored AS before FROM lake.core.{contract.name} AS stored WHERE {of_days}) AS old"
        f" FULL OUTER JOIN (SELECT made AS after FROM {NAME}.core.{contract.name} AS made WHERE {of_days}) AS new"
        f" ON {equal}",
        {"source": staged.source},
    )


def _column_change(connection: Connection, contract: TableContract, column: ColumnContract, rows: int) -> ColumnChange:
    value = "{side}." + column.name
    shown = f"'{MASK}'" if column.personal else f"coalesce(CAST({value} AS VARCHAR), 'NULL')"
    before, after = shown.format(side="before"), shown.format(side="after")
    found = connection.execute(
        f"SELECT {before}, {after}, count(*) FROM pairs WHERE {_differs(column)}"
        f" GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT {MOST_VALUES}"
    ).fetchall()
    key = ", ".join(f"CAST(after.{name} AS VARCHAR)" for name in contract.key)
    example = connection.execute(f"SELECT min(concat_ws('|', {key})) FROM pairs WHERE {_differs(column)}").fetchone()
    return ColumnChange(column.name, rows, [ValueChange(*each) for each in found], str(example[0]) if example else "")


def _differs(column: ColumnContract) -> str:
    name = column.name
    return f"before IS NOT NULL AND after IS NOT NULL AND before.{name} IS DISTINCT FROM after.{name}"


def _any_differs(columns: Sequence[ColumnContract]) -> str:
    return " OR ".join(f"before.{column.name} IS DISTINCT FROM after.{column.name}" for column in columns)
