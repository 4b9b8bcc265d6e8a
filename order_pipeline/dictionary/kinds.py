"""The types of all columns of the lake, as DuckDB tells them of empty tables and views in its memory."""

from __future__ import annotations

import duckdb

from order_pipeline.channels import registry
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.migrations import declared_tables
from order_pipeline.warehouse.raw.tables import RAW_COLUMNS, raw_table
from order_pipeline.warehouse.raw.versions import current_versions
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SqlProject

Kinds = dict[str, dict[str, str]]
"""`<schema>.<name>` -> column -> type, in order."""


def kinds_of_lake(project: SqlProject) -> Kinds:
    """Of every table and view that the program declares. No lake is opened.

    Raises:
        duckdb.Error: a model does not run.
    """
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {schema}")
        for table, columns in declared_tables().items():
            told = ", ".join(f'"{name}" {column.kind}' for name, column in columns.items())
            connection.execute(f"CREATE TABLE {table} ({told})")
        _make_raw_tables(connection)
        for seed in project.seeds:
            load_seed(connection, project, seed)
        for name in project.upstream(project.models):
            connection.execute(f"CREATE VIEW {project.models[name].relation} AS {project.graph[name].sql}")
        rows = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY 1, column_index"
        ).fetchall()
        kinds: Kinds = {}
        for relation, column, kind in rows:
            kinds.setdefault(relation, {})[column] = kind
        return kinds


def _make_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in RAW_COLUMNS.items())
    for channel in registry.channels().values():
        for resource in channel.resources:
            table = raw_table(channel.name, resource)
            connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.execute(f"CREATE VIEW {table}_current AS {current_versions(channel.name, resource)}")
