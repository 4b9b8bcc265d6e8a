"""`order-pipeline skroutz ...`: acting on an order at Skroutz, on a person's word, and reading orders by their codes.

Every action is a dry run unless `--send` is given and ORDER_PIPELINE_SKROUTZ__ACTIONS_ENABLED allows it; each is on
record in the operations store. Belongs here: options and printing. Does not belong here: what an action does
(`channels.skroutz.actions`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from order_pipeline.cli.output import fail, message_console, result_console
from order_pipeline.settings import load_settings

if TYPE_CHECKING:
    from order_pipeline.channels.skroutz.actions import ActionResult, Actor

app = typer.Typer(no_args_is_help=True, help="Act on Skroutz orders: dry run first, every action on record.")

Code = Annotated[str, typer.Argument(help="The order's code at Skroutz.")]
Who = Annotated[str, typer.Option(help="Who asks for it; kept with the action.")]
Send = Annotated[bool, typer.Option("--send", help="Do it. Without: show what would be sent.")]


@app.command("accept")
def accept(  # noqa: PLR0917 - a command's options
    code: Code,
    who: Who,
    location: Annotated[str | None, typer.Option(help="Id of a pickup location; leave it out to see them.")] = None,
    window: Annotated[int | None, typer.Option(help="Id of a pickup window.")] = None,
    parcels: Annotated[int, typer.Option(min=1, help="Number of parcels.")] = 1,
    send: Send = False,  # noqa: FBT002
) -> None:
    """Accept an open order, with a pickup location and window out of what Skroutz offers at this moment."""
    from order_pipeline.channels.skroutz import actions  # noqa: PLC0415

    _run(who, send, lambda actor: actions.accept(actor, code, location=location, window=window, parcels=parcels))


@app.command("reject")
def reject(
    code: Code,
    who: Who,
    line: Annotated[
        list[str] | None, typer.Option(help="LINE:REASON or LINE:REASON:AVAILABLE, by the ids of the order; repeat it.")
    ] = None,
    other: Annotated[str | None, typer.Option(help="A text for the whole order, instead of lines.")] = None,
    send: Send = False,  # noqa: FBT002
) -> None:
    """Reject an open order, by lines with reasons or whole with a text. There is no undo."""
    from order_pipeline.channels.skroutz import actions  # noqa: PLC0415
    from order_pipeline.channels.skroutz.choices import LineRejection  # noqa: PLC0415

    async def act(actor: Actor) -> ActionResult:
        lines = [LineRejection.from_text(each) for each in line or []]
        return await actions.reject(actor, code, lines=lines, other_reason=other)

    _run(who, send, act)


@app.command("upload-invoice")
def upload_invoice(
    code: Code,
    file: Annotated[Path, typer.Argument(help="A pdf, png or jpg of at most 7,000,000 bytes.")],
    who: Who,
    send: Send = False,  # noqa: FBT002
) -> None:
    """Upload the receipt or invoice of an order; it replaces an earlier file."""
    from order_pipeline.channels.skroutz import actions  # noqa: PLC0415

    _run(who, send, lambda actor: actions.upload_invoice(actor, code, file))


@app.command("ready")
def ready(code: Code, who: Who, send: Send = False) -> None:  # noqa: FBT002
    """Mark an accepted order's parcel as ready for the courier."""
    from order_pipeline.channels.skroutz import actions  # noqa: PLC0415

    _run(who, send, lambda actor: actions.set_as_ready(actor, code))


@app.command("recover")
def recover(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV that the merchant panel exported.")],
    column: Annotated[
        str | None, typer.Option(help="Header of the column with the codes; default: the usual names.")
    ] = None,
) -> None:
    """Read every order of a list of codes: to start, or after an outage in which webhooks were lost.

    The orders land in raw; `order-pipeline run --source skroutz` brings their days up to date in core.
    """
    from order_pipeline.channels.base import Window  # noqa: PLC0415
    from order_pipeline.channels.skroutz import CodeListError, RereadExtraction, codes_in_file  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake  # noqa: PLC0415
    from order_pipeline.warehouse.migrations import migrate  # noqa: PLC0415
    from order_pipeline.warehouse.raw.ingest import ingest  # noqa: PLC0415
    from order_pipeline.warehouse.raw.source_state import WarehouseState  # noqa: PLC0415

    settings = load_settings()
    try:
        codes = codes_in_file(file, column)
    except CodeListError as error:
        fail(str(error), "Name the column with --column.", code=2)
    lake = Lake(settings)
    migrate(lake)
    extraction = RereadExtraction(settings.skroutz, codes=codes)
    today = datetime.now(UTC).date()
    window, known = Window(today, today + timedelta(days=1)), WarehouseState(lake, "skroutz")
    run_id = f"recover-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with message_console.status(f"reading {len(codes):,} orders"):
        result = asyncio.run(ingest(lake, "skroutz", extraction, window, known, run_id))
    result_console.print(f"{extraction.result.describe()}; {result.total.new_versions:,} new rows", markup=False)
    if result.incomplete:
        fail("Not every order could be read.", "Run the same command again: what is known adds nothing.")


def _run(who: str, send: bool, act: Callable[[Actor], Coroutine[Any, Any, ActionResult]]) -> None:  # noqa: FBT001
    """Run one action and print what became of it; exit code 1 unless it is done, or was a dry run."""
    from order_pipeline.channels.skroutz.actions import ActionsDisabledError, Actor  # noqa: PLC0415
    from order_pipeline.channels.skroutz.choices import ActionNotPossibleError  # noqa: PLC0415
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415

    settings = load_settings()
    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        store.create_all()
        try:
            result = asyncio.run(act(Actor(settings.skroutz, store, who, dry_run=not send)))
        except (ActionsDisabledError, ActionNotPossibleError) as error:
            fail(str(error), "Nothing was sent.")
    request = msgspec.json.encode(result.request).decode()
    result_console.print(f"{result.outcome}: {result.action} {result.code} {request}", markup=False)
    result_console.print(result.answer, markup=False)
    if result.outcome not in {"done", "already_done", "dry_run"}:
        raise typer.Exit(1)
