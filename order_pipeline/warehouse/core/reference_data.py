"""`reference`: facts that people keep, not channels: where an item lies and what barcode it bears.

The file is checked whole before anything is stored: one bad row refuses it, and the message names the rows.
Does not belong here: status mappings and other seeds of the SQL project (`sql_models.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from order_pipeline.contracts import ItemLocations, find_failures, table_contract
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake

ITEM_LOCATIONS_FILE = "item_locations.csv"
_REPOSITORY_REFERENCE = Path(__file__).resolve().parents[3] / "data" / "reference"
_LONGEST_LIST = 10
_EAN_LENGTHS = (8, 12, 13, 14)


class ReferenceDataError(ValueError):
    """A reference file is missing or breaks its contract; nothing was stored."""


@dataclass(frozen=True, slots=True)
class LoadedReference:
    """What was stored: row count, whether it differed from what the lake held, and doubtful barcodes (soft check)."""

    rows: int
    changed: bool
    doubtful_barcodes: tuple[str, ...]


def item_locations_path(settings: Settings) -> Path:
    """`reference/item_locations.csv` in the data directory if there is one, else the repository's."""
    own = settings.data_dir / "reference" / ITEM_LOCATIONS_FILE
    return own if own.exists() else _REPOSITORY_REFERENCE / ITEM_LOCATIONS_FILE


def load_item_locations(lake: Lake, path: Path) -> LoadedReference:
    """Check the file and, if it differs from what is stored, replace `reference.item_locations` by it.

    Raises:
        ReferenceDataError: no file, wrong columns, or rows that break the contract (named by line of the file).
    """
    frame = read_item_locations(path)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = ", ".join(table_contract(ItemLocations).column_names)

    def replace(transaction: duckdb.DuckDBPyConnection) -> bool:
        transaction.register("new_locations", table)
        new, stored = f"SELECT {columns} FROM new_locations", f"SELECT {columns} FROM reference.item_locations"
        changed = bool(transaction.execute(f"({new} EXCEPT {stored}) UNION ALL ({stored} EXCEPT {new})").fetchone())
        if changed:
            transaction.execute("DELETE FROM reference.item_locations")
            transaction.execute("INSERT INTO reference.item_locations BY NAME SELECT * FROM new_locations")
        transaction.unregister("new_locations")
        return changed

    changed = lake.run("load item locations", replace)
    return LoadedReference(len(frame), changed, doubtful_barcodes(frame))


def read_item_locations(path: Path) -> pd.DataFrame:
    """Read the CSV, every value as text (leading zeros are kept), and check it against its contract.

    Raises:
        ReferenceDataError: see `load_item_locations`.
    """
    names = table_contract(ItemLocations).column_names
    try:
        table = csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise ReferenceDataError(f"{path} cannot be read: {error}. It needs the columns {', '.join(names)}.") from error
    if missing := set(names) - set(table.column_names):
        raise ReferenceDataError(f"{path} lacks the columns {', '.join(sorted(missing))}: it needs {', '.join(names)}.")
    frame = table.select(list(names)).to_pandas(types_mapper=pd.ArrowDtype)
    _refuse(path, frame)
    return frame


def doubtful_barcodes(frame: pd.DataFrame) -> tuple[str, ...]:
    """Soft check: barcodes that look like a GTIN (8, 12, 13 or 14 digits) whose check digit is wrong; `sku barcode`."""
    doubtful = [
        f"{sku} {barcode}"
        for sku, barcode in zip(frame["sku"], frame["barcode"], strict=True)
        if isinstance(barcode, str) and barcode.isdigit() and len(barcode) in _EAN_LENGTHS and not is_gtin(barcode)
    ]
    return tuple(doubtful)


def is_gtin(barcode: str) -> bool:
    """Whether the last digit is the GS1 check digit of those before it."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(barcode)))
    return total % 10 == 0


def _refuse(path: Path, frame: pd.DataFrame) -> None:
    problems = [
        f"row {int(row) + 2}: {field} {'is missing' if pd.isna(value) else repr(value)} ({rule})"
        for row, rule, field, value in find_failures(ItemLocations, frame).itertuples(index=False)
    ]
    if problems:
        shown = "\n  ".join(problems[:_LONGEST_LIST])
        more = f"\n  and {len(problems) - _LONGEST_LIST} more" if len(problems) > _LONGEST_LIST else ""
        raise ReferenceDataError(f"{path} was not loaded; correct these rows and load it again:\n  {shown}{more}")
