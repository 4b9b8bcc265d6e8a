"""`order-pipeline dbt-vars`: what the settings decide, in the words of real dbt."""

from __future__ import annotations

import json

import typer

from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.sql.project_of_settings import variables_of


def dbt_vars() -> None:
    """Print the variables of the SQL project that the settings decide, as JSON for dbt.

    \b
    In dbt_style_sql, with real dbt (dbt-core below 1.12, dbt-duckdb):
      dbt build --vars "$(order-pipeline dbt-vars)"
    dbt reads the lake and builds into dbt.duckdb in the data directory.
    """  # noqa: D301
    variables = variables_of(as_filled(load_settings()))
    typer.echo(json.dumps({**variables, "from_settings": True}, default=list, ensure_ascii=False))
