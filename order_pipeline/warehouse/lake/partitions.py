"""Partition replace: the rows of some days of one source change as a whole, or not at all.

Belongs here: the delete and the insert, by column name. Does not belong here: what the new rows are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import duckdb

from order_pipeline.warehouse.lake.literals import date_list


@dataclass(frozen=True, slots=True)
class Replaced:
    """Row counts of one replace."""

    deleted: int
    inserted: int


class PartitionMismatchError(ValueError):
    """The new rows hold another source or day than those that are being replaced."""


def replace_partitions(
    connection: duckdb.DuckDBPyConnection, table: str, source: str, days: Collection[date], relation: str
) -> Replaced:
    """Replace the rows of `source` on `days` by those of `relation`, within the caller's transaction.

    Args:
        connection: inside a `Lake.transaction()`.
        table: qualified name; the table has the columns `source` and `order_day`.
        source: the channel.
        days: the days to replace; a day without new rows ends up empty.
        relation: a table, view or registered name on this connection. Columns are matched by name; one that the table
            does not have is an error, one that it does not get becomes null.

    Raises:
        PartitionMismatchError: a row of `relation` belongs to another source or day.
    """
    ordered = sorted(days)
    stray = connection.execute(
        f"SELECT source, order_day FROM {relation} WHERE source IS DISTINCT FROM ? OR order_day IS NULL"
        " OR NOT list_contains(?::DATE[], order_day) LIMIT 1",
        [source, ordered],
    ).fetchone()
    if stray:
        raise PartitionMismatchError(
            f"New rows of {table} for {source} on {len(ordered)} days hold a row of {stray[0]} on {stray[1]}: "
            "nothing was replaced. Filter the rows, or add the day to those replaced."
        )
    deleted = _changed(
        connection, f"DELETE FROM {table} WHERE source = ? AND order_day IN ({date_list(ordered)})", [source]
    )
    # By name: a column added to the table later must not shift the others.
    inserted = _changed(connection, f"INSERT INTO {table} BY NAME SELECT * FROM {relation}", [])
    return Replaced(deleted, inserted)


def _changed(connection: duckdb.DuckDBPyConnection, statement: str, parameters: list[str]) -> int:
    row = connection.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0
