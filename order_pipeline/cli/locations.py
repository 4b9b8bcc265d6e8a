"""`order-pipeline locations check|load`: the list of items with their barcodes and bins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import Format, NeutralCells, fail, note, print_rows
from order_pipeline.cli.tables import Wide
from order_pipeline.recovery.stores import require_agreement
from order_pipeline.reference.item_locations import (
    CheckedFile,
    ReferenceDataError,
    check_item_locations,
    item_locations_path,
    load_item_locations,
)
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate

File = Annotated[Path | None, typer.Argument(help="CSV or .xlsx. Default: the file that the pipeline loads.")]


def check(
    file: File = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the findings.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """Say how the file is read, what is mended, which lines refuse it. Stores nothing; exit code 1 if refused."""
    checked = _checked(file)
    rows = [("note", "", "", text) for text in checked.notes]
    rows += [("mended", found.line, found.column, found.text) for found in checked.repairs]
    rows += [("doubt", "", "barcode", f"the check digit is wrong: {text}") for text in checked.doubtful_barcodes]
    rows += [("refused", found.line, found.column, found.text) for found in checked.refusals]
    print_rows(["what", "line", "column", "finding"], rows, output, neutral_cells=neutral_cells, wide=wide)
    if checked.refusals:
        fail(f"{checked.path}: {len(checked.refusals)} lines would be refused.", "Correct them, then check again.")
    note(f"{checked.path}: {len(checked.frame):,} items, can be loaded")


def load(
    file: File = None,
    accept_fewer: Annotated[  # noqa: FBT002
        bool, typer.Option("--accept-fewer", help="Store it although it drops most of the stored items.")
    ] = False,
) -> None:
    """Check the file and store it in the lake, as the pipeline does before each planning of picks."""
    settings = load_settings()
    require_agreement(settings)
    lake = Lake(settings)
    migrate(lake)
    try:
        path, floors = file or item_locations_path(settings), settings.floor_settings
        loaded = load_item_locations(lake, path, accept_fewer=accept_fewer, floors=floors)
    except ReferenceDataError as error:
        fail(str(error), "Nothing was stored; the picks go on from the list that was loaded before.")
    note(f"{loaded.rows:,} items {'stored' if loaded.changed else 'as they were'}, {len(loaded.repairs)} cells mended")


def _checked(file: Path | None) -> CheckedFile:
    settings = load_settings()
    try:
        return check_item_locations(file or item_locations_path(settings), settings.floor_settings)
    except ReferenceDataError as error:
        fail(str(error), "Correct the file, then check again.")
