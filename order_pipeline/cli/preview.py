"""`order-pipeline outbox preview`: what an emission of now would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.cli.outbox import Output, floor_if_several
from order_pipeline.cli.output import Format, NeutralCells, print_objects
from order_pipeline.cli.tables import Wide, print_listing
from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.preview import preview as preview_of
from order_pipeline.picking.sending.read_pick_list import read_pick_list
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake


def preview(
    output: Output = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """Show what an emission of now would do: what is sent, held or asked of a person.

    JSON, CSV and --wide have the exact payloads, which name the customer: not for logs. Where something was sent, the
    table says how it differs from what would be sent now. Reads only, sends nothing, stores nothing.
    """
    settings = as_filled(load_settings())
    with open_store(settings.resolved_operations_url) as store:
        previews = preview_of(settings, store, read_pick_list(Lake(settings), store))
    found = [msgspec.to_builtins(each) for each in previews]
    if output is not Format.TABLE:
        print_objects(found, output, neutral_cells=neutral_cells)
        return
    print_listing(
        found,
        {
            "pick, and why": _told,
            **floor_if_several(settings, found),
            "action": lambda each: each["action"],
            "what": _what,
        },
        wide=wide,
    )


def _told(found: Mapping[str, Any]) -> str:
    return "\n".join(filter(None, [found["pick_id"], found["reason"], *found["differences"]]))


def _what(found: Mapping[str, Any]) -> str:
    payload = found["payload"]
    place = f" at {payload['binloc']}" if payload.get("binloc") else ""
    return f"{payload.get('barcode')}\n{payload.get('qtytopick')}{place}"
