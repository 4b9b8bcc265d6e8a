"""`order-pipeline outbox waves` and `outbox resolve-wave`: what is in doubt, answered in bulk."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.outbox import chosen_floor, floor_if_several
from order_pipeline.cli.output import Format, NeutralCells, fail, note, print_objects
from order_pipeline.cli.tables import Wide, print_listing
from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.resolve import Verdict
from order_pipeline.picking.operators.resolve_waves import Seen, list_waves, read_seen
from order_pipeline.picking.operators.resolve_waves import resolve_wave as store_verdict
from order_pipeline.picking.operators.views import UnknownPickError
from order_pipeline.settings import load_settings

MOST_NAMED = 5


def waves(
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """List the waves that have lines in doubt, with how many: after a restore these are many."""
    settings = load_settings()
    with open_store(settings.resolved_operations_url) as store:
        found = list_waves(store)
    if output is not Format.TABLE:
        print_objects(found, output, neutral_cells=neutral_cells)
        return
    columns = ("wave", "lines", "orders", "from_order", "to_order")
    shown = {name: itemgetter(name) for name in columns}
    print_listing(found, {**shown, **floor_if_several(settings, found)}, wide=wide)


def resolve_wave(  # noqa: PLR0917 - a command's options are its parameters
    wave: Annotated[int, typer.Argument(help="The wave's number, from `outbox waves`.")],
    reason: Annotated[str, typer.Option(help="What was seen; kept with the lines for good.")],
    who: Annotated[str, typer.Option(help="Who looked at the ScanOrders screen.")],
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="Are all lines of the wave on the picker's screen?")
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option(
            help="A file with what is on the screen; the rest of the wave is not.", exists=True, dir_okay=False
        ),
    ] = None,
    floor: Annotated[
        str | None, typer.Option(help="Whose screen, where the wave has doubts at several floors.")
    ] = None,
) -> None:
    """Answer for every line in doubt of a wave, after a look at the ScanOrders screen.

    \b
    --seen FILE: one order number a line, or an order number and a barcode
    with a comma between, where only some lines of an order are there.
    What is called not sent goes out with the next emission: if it is on
    the floor after all, it will be there twice.
    """  # noqa: D301
    if (sent is None) == (seen is None):
        fail(
            "Say --sent, --not-sent, or --seen FILE: one of them.", "order-pipeline outbox resolve-wave --help", code=2
        )
    settings = load_settings()
    chosen = chosen_floor(settings, floor)
    with open_store(settings.resolved_operations_url) as store:
        try:
            verdict: Verdict | Seen = "sent" if sent else "not_sent"
            if seen is not None:
                verdict = read_seen(seen.read_text(encoding="utf-8-sig").splitlines())
            done = store_verdict(store, wave, verdict, reason=reason, who=who, floor=chosen)
        except (UnknownPickError, ValueError) as error:
            fail(str(error), "`order-pipeline outbox waves` shows what is in doubt.")
    note(f"wave {wave}: {done.sent:,} lines are on the floor, {done.not_sent:,} are not and go out next")
    if done.not_of_the_wave:
        more = ", ..." if len(done.not_of_the_wave) > MOST_NAMED else ""
        note(
            f"{len(done.not_of_the_wave)} of the list have no doubt in this wave: "
            f"{', '.join(done.not_of_the_wave[:MOST_NAMED])}{more}"
        )
