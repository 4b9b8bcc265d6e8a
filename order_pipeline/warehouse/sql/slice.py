"""Running models over a slice of the rows: as tables in a database that has the lake's schemas and only these rows.

The models are rendered as for the lake. What is rendered can be pickled, so whoever runs it needs no project directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import duckdb

from order_pipeline.redaction.errors import shown_text
from order_pipeline.warehouse.sql.project import Rendered, SqlModelError


def run_model(connection: duckdb.DuckDBPyConnection, rendered: Rendered) -> None:
    """Make the model's table; an ephemeral one becomes a view.

    Raises:
        SqlModelError: it does not run; the message names its file.
    """
    _make(connection, rendered, _kind(rendered))


def run_view(connection: duckdb.DuckDBPyConnection, rendered: Rendered) -> None:
    """Make the model's view, as in the lake.

    Raises:
        SqlModelError: it does not run; the message names its file.
    """
    _make(connection, rendered, "VIEW")


def run_models(connection: duckdb.DuckDBPyConnection, models: Iterable[Rendered], kept: Iterable[str] = ()) -> None:
    """Make the models' relations; each is dropped after its last reader, save `kept` ones: documents are large.

    Args:
        connection: its database has every schema that the models name, and what they read besides each other.
        models: each after those that it reads.
        kept: qualified names.
    """
    needed, by_name = set(kept), {rendered.model.name: rendered for rendered in models}
    last_reader = {name: name for name in by_name}
    for name, rendered in by_name.items():
        last_reader |= dict.fromkeys(_reads_through_views(rendered, by_name), name)
    for name, rendered in by_name.items():
        run_model(connection, rendered)
        for helper, reader in last_reader.items():
            if reader == name and by_name[helper].relation not in needed:
                connection.execute(f"DROP {_kind(by_name[helper])} {by_name[helper].relation}")


def _make(connection: duckdb.DuckDBPyConnection, rendered: Rendered, kind: str) -> None:
    try:
        connection.execute(f"CREATE OR REPLACE {kind} {rendered.relation} AS\n{rendered.sql}")
    except duckdb.Error as error:
        raise SqlModelError(f"{rendered.model.path} does not run: {shown_text(error)}") from error


def _kind(rendered: Rendered) -> str:
    return "VIEW" if rendered.config.get("materialized") == "ephemeral" else "TABLE"


def _reads_through_views(rendered: Rendered, models: Mapping[str, Rendered]) -> Iterator[str]:
    for name in rendered.refs:
        if name in models:
            yield name
            if _kind(models[name]) == "VIEW":
                yield from _reads_through_views(models[name], models)
