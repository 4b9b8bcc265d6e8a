"""`order-pipeline trace ORDER`: from the bytes received to the picker's screen, and why it is (not) there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from order_pipeline.cli.output import Format, fail, note, print_objects, print_table, result_console
from order_pipeline.cli.quarantine import NO_LAKE_YET
from order_pipeline.cli.tracing import trace_order
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import LakeError

SECTIONS = ("quarantine", "pick_lines", "without_picks", "outbox", "events", "raw_versions")
CORE_COLUMNS = ("line_id", "shipment_id", "order_status", "line_status", "shipment_status", "sku", "quantity_ordered")


def trace(
    order: Annotated[str, typer.Argument(help="Order number, order id (source:account:number) or external reference.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON array, an object an order.")] = False,  # noqa: FBT002
) -> None:
    """Show the whole way of one order, and say why it is, or is not, on the picker's screen.

    Raw versions, core rows, broken rules, the reason it is held, every step of its picks. No personal data.
    """
    try:
        entries = trace_order(load_settings(), order)
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    if not entries:
        fail(
            f"No channel has delivered an order {order!r}.",
            "Check the number; if it is right, run its day again: order-pipeline run --from DAY --to DAY.",
        )
    if json:
        print_objects(entries, Format.JSON)
        return
    for entry in entries:
        show(entry)


def show(entry: dict[str, Any]) -> None:
    """Print one order: the verdict first, then the rows behind it."""
    result_console.print(f"{entry['order_id'] or entry['source']}: {entry['verdict']}", style="bold", markup=False)
    for table, rows in entry.get("core", {}).items():
        columns = [name for name in CORE_COLUMNS if name in rows[0]]
        if columns:
            print_table(columns, [[row[name] for name in columns] for row in rows], title=f"core.{table}")
    for section in SECTIONS:
        rows = entry.get(section)
        if rows:
            print_table(list(rows[0]), [list(row.values()) for row in rows], title=section.replace("_", " "))
    if entry.get("raw_versions"):
        note(
            f'The bytes: order-pipeline sql "select payload from raw.{entry["raw_versions"][0]["resource"]} where ..."'
        )
