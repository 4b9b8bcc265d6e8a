"""`reference.item_locations`: where an item lies and what barcode it bears, loaded whole or not at all.

One line that would put a wrong barcode on the floor refuses the file; the message names the lines.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from order_pipeline.channels.registry import NAMES
from order_pipeline.contracts import ItemLocations, find_failures, table_contract
from order_pipeline.floors import MAIN
from order_pipeline.reference.bins import contradictions
from order_pipeline.reference.damage import Finding, doubtful_barcodes, mend
from order_pipeline.reference.sheet import Columns, SheetError, read_sheet
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake

FILE_NAMES = ("item_locations.csv", "item_locations.xlsx")
DEMO_FILE = Path(__file__).resolve().parents[2] / "data" / "reference" / "demo_item_locations.csv"
OPTIONAL_COLUMNS = ("not_stocked", "floor", "priority")
"""Columns that a file may leave out."""
LEAST_SHARE_KEPT = 0.5
"""A file with a smaller share of the stored rows is refused: mostly it was saved with a filter on."""
_FEW_ROWS = 20
_LONGEST_LIST = 10


class ReferenceDataError(ValueError):
    """A reference file is missing, damaged, or breaks its contract; nothing was stored."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was read: its rows as they are meant, how it was read, what was mended, what refuses it."""

    path: Path
    frame: pd.DataFrame
    notes: tuple[str, ...]
    repairs: tuple[Finding, ...]
    refusals: tuple[Finding, ...]
    doubtful_barcodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadedReference:
    """What was stored: row count, whether it differed from what the lake held, and what the reading noticed."""

    rows: int
    changed: bool
    repairs: tuple[str, ...]
    doubtful_barcodes: tuple[str, ...]


def item_locations_path(settings: Settings) -> Path:
    """The file `reference/item_locations.csv` (or `.xlsx`) of the data directory; a demo has the repository's.

    Nothing else falls back to the demo's file: its bins are invented. The path may not exist.
    """
    own = [settings.data_dir / "reference" / name for name in FILE_NAMES]
    found = next((path for path in own if path.exists()), None)
    return found or (DEMO_FILE if settings.demo_world_file.exists() else own[0])


def items_loaded_elsewhere(lake: Lake, path: Path) -> int:
    """How many items the lake has of another machine's file; 0 where this one has a file, or the lake is its alone.

    Several machines share a lake, and one of them keeps the file: the others go by what it loaded.
    """
    if path.exists() or lake.is_embedded:
        return 0
    with lake.snapshot() as connection:
        counted = connection.execute("SELECT count(*) FROM reference.item_locations").fetchone()
    return int(counted[0]) if counted else 0


def load_item_locations(
    lake: Lake, path: Path, *, accept_fewer: bool = False, floors: Collection[str] = (MAIN,)
) -> LoadedReference:
    """Check the file and, if it differs from what is stored, replace `reference.item_locations` by it.

    Args:
        lake: migrated.
        path: a CSV or Excel file.
        accept_fewer: store it also when it drops most of the rows that are stored.
        floors: the floors that settings make.

    Raises:
        ReferenceDataError: no file, a line that is refused (named), or most rows are gone.
    """
    checked = check_item_locations(path, floors)
    if checked.refusals:
        shown = "\n  ".join(str(finding) for finding in checked.refusals[:_LONGEST_LIST])
        more = len(checked.refusals) - _LONGEST_LIST
        rest = f"\n  and {more} more: order-pipeline locations check {path}" if more > 0 else ""
        raise ReferenceDataError(f"{path} was not loaded; correct these lines and load it again:\n  {shown}{rest}")
    table = pa.Table.from_pandas(checked.frame, preserve_index=False)
    columns = ", ".join(table_contract(ItemLocations).column_names)

    def replace(transaction: duckdb.DuckDBPyConnection) -> bool:
        counted = transaction.execute("SELECT count(*) FROM reference.item_locations").fetchone()
        before = int(counted[0]) if counted else 0
        if not accept_fewer and before >= _FEW_ROWS and len(checked.frame) < before * LEAST_SHARE_KEPT:
            raise ReferenceDataError(
                f"{path} was not loaded: it has {len(checked.frame):,} items, and {before:,} are stored. Was it saved"
                f" with a filter on? If it is right: order-pipeline locations load {path} --accept-fewer"
            )
        transaction.register("new_locations", table)
        new, stored = f"SELECT {columns} FROM new_locations", f"SELECT {columns} FROM reference.item_locations"
        changed = bool(transaction.execute(f"({new} EXCEPT {stored}) UNION ALL ({stored} EXCEPT {new})").fetchone())
        if changed:
            transaction.execute("DELETE FROM reference.item_locations")
            transaction.execute("INSERT INTO reference.item_locations BY NAME SELECT * FROM new_locations")
        transaction.unregister("new_locations")
        return changed

    changed = lake.run("load item locations", replace)
    repairs = (*checked.notes, *map(str, checked.repairs))
    return LoadedReference(len(checked.frame), changed, repairs, checked.doubtful_barcodes)


def check_item_locations(path: Path, floors: Collection[str] = (MAIN,)) -> CheckedFile:
    """Read the file and say what is wrong with it; stores nothing.

    Raises:
        ReferenceDataError: the file cannot be read as a spreadsheet with the columns of the contract.
    """
    names = table_contract(ItemLocations).column_names
    if not path.exists():
        raise ReferenceDataError(
            f"There is no {path}: without a bin and a barcode nothing can be picked. Save your list there, with the "
            f"columns {', '.join(names)}; try it with: order-pipeline locations check FILE"
        )
    try:
        sheet = read_sheet(path, Columns(names, OPTIONAL_COLUMNS))
    except SheetError as error:
        raise ReferenceDataError(str(error)) from error
    mended = mend(sheet)
    columns = {name: pa.array([row.cells[name] or None for row in mended.rows], pa.string()) for name in names}
    frame = pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)
    refusals = [*mended.refusals, *(told := list(contradictions(mended.rows, floors)))]
    broken = [
        Finding(mended.rows[int(row)].line, field, f"{'is missing' if pd.isna(value) else repr(value)} ({rule})")
        for row, rule, field, value in find_failures(ItemLocations, frame, NAMES).itertuples(index=False)
        if rule != "duplicate_key" or not told  # said above, in more words
    ]
    refused_cells = {(finding.line, finding.column) for finding in refusals}
    refusals += [found for found in broken if (found.line, found.column) not in refused_cells]
    return CheckedFile(
        path,
        frame,
        tuple(sheet.notes),
        tuple(mended.repairs),
        tuple(sorted(refusals, key=lambda finding: finding.line)),
        tuple(doubtful_barcodes([row.cells for row in mended.rows])),
    )
