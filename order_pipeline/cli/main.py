"""The entry point: every command in one tree."""

from __future__ import annotations

import os
import sys

import typer
from pydantic import ValidationError

from order_pipeline.cli import demo, doctor, locations, outbox, quarantine, run, services, skroutz, sql, trace
from order_pipeline.cli.output import show_error

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
app.add_typer(locations.app, name="locations")
app.add_typer(services.sandbox_app, name="sandbox")
app.add_typer(services.webhooks_app, name="webhooks")
app.add_typer(services.scanorders_app, name="scanorders")
app.add_typer(skroutz.app, name="skroutz")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; an error that no command foresaw ends with its message and exit code 1.

    `ORDER_PIPELINE_TRACEBACK=1` shows where it came from. A reader that closed the pipe early (`| head`) is no error.
    """
    try:
        app()
        sys.stdout.flush()
    except ValidationError as error:
        # pydantic's own text would repeat the values, and some of them are secrets.
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        show_error(f"A setting is wrong: {problems}", "Mend it in .env or in the environment (ORDER_PIPELINE_...).")
        raise SystemExit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("ORDER_PIPELINE_TRACEBACK"):
            raise
        show_error(
            f"{type(error).__name__}: {error}",
            getattr(error, "next_step", "") or "ORDER_PIPELINE_TRACEBACK=1 shows where this came from.",
        )
        raise SystemExit(1) from None
