"""The lake as it would be: core of some days from a replay, everything else as stored, and the project's own views.

It is a database in memory beside the lake, which is attached read-only. Its relations have the lake's names, so the
project's models run on it as they are.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager

import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.replay.staged_days import StagedDays
from order_pipeline.warehouse.core.quarantine import FOUND_REJECTS
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject
from order_pipeline.warehouse.sql.slice import run_view

NAME = "replayed"
CHILDREN = "children"
"""The schema with children whose order is in another chunk or another day."""


@contextmanager
def replayed_lake(lake: Lake, project: SqlProject, staged: Sequence[StagedDays]) -> Generator[Connection]:
    """A connection that reads the lake as `lake`, and as it would be as `replayed`.

    Args:
        lake: must exist. Its views have been deployed.
        project: whose seeds and views the replayed lake has.
        staged: days that were staged again; their files must stay until the block ends.

    Raises:
        SqlModelError: a model does not run.
    """
    with closing(lake.connect(read_only=True)) as connection:
        connection.begin()  # one snapshot of the lake for all that is compared
        connection.execute(f"ATTACH ':memory:' AS {NAME}")
        for schema in (*SCHEMAS, CHILDREN):
            connection.execute(f"CREATE SCHEMA {NAME}.{schema}")
        connection.execute(f"USE {NAME}")
        _show_the_rest(connection, project)
        _forget_what_is_settled(connection, staged)
        _make_core(connection, staged)
        _make_rejects(connection, staged)
        _make_views(connection, project)
        yield connection
        connection.rollback()


def of_days(staged: Sequence[StagedDays]) -> str:
    """SQL condition: the row's `source` and `order_day` are among the staged days."""
    parts = [f"source = {quoted(each.source)} AND order_day IN ({date_list(each.days)})" for each in staged]
    return " OR ".join(f"({part})" for part in parts) or "false"


def _show_the_rest(connection: Connection, project: SqlProject) -> None:
    """Make views over the lake's relations that no replay changes, and load the seeds as they are in the project."""
    made = {f"core.{name}" for name in CORE_TABLES} | {"quarantine.rejects", "core.builds"}
    made |= {f"{SEED_SCHEMA}.{name}" for name in project.seeds}
    stored = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        " UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'lake'"
        " AND schema_name = 'raw'"
    ).fetchall()
    for schema, name in stored:
        if schema in SCHEMAS and f"{schema}.{name}" not in made:
            connection.execute(f"CREATE VIEW {NAME}.{schema}.{name} AS SELECT * FROM lake.{schema}.{name}")
    for name in project.seeds:
        load_seed(connection, project, name)


def _forget_what_is_settled(connection: Connection, staged: Sequence[StagedDays]) -> None:
    """Make `core.builds` as a view: of a day that was staged again, or for the first time, nobody knows that."""
    days = [f"({quoted(each.source)}, DATE {quoted(day.isoformat())})" for each in staged for day in each.days]
    again = f" UNION ALL BY NAME FROM (VALUES {', '.join(days)}) AS staged (source, order_day)" if days else ""
    connection.execute(
        f"CREATE VIEW core.builds AS SELECT * FROM lake.core.builds WHERE NOT ({of_days(staged)}){again}"
    )


def _make_core(connection: Connection, staged: Sequence[StagedDays]) -> None:
    """Make the core tables as views: the staged rows of the replayed days, the stored rows of all others."""
    for model in CORE_TABLES.values():
        contract = table_contract(model)
        columns = ", ".join(contract.column_names)
        stored = f"SELECT {columns} FROM lake.core.{contract.name}"
        if not contract.append_only:
            stored += f" WHERE NOT ({of_days(staged)})"
        parts = [stored, *_staged_rows(connection, contract, staged)]
        connection.execute(f"CREATE VIEW core.{contract.name} AS {' UNION ALL BY NAME '.join(parts)}")


def _staged_rows(connection: Connection, contract: TableContract, staged: Sequence[StagedDays]) -> list[str]:
    columns = ", ".join(contract.column_names)
    results = [result for each in staged for result in each.results]
    parts: list[str] = []
    paths = ", ".join(quoted(file.path) for result in results for file in result.files if file.table == contract.name)
    if paths:
        parts.append(f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = false, union_by_name = true)")
    undecided = [result.undecided[contract.name] for result in results if contract.name in result.undecided]
    if undecided:
        table = f"{CHILDREN}.{contract.name}"
        connection.register("undecided", pa.concat_tables(undecided, promote_options="permissive"))
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM undecided")
        connection.unregister("undecided")
        parts.append(
            f"SELECT {columns} FROM (SELECT unnest(good_row) FROM {table} WHERE good_row IS NOT NULL"
            " AND order_id IN (SELECT order_id FROM core.orders))"
        )
    return parts


def _make_rejects(connection: Connection, staged: Sequence[StagedDays]) -> None:
    """Make the rejects: those that the replay found, and the stored ones of other days and of unreadable bytes.

    A reject that a person closed stays closed for the same bytes.
    """
    connection.execute(f"CREATE TABLE {CHILDREN}.rejects ({FOUND_REJECTS})")
    for result in (result for each in staged for result in each.results):
        connection.register("found", result.rejects)
        connection.execute(f"INSERT INTO {CHILDREN}.rejects SELECT * FROM found")
        connection.unregister("found")
    for (name,) in connection.execute(
        f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{NAME}' AND schema_name = '{CHILDREN}'"
        " AND table_name <> 'rejects'"
    ).fetchall():
        connection.execute(
            f"INSERT INTO {CHILDREN}.rejects SELECT * EXCLUDE (good_row) FROM {CHILDREN}.{name} AS child"
            " WHERE NOT EXISTS (SELECT 1 FROM core.orders WHERE core.orders.order_id = child.order_id)"
        )
    connection.execute(
        f"""
        CREATE VIEW quarantine.rejects AS
        WITH stored AS (SELECT * FROM lake.quarantine.rejects),
        letters AS (SELECT content_sha256 FROM lake.raw.dead_letters)
        SELECT * FROM stored
        WHERE NOT ({of_days(staged)}) OR key IN (SELECT content_sha256 FROM letters)
        UNION ALL BY NAME
        SELECT DISTINCT ON (source, table_name, key, rule, field, raw_record_id)
            found.*, closed.resolved_at, closed.closed_reason
        FROM {CHILDREN}.rejects AS found
        LEFT JOIN (SELECT * FROM stored WHERE closed_reason IS NOT NULL) AS closed
            USING (source, table_name, key, rule, field, raw_record_id, raw_sha256)
        """
    )


def _make_views(connection: Connection, project: SqlProject) -> None:
    """Make the project's views, save those over raw tables that no fetch has made yet, as a deployment does."""
    existing = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            f"SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = '{NAME}'"
            f" UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = '{NAME}'"
        ).fetchall()
    }
    for name in project.upstream(project.models):
        rendered = project.graph[name]
        needed = {".".join(source) for source in rendered.sources}
        needed |= {project.relation(target, name) for target in rendered.refs}
        if needed <= existing:
            run_view(connection, rendered)
            existing.add(rendered.relation)
