"""What is generated from the pandera models: DDL for the lake, columns for Dagster. Never written by hand elsewhere."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandera.pandas as pandera
import pyarrow as pa

from order_pipeline.contracts.types import DUCKDB_TYPES

Model = type[pandera.DataFrameModel]


@dataclass(frozen=True, slots=True)
class ColumnContract:
    """One column of a core table as the other layers need it."""

    name: str
    duckdb_type: str
    arrow_type: pa.DataType
    nullable: bool
    description: str
    constraints: tuple[str, ...]
    personal: bool
    derived: bool
    rule_when_null: str
    rule_when_unmatched: str
    names_source: bool
    default: str | None = field(default=None, repr=False)
    """Of a new column, in the rows of before. It changes no build, so `contracts_fingerprint` does not see it."""


@dataclass(frozen=True, slots=True)
class TableContract:
    """One table: its columns in order, its key, and whether rows are only ever added."""

    name: str
    description: str
    columns: tuple[ColumnContract, ...]
    key: tuple[str, ...]
    append_only: bool
    model: Model

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def defaults(self) -> dict[str, str]:
        """Columns that say what rows of before have in them, and the text of that value."""
        return {column.name: column.default for column in self.columns if column.default is not None}


@cache
def table_contract(model: Model) -> TableContract:
    """Read a pandera model into the plain facts that DDL, Dagster and the build need."""
    schema = model.to_schema()
    config = model.__config__
    table_metadata = (config.metadata if config else None) or {}
    columns = tuple(_column_contract(str(name), column) for name, column in schema.columns.items())
    return TableContract(
        name=str(schema.name),
        description=" ".join((model.__doc__ or "").split()),
        columns=columns,
        key=tuple(table_metadata["key"]),
        append_only=bool(table_metadata.get("append_only", False)),
        model=model,
    )


def _column_contract(name: str, column: Any) -> ColumnContract:
    metadata = column.metadata or {}
    arrow_type = column.dtype.type.pyarrow_dtype
    constraints = tuple(str(check.error or check.name) for check in column.checks)
    names_source = bool(metadata.get("names_source"))
    if names_source:
        constraints += ("isin(registered channels)",)
    return ColumnContract(
        name=name,
        duckdb_type="JSON" if metadata.get("json") else DUCKDB_TYPES[arrow_type],
        arrow_type=arrow_type,
        nullable=bool(column.nullable),
        description=str(column.description),
        constraints=constraints,
        personal=bool(metadata.get("personal")),
        derived=bool(metadata.get("derived")),
        rule_when_null=str(metadata.get("rule_when_null")),
        rule_when_unmatched=str(metadata.get("rule_when_unmatched")),
        names_source=names_source,
        default=metadata.get("default"),
    )


@cache
def schema_with_sources(model: Model, sources: tuple[str, ...]) -> pandera.DataFrameSchema:
    """The model's schema, whose columns that name a source admit these sources only."""
    schema = model.to_schema()
    for column in table_contract(model).columns:
        if column.names_source:
            schema = schema.update_column(column.name, checks=[pandera.Check.isin(sources)])
    return schema


def create_table_statements(model: Model, schema: str, *, partitioned: bool = True) -> list[str]:
    """DDL of a table: `CREATE TABLE IF NOT EXISTS`, and the partitioning by (source, order_day) that DuckLake keeps."""
    table = table_contract(model)
    lines = ",\n  ".join(
        f"{column.name} {column.duckdb_type}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
    statements = [f"CREATE TABLE IF NOT EXISTS {schema}.{table.name} (\n  {lines}\n)"]
    if partitioned:
        statements.append(f"ALTER TABLE {schema}.{table.name} SET PARTITIONED BY (source, order_day)")
    return statements


def contracts_fingerprint(models: list[Model]) -> str:
    """Short hash over every column, type and rule: a changed contract makes built days due again."""
    digest = hashlib.sha256()
    for model in models:
        row_rules = [(check.name, check.statistics) for check in model.to_schema().checks or ()]
        digest.update(repr((table_contract(model).columns, row_rules)).encode())
    return digest.hexdigest()[:16]
