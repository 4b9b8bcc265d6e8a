"""Several rows of one item: where it lies at each floor, and in which further bins; what contradicts each other.

A row without a floor is for every floor that has no row of its own. Several bins of an item at one floor each have a
priority, and the lowest is the bin that the picker is sent to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from order_pipeline.floors import did_you_mean
from order_pipeline.reference.damage import Finding
from order_pipeline.reference.sheet import Row

SAID_ONCE = ("barcode", "not_stocked")
"""Columns that are about the item wherever it lies: an empty cell says nothing."""
_SAME = {"true": "yes", "false": "no"}


def contradictions(rows: Sequence[Row], floors: Collection[str]) -> Iterator[Finding]:
    """What refuses rows that may be right each by itself.

    Args:
        rows: mended, so that an empty cell is an empty text.
        floors: the floors that settings make.
    """
    items: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        yield from _unreadable(row, floors)
        if row.cells["sku"]:
            items.setdefault((row.cells["source"], row.cells["sku"]), []).append(row)
    for of_item in items.values():
        if len(of_item) > 1:
            yield from _two_words(of_item)
            yield from _unordered(of_item)


def _unreadable(row: Row, floors: Collection[str]) -> Iterator[Finding]:
    floor, priority = row.cells["floor"], row.cells["priority"]
    if floor and floor not in floors:
        there = f"there is {', '.join(floors)}{did_you_mean(floor, floors)}"
        yield Finding(row.line, "floor", f"no setting makes a floor {floor!r}; {there}")
    if priority and not (priority.isascii() and priority.isdigit() and 0 < int(priority[:5]) < 10_000):
        yield Finding(row.line, "priority", f"{priority!r} is no whole number from 1 to 9999")


def _two_words(rows: Sequence[Row]) -> Iterator[Finding]:
    """Rows of one item that say different things about it."""
    for column in SAID_ONCE:
        said = [row for row in rows if row.cells[column]]
        for row in said[1:]:
            if _meant(row, column) != _meant(said[0], column):
                sku, text, first = row.cells["sku"], row.cells[column], said[0].cells[column]
                yield Finding(row.line, column, f"{text!r} of item {sku}, and {first!r} in line {said[0].line}")


def _meant(row: Row, column: str) -> str:
    text = row.cells[column]
    return _SAME.get(text.lower(), text.lower()) if column == "not_stocked" else text


def _unordered(rows: Sequence[Row]) -> Iterator[Finding]:
    """Rows of one item at one floor that have no order, or one bin twice."""
    bins: dict[tuple[str, str], Row] = {}
    places: dict[tuple[str, str], Row] = {}
    first: dict[str, Row] = {}
    for row in rows:
        floor, priority, bin_location = (row.cells[name] for name in ("floor", "priority", "bin_location"))
        before = first.setdefault(floor, row)
        if before is row:
            places[floor, priority] = row
        elif not (priority and before.cells["priority"]):
            advice = "several bins of an item each need a priority, 1 for the first"
            yield Finding(row.line, "sku", f"{row.cells['sku']!r} is also in line {before.line}: {advice}")
        elif (twin := places.setdefault((floor, priority), row)) is not row:
            yield Finding(row.line, "priority", f"{priority!r} is also that of line {twin.line}")
        if (twin := bins.setdefault((floor, bin_location), row)) is not row and bin_location:
            yield Finding(row.line, "bin_location", f"{bin_location!r} is also in line {twin.line}")
        elif priority and not bin_location:
            yield Finding(row.line, "bin_location", "is missing: a bin with a priority has a name")
