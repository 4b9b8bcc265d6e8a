"""What a spreadsheet does to item numbers and barcodes: what can be undone without doubt, and what must be refused.

A wrong barcode sends a wrong parcel, a missing one only holds an order. So a marker for nothing (`NULL`, `#N/A`) reads
as nothing, and a number whose digits may be lost is refused.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from order_pipeline.reference.sheet import Row, Sheet, clean

_NOTHING = {"null", "none", "nan", "n/a", "(null)"}
_ERROR_VALUE = re.compile(r"#[A-Za-z/_0]+[!?]|#N/A|#GETTING_DATA|#+", re.IGNORECASE)  # `#####`: a column too narrow
_QUOTED_FORMULA = re.compile(r'^="([^"]*)"$')
_THOUSANDS = re.compile(r"\d{1,3}([.,]\d{3})+")
_MONTHS = "|".join(f"{name}|{name[:3]}" for name in calendar.month_name[1:])
_DATE = re.compile(
    rf"\d{{1,2}}[-/ ]({_MONTHS})([-/ ]\d{{2,4}})?|({_MONTHS})[-/ ]\d{{2,4}}"
    r"|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?",
    re.IGNORECASE,
)
_POWER_OF_TEN = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+]\d+|[+-]?\d+[.,]\d+[eE]-?\d+")
_DECIMAL_ZERO = re.compile(r"(\d+)[.,]0+")
_GTIN_LENGTHS = (8, 12, 13, 14)
_LENGTHS_WITHOUT_ZEROS = (7, 9, 10, 11)
_IDENTIFIERS = ("sku", "barcode")
_LOOKED_UP = (*_IDENTIFIERS, "bin_location")
_TEXT_MARK = "'"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one line: `column` and what was found there, as a person would say it."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.text}"


@dataclass(frozen=True, slots=True)
class Mended:
    """The rows as they are meant: what was undone is in `repairs`, what must be refused in `refusals`."""

    rows: list[Row]
    repairs: list[Finding]
    refusals: list[Finding]


def mend(sheet: Sheet) -> Mended:
    """Undo what is certain in every cell of the sheet, and name what is not."""
    result = Mended([], [], [])
    for row in sheet.rows:
        cells: dict[str, str] = {}
        for column, cell in row.cells.items():
            note = _note(result, row.line, column)
            is_numeric = (row.line, column) in sheet.is_numeric
            cells[column] = _mended_cell(cell, column, note, is_numeric=is_numeric)
        result.rows.append(Row(row.line, cells))
    result.refusals.extend(barcodes_of_several_items(result.rows))
    return result


def is_gtin(barcode: str) -> bool:
    """Whether the last digit is the GS1 check digit of those before it."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(barcode)))
    return total % 10 == 0


def doubtful_barcodes(rows: Sequence[Mapping[str, str | None]]) -> Iterator[str]:
    """Barcodes that look like a GTIN (8, 12, 13 or 14 digits) whose check digit is wrong, as `sku barcode`."""
    for row in rows:
        barcode = row["barcode"] or ""
        if _is_digits(barcode) and len(barcode) in _GTIN_LENGTHS and not is_gtin(barcode):
            yield f"{row['sku']} {barcode}"


def barcodes_of_several_items(rows: Sequence[Row]) -> Iterator[Finding]:
    """Barcodes that stand on two items of a source in two places of a floor: the picker could not tell them apart.

    A GTIN is one with and without leading zeros: scanners tell a UPC of 12 digits as an EAN of 13.
    """
    seen: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if not row.cells["barcode"]:
            continue
        others = seen.setdefault((row.cells["source"], _scanned(row.cells["barcode"])), [])
        if (other := next((each for each in others if _confuses(each, row)), None)) is not None:
            text = f"{row.cells['barcode']!r} is also the barcode of {other.cells['sku']} in line {other.line}"
            yield Finding(row.line, "barcode", text)
        others.append(row)


def _scanned(barcode: str) -> str:
    return barcode.lstrip("0") if _is_digits(barcode) and len(barcode) in _GTIN_LENGTHS else barcode


def _confuses(first: Row, second: Row) -> bool:
    """Whether a picker would find both items by one barcode, each in a place of its own."""
    floors = {first.cells["floor"], second.cells["floor"]}
    if first.cells["sku"] == second.cells["sku"] or (len(floors) == 2 and "" not in floors):
        return False
    return any(first.cells[name] != second.cells[name] for name in ("warehouse", "bin_location"))


Note = Callable[[str, bool], None]


def _note(result: Mended, line: int, column: str) -> Note:
    def note(text: str, is_refused: bool) -> None:  # noqa: FBT001
        (result.refusals if is_refused else result.repairs).append(Finding(line, column, text))

    return note


def _mended_cell(cell: str, column: str, note: Note, *, is_numeric: bool) -> str:
    text = clean(cell)
    if text != cell.strip():
        note(f"invisible characters removed: {text!r}", False)  # noqa: FBT003
    text = _QUOTED_FORMULA.sub(r"\1", text).strip()  # what keeps digits from becoming a number
    if text.startswith(_TEXT_MARK) and column in _LOOKED_UP:
        return text.removeprefix(_TEXT_MARK)  # the spreadsheet's mark for text: taken as it stands
    if text.lower() in _NOTHING or _ERROR_VALUE.fullmatch(text):
        note(f"{text!r} reads as nothing", column == "sku")
        return ""
    if column in _LOOKED_UP and (damage := _damage(text, column)):
        note(f"{text!r} is {damage}. Format the column as text; a leading {_TEXT_MARK} says that it is right.", True)  # noqa: FBT003
        return text
    if column == "barcode" and not _is_digits(text) and _is_digits(plain := _plain_digits(text)):
        note(f"{text!r} reads as {plain}", False)  # noqa: FBT003
        text = plain
    if column in _IDENTIFIERS:
        return _mended_identifier(text, column, note, is_numeric=is_numeric)
    if column == "priority" and (found := _DECIMAL_ZERO.fullmatch(text)):
        return found[1]
    return text.lower() if column == "floor" else text


def _damage(text: str, column: str) -> str | None:
    """What a spreadsheet made of what stood there, where nobody can say what that was."""
    if text.startswith("="):
        return "a formula, not its value"
    if column == "barcode" and _THOUSANDS.fullmatch(text):
        return "a number in groups of digits"
    return "a date" if _DATE.fullmatch(text) else None


def _mended_identifier(text: str, column: str, note: Note, *, is_numeric: bool) -> str:
    way_out = f"Format the column as text; a leading {_TEXT_MARK} says that it is right as it stands."
    if _POWER_OF_TEN.fullmatch(text):
        note(f"{text!r} is a number whose digits are lost. {way_out}", True)  # noqa: FBT003
        return text
    number = text
    if found := _DECIMAL_ZERO.fullmatch(text):
        number = found[1]
    came_as_number = is_numeric or number != text
    if column == "barcode":
        if _is_digits(number) and len(number) in _LENGTHS_WITHOUT_ZEROS and is_gtin(number):
            note(f"{text!r} looks like a GTIN that lost its leading zeros. {way_out}", True)  # noqa: FBT003
        elif came_as_number and not (len(number) in _GTIN_LENGTHS and is_gtin(number)):
            note(f"{text!r} was kept as a number, so leading zeros may be lost. {way_out}", True)  # noqa: FBT003
        elif number != text:
            note(f"{text!r} reads as {number}", False)  # noqa: FBT003
    elif number != text:
        note(f"{text!r} was kept as a number, so leading zeros may be lost. {way_out}", True)  # noqa: FBT003
    elif is_numeric:
        note(f"{text!r} is kept as a number; its leading zeros, if it had any, are lost", False)  # noqa: FBT003
    return number


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _plain_digits(text: str) -> str:
    """Digits of any script as those of scanners, without the blanks that group them."""
    return "".join(str(unicodedata.decimal(each, each)) for each in text if each != " ")
