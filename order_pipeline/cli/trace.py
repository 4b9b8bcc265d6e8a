"""`order-pipeline trace ORDER`: from the bytes received to the picker's screen, and why it is (not) there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from order_pipeline.cli.output import Format, fail, note, print_objects
from order_pipeline.cli.quarantine import NO_LAKE_YET
from order_pipeline.cli.tables import Wide, cut, minute, print_listing, print_table, print_text
from order_pipeline.cli.tracing import trace_order
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import LakeError

Fact = Mapping[str, Any]
LONGEST_REASON = 120
CORE_COLUMNS = (
    "line_id",
    "shipment_id",
    "order_status",
    "line_status",
    "shipment_status",
    "sku",
    "quantity_ordered",
    "unit_price",
)


def trace(
    order: Annotated[str, typer.Argument(help="Order number, order id (source:account:number) or external reference.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON array, an object an order.")] = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
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
        show(entry, wide=wide)


def show(entry: dict[str, Any], *, wide: bool = False) -> None:
    """Print one order: the verdict first, then the rows behind it."""
    print_text(f"{entry['order_id'] or entry['source']}: {entry['verdict']}", style="bold")
    if not wide and entry["order_id"]:
        print_text(f"Ids below go on after {entry['order_id']}:", style="dim")
    short = _shortener(entry["order_id"])
    for table, rows in entry.get("core", {}).items():
        columns = [name for name in rows[0] if name in CORE_COLUMNS or wide]
        if columns:
            cells = [[row[name] if wide else short(row[name]) for name in columns] for row in rows]
            print_table(columns, cells, title=f"core.{table}", wide=wide)
    for section, narrow in _sections(short).items():
        if rows := entry.get(section):
            print_listing(rows, narrow, title=section.replace("_", " "), wide=wide)
    if entry.get("raw_versions"):
        note(f'The bytes: order-pipeline sql "from raw.{entry["raw_versions"][0]["resource"]} where ..."')


def _shortener(order_id: str | None) -> Callable[[Any], Any]:
    """Ids of an order's lines begin with the order's own, which stands above: here they begin after it."""
    prefix = f"{order_id}:"
    return lambda value: value.removeprefix(prefix) if order_id and isinstance(value, str) else value


def _sections(short: Callable[[Any], Any]) -> dict[str, dict[str, Callable[[Fact], object]]]:
    """The sections in their order, each with the few columns that fit."""
    return {
        "quarantine": {
            "table": lambda row: row["table_name"],
            "rule": lambda row: row["rule"],
            "field": lambda row: row["field"],
            "value": lambda row: cut(row["value"], LONGEST_REASON),
            "resolved (UTC)": lambda row: minute(row["resolved_at"]) or "open",
        },
        "pick_lines": {
            "pick": lambda row: short(row["pick_id"]),
            "barcode": lambda row: row["barcode"],
            "bin": lambda row: row["bin_location"],
            "qty": lambda row: row["quantity"],
            "held": lambda row: _why(row["hold_reason"], row["hold_detail"]),
        },
        "without_picks": {"reason": lambda row: row["reason"], "detail": lambda row: row["detail"]},
        "outbox": {
            "pick": lambda row: short(row["pick_id"]),
            "state": lambda row: row["state"],
            "why": lambda row: _why(row["reason"], row["detail"]),
            "tries": lambda row: row["attempt"],
            "changed (UTC)": lambda row: minute(row["updated_at"]),
        },
        "events": {
            "pick": lambda row: short(row["pick_id"]),
            "at (UTC)": lambda row: f"{row['at']:%Y-%m-%d %H:%M:%S}",
            "became": lambda row: row["to_state"],
            "why": lambda row: _why(row["reason"], row["detail"]),
            "by": lambda row: row["actor"],
        },
        "raw_versions": {
            "resource": lambda row: row["resource"],
            "record": lambda row: row["record_id"],
            "day": lambda row: row["partition_day"],
            "bytes": lambda row: row["bytes"],
            "fetched (UTC)": lambda row: minute(row["fetched_at"]),
        },
    }


def _why(reason: str | None, detail: str | None) -> str:
    return cut(": ".join(part for part in (reason, detail) if part), LONGEST_REASON)
