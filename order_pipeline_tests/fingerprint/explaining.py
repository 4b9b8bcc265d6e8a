"""Which rows of a table differ between two data directories, and in which columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from order_pipeline_tests.fingerprint.rows import LEDGER_TABLE, column_names, ledger_rows, rows_sql, run_day
from order_pipeline_tests.fingerprint.seams import reading

MOST_SHOWN = 10
MOST_COMPARED = 500
"""Rows among which a row's counterpart is looked for: comparing all with all would not end."""

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[str, ...]
    rows: Counter[str]


def explain(table: str, before: Path, after: Path) -> Iterator[str]:
    """Lines about up to ten rows that are in one directory's table only; a row and its likely counterpart together."""
    old, new = _read(table, before), _read(table, after)
    if old.columns != new.columns:
        yield f"columns gone: {_listed(set(old.columns) - set(new.columns))}"
        yield f"columns new: {_listed(set(new.columns) - set(old.columns))}"
        return
    gone, come = list((old.rows - new.rows).elements()), list((new.rows - old.rows).elements())
    yield f"{table}: {len(gone):,} rows only before, {len(come):,} only after, {(old.rows & new.rows).total():,} equal"
    unpaired = [_row(old.columns, text) for text in come[:MOST_COMPARED]]
    for text in gone[:MOST_SHOWN]:
        row = _row(old.columns, text)
        counterpart = _nearest(row, unpaired)
        if counterpart is None:
            yield f"only before: {_shown(row)}"
            continue
        unpaired.remove(counterpart)
        yield f"changed: {_name(row)}"
        yield from (
            f"    {column}: {row[column]!r} -> {counterpart[column]!r}"
            for column in old.columns
            if row[column] != counterpart[column]
        )
    for row in unpaired[: max(0, MOST_SHOWN - len(gone))]:
        yield f"only after: {_shown(row)}"


def _read(table: str, data_dir: Path) -> _Table:
    if table == LEDGER_TABLE:
        return _Table(("entry",), Counter(json.dumps([text]) for text in ledger_rows(data_dir) or []))
    with reading(data_dir) as connection:
        columns = column_names(connection, table)
        rows = connection.execute(rows_sql(table, columns, run_day(connection))).fetchall()
        return _Table(tuple(columns), Counter(text for (text,) in rows))


def _row(columns: Sequence[str], text: str) -> Row:
    return dict(zip(columns, json.loads(text), strict=True))


def _nearest(row: Row, candidates: Sequence[Row]) -> Row | None:
    """The candidate with the most equal columns, if at least half of them are equal."""
    best = max(candidates, key=lambda candidate: _equal_columns(row, candidate), default=None)
    return best if best is not None and 2 * _equal_columns(row, best) >= len(row) else None


def _equal_columns(one: Row, other: Row) -> int:
    return sum(one[column] == other[column] for column in one)


def _name(row: Row) -> str:
    """What tells the row from others, as far as its column names say."""
    return _shown({column: value for column, value in row.items() if column.endswith(("_id", "_key", "key"))} or row)


def _shown(row: Row) -> str:
    return ", ".join(f"{column}={value}" for column, value in row.items() if value is not None)[:1000]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
