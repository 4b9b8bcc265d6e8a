"""The SQL of a build: the models of one source, rendered, in an order in which each stands after what it reads.

They are rendered as for the lake, so a chunk's database needs only the same schemas to run them. All of it can be
pickled: whoever stages a chunk needs no project directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject
from order_pipeline.warehouse.sql.slice import RenderedModel, rendered_models

LINE_PRICES = "stg_common__order_line_prices"


@dataclass(frozen=True, slots=True)
class BuildSql:
    """The models of one source's build.

    Attributes:
        staged: core table -> relation of its staged rows, parents before children.
        models: makes those relations and what they read.
        line_prices: makes prices from good order lines.
        checks: the soft checks, over good rows.
        seeds: the rows of every seed.
    """

    staged: Mapping[str, str]
    models: tuple[RenderedModel, ...]
    line_prices: RenderedModel
    checks: tuple[RenderedModel, ...]
    seeds: Mapping[str, pa.Table]

    @property
    def schemas(self) -> list[str]:
        """The schemas that the models read and fill."""
        made = {model.relation.split(".")[0] for model in (*self.models, self.line_prices, *self.checks)}
        return sorted(made | {"raw", "core", SEED_SCHEMA})


def staging_models(project: SqlProject, source: str) -> dict[str, str]:
    """The source's staged core tables: table -> model `stg_<source>__<table>`, parents before children."""
    names = {table: f"stg_{source}__{table}" for table in CORE_TABLES}
    return {table: name for table, name in names.items() if name in project.models}


def fingerprinted_models(project: SqlProject, source: str) -> list[str]:
    """The models whose SQL decides what a build of the source stores."""
    return [*staging_models(project, source).values(), LINE_PRICES]


def build_sql(project: SqlProject, source: str) -> BuildSql:
    """Render what a build of the source runs.

    Raises:
        SqlModelError: a model that does not exist, or does not render.
    """
    staged = staging_models(project, source)
    checks = [name for name in project.models if name.startswith("check__") and not _reads_everything(project, name)]
    return BuildSql(
        staged={table: project.models[name].relation for table, name in staged.items()},
        models=rendered_models(project, project.upstream(staged.values())),
        line_prices=rendered_models(project, [LINE_PRICES])[0],
        checks=rendered_models(project, checks),
        seeds=_read_seeds(project),
    )


def raw_resources(project: SqlProject, source: str) -> list[str]:
    """The resources whose raw tables the source's models read."""
    read = project.sources_of(staging_models(project, source).values())
    tables = {table.removesuffix("_current") for schema, table in read if schema == "raw"}
    return sorted(table.removeprefix(f"{source}_") for table in tables if table.startswith(f"{source}_"))


def _reads_everything(project: SqlProject, name: str) -> bool:
    """A check that says `meta={'over': 'everything'}` needs all days: it is a view only."""
    return project.graph[name].config.get("meta", {}).get("over") == "everything"


def _read_seeds(project: SqlProject) -> dict[str, pa.Table]:
    with duckdb.connect(":memory:") as connection:
        for name in project.seeds:
            load_seed(connection, project, name, "main")
        return {name: connection.execute(f"SELECT * FROM main.{name}").to_arrow_table() for name in project.seeds}
