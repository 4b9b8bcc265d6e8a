"""The SQL of a build: the models of one source, rendered, in an order in which each stands after what it reads.

They are rendered as for the lake, so a chunk's database needs only the same schemas to run them. All of it can be
pickled: whoever stages a chunk needs no project directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlModelError, SqlProject

LINE_PRICES = "stg_common__order_line_prices"


@dataclass(frozen=True, slots=True)
class RenderedModel:
    """A model's SELECT, where it goes, and what it reads."""

    name: str
    relation: str
    file: str
    sql: str
    reads: tuple[str, ...]
    is_view: bool

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make its table, or its view.

        Raises:
            SqlModelError: it does not run; the message names its file.
        """
        kind = "VIEW" if self.is_view else "TABLE"
        try:
            connection.execute(f"CREATE OR REPLACE {kind} {self.relation} AS\n{self.sql}")
        except duckdb.Error as error:
            raise SqlModelError(f"{self.file} does not run: {error}") from error


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
        models=tuple(_rendered(project, project.upstream(staged.values()))),
        line_prices=next(_rendered(project, [LINE_PRICES])),
        checks=tuple(_rendered(project, checks)),
        seeds=_read_seeds(project),
    )


def raw_resources(project: SqlProject, source: str) -> list[str]:
    """The resources whose raw tables the source's models read."""
    read = project.sources_of(staging_models(project, source).values())
    tables = {table.removesuffix("_current") for schema, table in read if schema == "raw"}
    return sorted(table.removeprefix(f"{source}_") for table in tables if table.startswith(f"{source}_"))


def run_models(
    connection: duckdb.DuckDBPyConnection, models: Iterable[RenderedModel], kept: Iterable[str] = ()
) -> None:
    """Make the models' relations; each is dropped after its last reader, save `kept` ones: documents are large."""
    models, needed = list(models), set(kept)
    last_reader = {model.name: model.name for model in models}
    for model in models:
        last_reader |= dict.fromkeys(_reads_through_views(model, {m.name: m for m in models}), model.name)
    for model in models:
        model.create(connection)
        for helper in models:
            if last_reader[helper.name] == model.name and helper.relation not in needed:
                connection.execute(f"DROP {'VIEW' if helper.is_view else 'TABLE'} {helper.relation}")


def _reads_through_views(model: RenderedModel, models: Mapping[str, RenderedModel]) -> Iterator[str]:
    for name in model.reads:
        if name in models:
            yield name
            if models[name].is_view:
                yield from _reads_through_views(models[name], models)


def _rendered(project: SqlProject, names: Iterable[str]) -> Iterator[RenderedModel]:
    for name in names:
        model, rendered = project.models[name], project.graph[name]
        yield RenderedModel(
            name=name,
            relation=model.relation,
            file=str(model.path),
            sql=rendered.sql,
            reads=tuple(rendered.refs),
            is_view=rendered.config.get("materialized") == "ephemeral",
        )


def _reads_everything(project: SqlProject, name: str) -> bool:
    """A check that says `meta={'over': 'everything'}` needs all days: it is a view only."""
    return project.graph[name].config.get("meta", {}).get("over") == "everything"


def _read_seeds(project: SqlProject) -> dict[str, pa.Table]:
    with duckdb.connect(":memory:") as connection:
        relations = project.load_seeds(connection, "memory.main")
        return {
            name: connection.execute(f"SELECT * FROM {relation}").to_arrow_table()
            for name, relation in relations.items()
        }
