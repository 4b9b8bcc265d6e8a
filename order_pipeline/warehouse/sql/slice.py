"""Running models over a slice of the rows: as tables in a database that has the lake's schemas and only these rows.

The models are rendered as for the lake. What is rendered can be pickled, so whoever runs it needs no project directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from order_pipeline.warehouse.sql.project import SqlModelError, SqlProject


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


def rendered_models(project: SqlProject, names: Iterable[str]) -> tuple[RenderedModel, ...]:
    """The named models, in the order in which they are given; an ephemeral one becomes a view.

    Raises:
        SqlModelError: a model that does not exist, or does not render.
    """
    return tuple(
        RenderedModel(
            name=name,
            relation=project.models[name].relation,
            file=str(project.models[name].path),
            sql=project.graph[name].sql,
            reads=tuple(project.graph[name].refs),
            is_view=project.graph[name].config.get("materialized") == "ephemeral",
        )
        for name in names
    )


def run_models(
    connection: duckdb.DuckDBPyConnection, models: Iterable[RenderedModel], kept: Iterable[str] = ()
) -> None:
    """Make the models' relations; each is dropped after its last reader, save `kept` ones: documents are large.

    Args:
        connection: its database has every schema that the models name, and what they read besides each other.
        models: each after those that it reads.
        kept: qualified names.
    """
    models, needed = list(models), set(kept)
    by_name = {model.name: model for model in models}
    last_reader = {model.name: model.name for model in models}
    for model in models:
        last_reader |= dict.fromkeys(_reads_through_views(model, by_name), model.name)
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
