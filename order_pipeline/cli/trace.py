"""`order-pipeline trace NUMBER`: the story of an order, from the bytes received to the picker's screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from order_pipeline.cli.output import NO_LAKE_YET, Format, fail, note, print_objects
from order_pipeline.cli.tables import Wide, print_table, print_text, result_console, shown
from order_pipeline.settings import load_settings
from order_pipeline.story.tell import Told, tell_stories
from order_pipeline.warehouse.lake.connection import LakeError

MOST_STEPS_SHOWN = 4
_TABLES = ("quarantine", "pick_lines", "elsewhere", "without_picks", "outbox", "events", "tasks", "read_back")


def trace(
    number: Annotated[
        str,
        typer.Argument(
            help="Any number of the order: the channel's, an external reference, a purchase order, a tracking code, "
            "an invoice, a shipment, ScanOrders' fulfilment, a pick id, an order id (source:account:number)."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON array, an object an order.")] = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """Tell where an order is and why, what to do next, and everything that happened to it.

    Each line of the timeline names its raw record: table, record, the version's hash, and the place in it as a JSON
    pointer. No personal data, and no free text of a channel or of a person.
    """
    try:
        told = tell_stories(load_settings(), number)
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    if not told.stories:
        fail(
            f"No channel has delivered an order {number!r}. {_proofs(told)}",
            "Check the number; if it is right, run its day again: order-pipeline run --from DAY --to DAY.",
        )
    if json:
        print_objects(told.stories, Format.JSON)
        return
    for place, story in enumerate(told.stories):
        if place:
            result_console.print()
        show(story, wide=wide)
    if told.orders > 1:
        note(_several(told, number))


def _proofs(told: Told) -> str:
    return "; ".join(told.proofs) + "." if told.proofs else "Nothing was read so far."


def _several(told: Told, number: str) -> str:
    shown_of = "" if told.orders == len(told.stories) else f"; the first {len(told.stories)} are shown"
    return f"{number} names {told.orders} orders{shown_of}."


def show(story: Mapping[str, Any], *, wide: bool = False) -> None:
    """Print one order: the answer, the next step, the timeline; with `wide` also all rows behind it."""
    print_text(f"{story['order_id'] or story['source']} (by {', '.join(story['named_by'])})", style="dim")
    print_text(story["verdict"], style="bold")
    _print_steps(story["next_steps"], wide=wide)
    result_console.print()
    if not wide:
        _print_timeline(story["timeline"])
        return
    moments = [{**moment, "raw": _raw(moment["raw"], wide=True)} for moment in story["timeline"]]
    _print_rows("timeline", moments)
    for table, rows in story["core"].items():
        _print_rows(f"core.{table}", rows)
    for name in (*_TABLES, "raw_versions"):
        _print_rows(name.replace("_", " "), story[name])


def _print_steps(steps: Sequence[str], *, wide: bool) -> None:
    """Each command in a line of its own, not wrapped: a terminal wraps it and still copies it as one."""
    several = steps if wide else steps[:MOST_STEPS_SHOWN]
    for step in several:
        result_console.print(Text(f"  {shown(step)}"), soft_wrap=True)
    if len(several) < len(steps):
        print_text(f"  and {len(steps) - len(several)} more commands: --wide shows them.", style="dim")


def _print_timeline(moments: Sequence[Mapping[str, Any]]) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for moment in moments:
        told = Text(shown(moment["detail"]))
        if place := _raw(moment["raw"]):
            told.append(f"\n{shown(place)}", style="dim")
        grid.add_row(f"{moment['at']:%Y-%m-%d %H:%M}", Text(moment["what"], style="bold"), told)
    result_console.print(Padding(grid, (0, 0)))


def _raw(place: Mapping[str, Any] | None, *, wide: bool = False) -> str:
    if place is None:
        return ""
    sha256 = place["sha256"] if wide else place["sha256"][:8]
    return f"raw.{place['table']} {place['record_id']} {sha256} {place['pointer']}"


def _print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows], title=title, wide=True)
