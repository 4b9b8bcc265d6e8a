"""The entry point: every command in one tree."""

from __future__ import annotations

import os
import sys

import typer

from order_pipeline.cli import services, sql

app = typer.Typer(
    name="order-pipeline",
    help="Orders from the sales channels to the picking floor: nothing lost, nothing twice, every doubt shown.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("sql")(sql.sql)
app.add_typer(services.sandbox_app, name="sandbox")


def main() -> None:
    """Run the command line; a reader that closed the pipe early (`| head`) is no error."""
    try:
        app()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
