"""Item locations: checked whole, refused with the rows named, replaced only when they differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_pipeline.reference.damage import is_gtin
from order_pipeline.reference.item_locations import (
    DEMO_FILE,
    ReferenceDataError,
    check_item_locations,
    item_locations_path,
    load_item_locations,
)
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

HEADER = "source,sku,barcode,bin_location,warehouse,product_name"


def written(directory: Path, *lines: str, header: str = HEADER) -> Path:
    path = directory / "item_locations.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_leading_zeros_and_greek_names_are_kept(lake: Lake, tmp_path: Path) -> None:
    path = written(tmp_path, "kibo,0007,0001234567895,A-1,MAIN,Καφές", "kibo,8,,,,")
    loaded = load_item_locations(lake, path)
    assert (loaded.rows, loaded.changed, loaded.doubtful_barcodes) == (2, True, ())
    assert rows(lake, "SELECT sku, barcode, product_name FROM reference.item_locations ORDER BY sku") == [
        ("0007", "0001234567895", "Καφές"),
        ("8", None, None),
    ]


def test_the_same_file_again_changes_nothing_and_another_replaces_it(lake: Lake, tmp_path: Path) -> None:
    path = written(tmp_path, "kibo,1,,A,,")
    load_item_locations(lake, path)
    assert load_item_locations(lake, path).changed is False
    assert load_item_locations(lake, written(tmp_path, "kibo,2,,A,,")).changed is True
    assert rows(lake, "SELECT sku FROM reference.item_locations") == [("2",)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["kibo,1,,A,,", "kibo,,,A,,"], r"line 3, sku: is missing"),
        (["ebay,1,,A,,"], r"line 2, source: 'ebay' \(bad_enum\)"),
        (["kibo,1,,A,,", "kibo,2,,A,,", "kibo,1,,B,,"], r"line 4, sku: '1' is also in line 2: several bins"),
    ],
)
def test_a_bad_row_refuses_the_file_and_is_named(lake: Lake, tmp_path: Path, lines: list[str], message: str) -> None:
    load_item_locations(lake, written(tmp_path, "kibo,GOOD,,A,,"))
    with pytest.raises(ReferenceDataError, match=message):
        load_item_locations(lake, written(tmp_path, *lines))
    assert rows(lake, "SELECT sku FROM reference.item_locations") == [("GOOD",)]


def test_a_missing_file_or_column_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match=r"There is no .*none\.csv"):
        check_item_locations(tmp_path / "none.csv")
    with pytest.raises(ReferenceDataError, match="lacks the columns barcode"):
        check_item_locations(written(tmp_path, "kibo,1,A,,", header=HEADER.replace("barcode,", "")))


def test_a_wrong_check_digit_is_a_doubt_not_an_error(lake: Lake, tmp_path: Path) -> None:
    loaded = load_item_locations(lake, written(tmp_path, "kibo,1,4006381333932,A,,", "kibo,2,4006381333931,A,,"))
    assert loaded.doubtful_barcodes == ("1 4006381333932",)


@given(st.integers(0, 10**12 - 1), st.integers(1, 9))
def test_exactly_one_check_digit_fits(number: int, shift: int) -> None:
    digits = f"{number:012d}"
    fitting = [digit for digit in range(10) if is_gtin(f"{digits}{digit}")]
    assert len(fitting) == 1
    assert not is_gtin(f"{digits}{(fitting[0] + shift) % 10}")


def test_only_a_demo_falls_back_to_the_invented_bins(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    own = tmp_path / "reference" / "item_locations.csv"
    assert item_locations_path(settings) == own
    settings.demo_world_file.write_text("{}")
    assert item_locations_path(settings) == DEMO_FILE
    assert len(check_item_locations(DEMO_FILE).frame) > 100
    own.parent.mkdir()
    written(own.parent, "kibo,1,,A,,")
    assert item_locations_path(settings) == own


def test_a_file_that_drops_most_items_is_refused_until_a_person_says_so(lake: Lake, tmp_path: Path) -> None:
    load_item_locations(lake, written(tmp_path, *(f"kibo,{number},,A,," for number in range(40))))
    few = written(tmp_path, *(f"kibo,{number},,A,," for number in range(19)))
    with pytest.raises(ReferenceDataError, match="it has 19 items, and 40 are stored"):
        load_item_locations(lake, few)
    assert rows(lake, "SELECT count(*) FROM reference.item_locations") == [(40,)]
    assert load_item_locations(lake, few, accept_fewer=True).rows == 19
