"""What spreadsheets do to item locations: undone where that is certain, refused with its line where it is not."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from order_pipeline.reference.damage import is_gtin
from order_pipeline.reference.item_locations import CheckedFile, ReferenceDataError, check_item_locations

HEADER = "source,sku,barcode,bin_location,warehouse,product_name"
COLUMNS = HEADER.split(",")
GTIN = "4006381333931"


def checked(directory: Path, content: bytes, name: str = "item_locations.csv") -> CheckedFile:
    path = directory / name
    path.write_bytes(content)
    return check_item_locations(path)


def of_rows(directory: Path, *rows: str, header: str = HEADER) -> CheckedFile:
    return checked(directory, ("\n".join([header, *rows]) + "\n").encode())


def refused(result: CheckedFile) -> list[tuple[int, str]]:
    return [(finding.line, finding.column) for finding in result.refusals]


@pytest.mark.parametrize(
    ("barcode", "read_as"),
    [
        (GTIN, GTIN),
        (f"{GTIN}.0", GTIN),
        (f"{GTIN},00", GTIN),
        (f"\ufeff{GTIN}\u200b", GTIN),
        (f"\u00a0{GTIN} ", GTIN),
        ("#N/A", None),
        ("NULL", None),
        ("#SPILL!", None),
        ("########", None),
        ("", None),
        (f'=""{GTIN}""', GTIN),
        ("400 6381 333931", GTIN),
        ("\uff14\uff10\uff10\uff16\uff13\uff18\uff11\uff13\uff13\uff13\uff19\uff13\uff11", GTIN),
        ("AB 12", "AB 12"),
        ("ABC-12E4", "ABC-12E4"),
        ("'12345678905", "12345678905"),
        ("0012345", "0012345"),
    ],
)
def test_what_is_certain_is_mended(tmp_path: Path, barcode: str, read_as: str | None) -> None:
    result = of_rows(tmp_path, f'kibo,A1,"{barcode}",B-1,MAIN,Scanner')
    assert refused(result) == []
    value = result.frame["barcode"].iloc[0]
    assert (None if pd.isna(value) else value) == read_as


@pytest.mark.parametrize(
    "barcode",
    [
        "4.00638E+12",
        "4,00638E+12",
        "4E+12",
        "12345678905",
        "5012345678900.5E+3",
        "1234567.0",
        "123.0",
        "=B2",
        "4,006,381,333,931",
    ],
)
def test_a_barcode_whose_digits_may_be_lost_is_refused(tmp_path: Path, barcode: str) -> None:
    result = of_rows(tmp_path, "kibo,GOOD,,A,,", f'kibo,A1,"{barcode}",B-1,MAIN,Scanner')
    assert refused(result) == [(3, "barcode")]


@pytest.mark.parametrize("sku", ["1.04E+08", "1037.0", "#N/A", "NULL", "", "\u200b"])
def test_an_item_number_that_is_damaged_is_refused(tmp_path: Path, sku: str) -> None:
    assert (2, "sku") in refused(of_rows(tmp_path, f"kibo,{sku},{GTIN},B-1,MAIN,Scanner"))


@pytest.mark.parametrize("cell", ["3-Jan", "Jan-26", "2026-01-03 00:00:00", "=A2"])
def test_a_bin_that_became_a_date_or_a_formula_is_refused_unless_a_mark_says_that_it_is_right(
    tmp_path: Path, cell: str
) -> None:
    assert refused(of_rows(tmp_path, f"kibo,A1,{GTIN},{cell},MAIN,Scanner")) == [(2, "bin_location")]
    marked = of_rows(tmp_path, f"kibo,A1,{GTIN},'{cell},MAIN,Scanner")
    assert (refused(marked), marked.frame["bin_location"].to_list()) == ([], [cell])


def test_an_item_number_that_begins_like_a_month_is_no_date(tmp_path: Path) -> None:
    assert refused(of_rows(tmp_path, *(f"kibo,{sku},,B-1,MAIN," for sku in ("5-MARKER", "12 DECOR", "3-Mayo")))) == []


def test_one_barcode_with_and_without_a_leading_zero_is_one(tmp_path: Path) -> None:
    upc = "036000291452"
    assert refused(of_rows(tmp_path, f"kibo,A,0{upc},B-1,MAIN,", f"kibo,B,{upc},B-2,MAIN,")) == [(3, "barcode")]


def test_one_barcode_on_two_items_in_two_places_is_refused(tmp_path: Path) -> None:
    result = of_rows(tmp_path, f"kibo,A,{GTIN},B-1,MAIN,", f"kibo,B,{GTIN},B-2,MAIN,", f"skroutz,C,{GTIN},B-2,MAIN,")
    assert refused(result) == [(3, "barcode")]
    assert refused(of_rows(tmp_path, f"kibo,A,{GTIN},B-1,MAIN,", f"kibo,B,{GTIN},B-1,MAIN,")) == []


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "read as UTF-16"),
        ("utf-16-le", "read as UTF-16-LE"),
        ("utf-16-be", "read as UTF-16-BE"),
        ("cp1253", "read as Windows-1253 (Greek)"),
    ],
)
def test_the_encodings_of_the_field_are_read_and_named(tmp_path: Path, encoding: str, note: str | None) -> None:
    text = f"{HEADER}\nkibo,A,{GTIN},B-1,MAIN,Καφές\n"
    result = checked(tmp_path, text.encode(encoding))
    assert result.frame["product_name"].to_list() == ["Καφές"]
    assert list(result.notes) == ([note] if note else [])


@pytest.mark.parametrize(("separator", "note"), [(";", "separated by semicolons"), ("\t", "separated by tabs")])
def test_other_separators_are_read_and_named(tmp_path: Path, separator: str, note: str) -> None:
    rows = [HEADER, f"kibo,A,{GTIN},B-1,MAIN,Scanner"]
    result = checked(tmp_path, ("sep=" + separator + "\n" + "\n".join(rows).replace(",", separator)).encode())
    assert (result.frame["barcode"].to_list(), list(result.notes)) == ([GTIN], [note])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "encoding is not known"),
        (f"{HEADER},barcode\nkibo,A,1,B,,,2\n".encode(), "column barcode stands twice"),
        (f"{HEADER}\nkibo,A,1,B,MAIN,Scanner, red\n".encode(), "line 2: more cells"),
        (f'{HEADER}\nkibo,A,"1\n'.encode(), "Look at its quotes"),
        (b"PK\x03\x04 no archive", "no Excel file"),
        (b"", "lacks the columns"),
    ],
)
def test_a_file_that_cannot_be_read_without_doubt_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ReferenceDataError, match=message):
        checked(tmp_path, content)


def excel(directory: Path, *rows: tuple[object, ...]) -> CheckedFile:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    for row in [COLUMNS, *rows]:
        page.append(list(row))
    book.save(directory / "item_locations.xlsx")
    return check_item_locations(directory / "item_locations.xlsx")


def test_an_excel_file_is_read_and_its_text_stays_text(tmp_path: Path) -> None:
    result = excel(tmp_path, ("kibo", "0007", "0001234567895", "A-1", "MAIN", "Καφές"))
    assert (result.frame["sku"].to_list(), refused(result)) == (["0007"], [])


def test_a_number_in_excel_is_a_barcode_only_where_its_check_digit_proves_it(tmp_path: Path) -> None:
    result = excel(tmp_path, ("kibo", "A", int(GTIN), "A-1", "MAIN", ""), ("kibo", "B", 1234567, "A-2", "MAIN", ""))
    assert result.frame["barcode"].to_list()[0] == GTIN
    assert refused(result) == [(3, "barcode")]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(number=st.integers(10**9, 10**12 - 1))
def test_no_gtin_loses_its_zeros_unnoticed(tmp_path: Path, number: int) -> None:
    code = next(f"{number}{digit}" for digit in range(10) if is_gtin(f"{number}{digit}"))
    result = of_rows(tmp_path, f"kibo,A,{code},B-1,MAIN,")
    assert bool(refused(result)) == (len(code) not in (8, 12, 13, 14))
