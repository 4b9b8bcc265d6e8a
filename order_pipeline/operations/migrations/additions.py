"""What a migration may call: additions that programs of the version before can live with.

Each does nothing where it was done, and nothing for a table that the store does not have: such a table is made from its
declaration, which has the column.
"""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, TextClause, inspect
from sqlalchemy.types import TypeEngine


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column, as its table declares it. Rows that are there get its `server_default`, or NULL.

    Raises:
        ValueError: the column may not be NULL and has no `server_default`, so there is no value for the rows.
    """
    if not column.nullable and column.server_default is None:
        raise ValueError(f"{table}.{column.name} may not be NULL: give it a server_default, for the rows of before.")
    columns = _columns(table)
    if columns and column.name not in columns:
        op.add_column(table, column)


def add_index(name: str, table: str, columns: list[str | TextClause]) -> None:
    """Make an index, as its table declares it; an expression is a `text`. None is partial (decision 0061)."""
    if _columns(table):
        op.create_index(name, table, columns, if_not_exists=True)


def widen_column(table: str, column: str, wider: TypeEngine[Any]) -> None:
    """Give a column a wider type. SQLite stores any number and any text in the type of before."""
    if op.get_bind().dialect.name != "sqlite" and column in _columns(table):
        op.alter_column(table, column, type_=wider)


def _columns(table: str) -> set[str]:
    """The columns that a table has; none where there is no such table."""
    inspector = inspect(op.get_bind())
    return {str(column["name"]) for column in inspector.get_columns(table)} if inspector.has_table(table) else set()
