"""Several rows of one item: bins in order, floors apart, and every contradiction refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.reference.item_locations import CheckedFile, check_item_locations

HEADER = "source,sku,barcode,bin_location,warehouse,product_name,not_stocked,floor,priority"
GTIN, OTHER = "4006381333931", "4006381333948"


def checked(directory: Path, *lines: str) -> CheckedFile:
    path = directory / "item_locations.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return check_item_locations(path, ("main", "north"))


def refused(directory: Path, *lines: str) -> list[str]:
    return [str(finding) for finding in checked(directory, *lines).refusals]


@pytest.mark.parametrize(
    "lines",
    [
        [f"kibo,A,{GTIN},B-1,,,,,1", "kibo,A,,B-2,,,,,2.0", f"kibo,A,{GTIN},B-3,,,,,10"],
        [f"kibo,A,{GTIN},B-1,,,,main,", f"kibo,A,{GTIN},B-1,,,, North ,"],
        [f"kibo,A,{GTIN},B-1,,,,,", f"kibo,A,{GTIN},C-1,,,,north,"],
        [f"kibo,A,{GTIN},B-1,,,,,", f"skroutz,A,{OTHER},B-1,,,,,"],
        [f"kibo,A,{GTIN},B-1,,,,main,", f"kibo,B,{GTIN},B-2,,,,north,"],
        ["kibo,A,,,,,yes,main,", "kibo,A,,,,,TRUE,north,"],
    ],
)
def test_rows_of_one_item_that_fit_are_taken(tmp_path: Path, lines: list[str]) -> None:
    result = checked(tmp_path, *lines)
    assert (list(result.refusals), len(result.frame)) == ([], len(lines))


CONTRADICTIONS = [
    (["kibo,A,,B-1,,,,,", "kibo,A,,B-2,,,,,"], "line 3, sku: 'A' is also in line 2: several bins"),
    (["kibo,A,,B-1,,,,,1", "kibo,A,,B-2,,,,,"], "line 3, sku: 'A' is also in line 2: several bins"),
    (["kibo,A,,B-1,,,,,1", "kibo,A,,B-2,,,,,2", "kibo,A,,B-3,,,,,2"], "line 4, priority: '2' is also that of line 3"),
    (["kibo,A,,B-1,,,,,1", "kibo,A,,B-1,,,,,2"], "line 3, bin_location: 'B-1' is also in line 2"),
    (["kibo,A,,B-1,,,,,1", "kibo,A,,,,,,,2"], "line 3, bin_location: is missing"),
    ([f"kibo,A,{GTIN},B-1,,,,,1", f"kibo,A,{OTHER},B-2,,,,,2"], f"line 3, barcode: '{OTHER}' of item A, and '{GTIN}'"),
    ([f"kibo,A,{GTIN},B-1,,,,main,", f"kibo,A,{OTHER},B-2,,,,north,"], "line 3, barcode"),
    (
        ["kibo,A,,B-1,,,yes,main,", "kibo,A,,B-2,,,no,north,"],
        "line 3, not_stocked: 'no' of item A, and 'yes' in line 2",
    ),
    (
        ["kibo,A,,B-1,,,,nroth,"],
        "line 2, floor: no setting makes a floor 'nroth'; there is main, north; did you mean north?",
    ),
    (["kibo,A,,B-1,,,,,first"], "line 2, priority: 'first' is no whole number from 1 to 9999"),
    (["kibo,A,,B-1,,,,,0"], "line 2, priority: '0' is no whole number"),
    (
        [f"kibo,A,{GTIN},B-1,,,,,", f"kibo,B,{GTIN},B-2,,,,north,"],
        f"line 3, barcode: '{GTIN}' is also the barcode of A",
    ),
    ([f"kibo,A,{GTIN},B-1,,,,,1", f"kibo,A,{GTIN},B-2,,,,,2", f"kibo,B,{GTIN},B-1,,,,,"], "line 4, barcode"),
]


@pytest.mark.parametrize(("lines", "told"), CONTRADICTIONS)
def test_rows_that_contradict_each_other_refuse_the_file(tmp_path: Path, lines: list[str], told: str) -> None:
    (finding,) = refused(tmp_path, *lines)
    assert finding.startswith(told)
