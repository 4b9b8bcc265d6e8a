"""The tables of the operations store, described by their declarations: SQLite keeps no comments."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from order_pipeline import channels, operations
from order_pipeline.dictionary.entries import ColumnEntry, TableEntry
from order_pipeline.dictionary.units import unit_of
from order_pipeline.dictionary.words import sentence
from order_pipeline.operations.tables import HIDDEN_FROM_SQL, metadata
from order_pipeline.warehouse.lake_schemas import OPERATIONS

_HIDDEN = "`ops` does not show it."


def operations_entries() -> list[TableEntry]:
    """Every table of the store, by name."""
    _declare_all()
    return [_entry(table) for table in sorted(metadata.tables.values(), key=lambda table: table.name)]


@cache
def _declare_all() -> None:
    """A module that declares a table adds it to the metadata when it is imported; channels may have tables too."""
    for package in (operations, channels):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)


def _entry(table: Table) -> TableEntry:
    return TableEntry(
        schema=OPERATIONS,
        name=table.name,
        what="table",
        sentence=sentence(table.comment or ""),
        columns=tuple(_columns(table)),
        key=tuple(column.name for column in table.primary_key),
    )


def _columns(table: Table) -> Iterator[ColumnEntry]:
    hidden, names = HIDDEN_FROM_SQL.get(table.name, ()), [column.name for column in table.columns]
    for column in table.columns:
        kind = column.type.compile(dialect=postgresql.dialect()).replace(" WITH TIME ZONE", "TZ")
        told = sentence(column.comment or "")
        yield ColumnEntry(
            name=column.name,
            kind=kind,
            sentence=f"{told} {_HIDDEN}" if column.name in hidden else told,
            unit=unit_of(column.name, kind, names),
            is_personal=bool(column.info.get("personal")),
            may_be_null=bool(column.nullable),
        )
