"""`order-pipeline outbox preview`: what an emission of now would do."""

from __future__ import annotations

import msgspec

from order_pipeline.cli.outbox import Output, with_floors_if_several
from order_pipeline.cli.output import Format, NeutralCells, print_objects
from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.preview import preview as preview_of
from order_pipeline.picking.sending.read_pick_list import read_pick_list
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake


def preview(output: Output = Format.JSON, neutral_cells: NeutralCells = False) -> None:  # noqa: FBT002
    """Show what an emission of now would do, with the exact payloads and how they differ from what was sent.

    Reads only, sends nothing, stores nothing. The payloads name the customer: not for logs.
    """
    settings = load_settings()
    with open_store(settings.resolved_operations_url) as store:
        previews = preview_of(settings, store, read_pick_list(Lake(settings), store))
    rows = [msgspec.to_builtins(each) for each in previews]
    print_objects(with_floors_if_several(settings, rows, output), output, neutral_cells=neutral_cells)
