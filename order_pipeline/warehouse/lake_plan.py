"""What an upgrade of the lake would do: the tables that it has, compared with those that this program declares. No I/O.

Only what adds is planned: a table, a column, a wider type, NULL admitted. Anything else is refused in words
(docs/decisions/0032-stores-carry-a-version.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake_columns import TableColumn, Tables

_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True, slots=True)
class Change:
    """One addition, in words, and the SQL that makes it; none for a missing table, which its own DDL makes."""

    table: str
    what: str
    statements: tuple[str, ...] = ()


def plan_changes(found: Tables, declared: Tables) -> Iterator[Change]:
    """What is missing and can be added.

    Args:
        found: the lake's tables.
        declared: those of this program.
    """
    for table, columns in declared.items():
        if table not in found:
            yield Change(table, f"make the table {table}")
            continue
        for name, column in columns.items():
            there = found[table].get(name)
            if there is None:
                yield _addition(table, name, column)
                continue
            is_written_anew = False
            if _is_wider(there.kind, column.kind):
                yield _widening(table, name, there, column)
                is_written_anew = not _is_wider_in_place(there.kind, column.kind)  # such a column admits NULL
            if column.nullable and not there.nullable and not is_written_anew:
                statement = f"ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL"
                yield Change(table, f"let {table}.{name} be NULL", (statement,))


def refusals(found: Tables, declared: Tables, retired: Collection[str]) -> list[str]:
    """What cannot be done by itself, in words.

    Args:
        found: the lake's tables.
        declared: those of this program; other tables are nobody's business here.
        retired: `<table>.<column>` of columns that this program knowingly leaves behind.
    """
    told: list[str] = []
    for table, columns in declared.items():
        for name, there in found.get(table, {}).items():
            wanted = columns.get(name)
            if wanted is None and f"{table}.{name}" not in retired:
                told.append(f"{table}.{name} holds values and is not known to this program")
            elif wanted is not None and wanted.kind != there.kind and not _is_wider(there.kind, wanted.kind):
                told.append(f"{table}.{name} is {there.kind} and must be {wanted.kind}, which is not wider")
    return told


def _addition(table: str, name: str, column: TableColumn) -> Change:
    """A column that may not be NULL may be so in the rows of before: only a new build knows their value."""
    statement = f"ALTER TABLE {table} ADD COLUMN {name} {column.kind}"
    if column.default is None:
        return Change(table, f"add {table}.{name}, so far NULL", (statement,))
    what = f"add {table}.{name}, so far {column.default}"
    return Change(table, what, (f"{statement} DEFAULT {quoted(column.default)}",))


def _widening(table: str, name: str, found: TableColumn, wanted: TableColumn) -> Change:
    what = f"widen {table}.{name} from {found.kind} to {wanted.kind}"
    if _is_wider_in_place(found.kind, wanted.kind):
        return Change(table, what, (f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {wanted.kind}",))
    draft = f"{name}_wider"
    return Change(
        table,
        f"{what}: every row is written anew",
        (
            f"ALTER TABLE {table} ADD COLUMN {draft} {wanted.kind}",
            f"UPDATE {table} SET {draft} = {name}",
            f"ALTER TABLE {table} DROP COLUMN {name}",
            f"ALTER TABLE {table} RENAME COLUMN {draft} TO {name}",
        ),
    )


def _is_wider(found: str, wanted: str) -> bool:
    """Whether each value of the found type is one of the wanted type."""
    if found == wanted:
        return False
    if _is_wider_in_place(found, wanted):
        return True
    before, after = _places(found), _places(wanted)
    return after is not None and before is not None and "DECIMAL" in wanted and _covers(before, after)


def _is_wider_in_place(found: str, wanted: str) -> bool:
    """The promotions that DuckLake makes in the catalog alone."""
    if found in _DIGITS and wanted in _DIGITS:
        return _DIGITS[found] < _DIGITS[wanted]
    before, after = _places(found), _places(wanted)
    is_decimal = "DECIMAL" in found and "DECIMAL" in wanted
    if is_decimal and before is not None and after is not None:
        return before[1] == after[1] and before[0] < after[0]
    return (found, wanted) == ("FLOAT", "DOUBLE")


def _places(kind: str) -> tuple[int, int] | None:
    """Digits before and after the point; None for what is no exact number."""
    if kind in _DIGITS:
        return _DIGITS[kind], 0
    found = _DECIMAL.fullmatch(kind)
    return (int(found[1]) - int(found[2]), int(found[2])) if found else None


def _covers(before: tuple[int, int], after: tuple[int, int]) -> bool:
    return before[0] <= after[0] and before[1] <= after[1]
