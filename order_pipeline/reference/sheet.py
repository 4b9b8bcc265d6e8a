"""Read a spreadsheet that a person saved: CSV in the encodings and with the separators of the field, or an Excel file.

Every cell becomes text. What was read in a way that the file does not state (its encoding, its separator) is noted.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from order_pipeline.redaction.errors import without_repeated_input

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_EXCEL_MAGIC = b"PK\x03\x04"
_INVISIBLE = dict.fromkeys(
    [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF]
)
_SPACES = dict.fromkeys([0x09, 0x0A, 0x0D, 0xA0, 0x2007, 0x202F, 0x3000], " ")


class SheetError(ValueError):
    """The file is no spreadsheet that can be read without doubt; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file (of a quoted cell with line breaks, the last line) and its cells by column."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows below the header; `notes` say how the file was read where it does not say so itself.

    `is_numeric` holds (line, column) of cells that Excel keeps as numbers: what they looked like when they were typed
    is not known.
    """

    columns: tuple[str, ...]
    rows: list[Row]
    notes: list[str]
    is_numeric: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a file may have, and those of them that it may leave out: their cells are empty."""

    known: Sequence[str]
    optional: Sequence[str] = ()


def read_sheet(path: Path, columns: Columns) -> Sheet:
    """Read the file; columns that are not known are left out, with a note.

    Raises:
        SheetError: the file cannot be opened, its text cannot be decoded, it has no header with the known columns, a
            column stands twice, or a row has more cells than the header.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SheetError(f"{path} cannot be read: {error.strerror or error}.") from error
    if content.startswith(_EXCEL_MAGIC):
        return _excel(path, content, columns)
    text, notes = _decoded(path, content)
    return _csv(path, text, columns, notes)


def clean(cell: str) -> str:
    """The cell without invisible characters and without spaces at its ends."""
    return cell.translate(_SPACES).translate(_INVISIBLE).strip()


def _decoded(path: Path, content: bytes) -> tuple[str, list[str]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in content[:200]:
        encodings = ["utf-16-le" if content[1:2] == b"\x00" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1253"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        names = {"cp1253": "Windows-1253 (Greek)"}
        return text, [] if encoding == "utf-8-sig" else [f"read as {names.get(encoding, encoding.upper())}"]
    raise SheetError(f"{path}: its encoding is not known. Save it as CSV UTF-8.")


def _csv(path: Path, text: str, columns: Columns, notes: list[str]) -> Sheet:
    lines = text.splitlines(keepends=True)
    skipped = 1 if lines and lines[0].strip().lower().startswith("sep=") else 0
    body = "".join(lines[skipped:])
    header = lines[skipped] if len(lines) > skipped else ""
    separator = max(
        _SEPARATORS, key=lambda one: len({clean(c).lower() for c in header.split(one)} & set(columns.known))
    )
    if separator != ",":
        notes.append(f"separated by {_SEPARATORS[separator]}")
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                yield reader.line_num + skipped, cells
        except csv.Error as error:
            raise SheetError(
                f"{path}, line {reader.line_num + skipped}: {without_repeated_input(str(error))}. Look at its quotes."
            ) from error

    return _sheet(path, rows(), columns, notes)


def _excel(path: Path, content: bytes, columns: Columns) -> Sheet:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise SheetError(f"{path} is no Excel file that can be read: save it as .xlsx or as CSV UTF-8.") from error
    numeric: set[tuple[int, int]] = set()
    table: list[tuple[int, list[str]]] = []
    page = book.worksheets[0]
    for line, values in enumerate(page.iter_rows(values_only=True), start=1):
        table.append((line, ["" if value is None else str(value) for value in values]))
        numeric |= {(line, place) for place, value in enumerate(values) if isinstance(value, int | float)}
    book.close()
    notes = [f"read from the sheet {page.title}"] if len(book.worksheets) > 1 else []
    sheet = _sheet(path, iter(table), columns, notes)
    header = next((cells for _, cells in table if any(clean(cell) for cell in cells)), [])
    names = [clean(cell).lower() for cell in header]
    sheet.is_numeric.update((line, names[place]) for line, place in numeric if place < len(names))
    return sheet


def _sheet(path: Path, rows: Iterator[tuple[int, list[str]]], columns: Columns, notes: list[str]) -> Sheet:
    known = columns.known
    filled = ((line, cells) for line, cells in rows if any(clean(cell) for cell in cells))
    line, header = next(filled, (1, []))
    names = [clean(cell).lower() for cell in header]
    if missing := [name for name in known if name not in names and name not in columns.optional]:
        raise SheetError(f"{path} lacks the columns {', '.join(missing)}: it needs {', '.join(known)} in line {line}.")
    if twice := sorted({name for name in names if name in known and names.count(name) > 1}):
        raise SheetError(f"{path}: the column {twice[0]} stands twice, and which one counts is not known. Remove one.")
    if unknown := [name for name in names if name and name not in known]:
        notes.append(f"columns that are not read: {', '.join(unknown)}")
    found: list[Row] = []
    for number, cells in filled:
        if any(clean(cell) for cell in cells[len(names) :]):
            raise SheetError(f"{path}, line {number}: more cells than the header. Quote cells that hold a separator.")
        padded = [*cells, *[""] * (len(names) - len(cells))]
        found.append(Row(number, {name: padded[names.index(name)] if name in names else "" for name in known}))
    return Sheet(tuple(names), found, notes)
