"""The entry point: every command in one tree."""

from __future__ import annotations

import os
import sys

import typer

from order_pipeline.cli import demo, doctor, outbox, quarantine, run, services, sql, trace

app = typer.Typer(
    name="order-pipeline",
    help="Orders from the sales channels to the picking floor: nothing lost, nothing twice, every doubt shown.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("ui")(services.ui)
app.command("run")(run.run)
app.command("sql")(sql.sql)
app.command("trace")(trace.trace)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(outbox.app, name="outbox")
app.add_typer(services.sandbox_app, name="sandbox")
app.add_typer(services.webhooks_app, name="webhooks")
app.add_typer(services.scanorders_app, name="scanorders")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; a reader that closed the pipe early (`| head`) is no error."""
    try:
        app()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
