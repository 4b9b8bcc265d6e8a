"""Tables for people: no line is wider than the terminal, or than 80 columns where there is none.

What does not fit is folded, so nothing of it is lost, or cut where the caller says so; `wide` gives every row a line of
its own, as wide as that takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from order_pipeline.cli.visible import PlainConsole, visible

Row = Sequence[Any]
Columns = Mapping[str, Callable[[Mapping[str, Any]], object]]
"""Header -> what stands below it."""
ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

WIDTH_WITHOUT_TERMINAL = 80
WIDEST = 100_000
LONGEST_SHOWN = 200
LEAST_READABLE = 12
"""Columns that are folded to less than this cannot be read."""
BORDERS = 3

result_console = PlainConsole(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
wide_console = PlainConsole(width=WIDEST)

Wide = Annotated[bool, typer.Option("--wide", help="Table: every column, a line a row, as wide as it takes.")]


def print_table(columns: Sequence[str], rows: Iterable[Row], *, title: str | None = None, wide: bool = False) -> None:
    """Print rows as a table for people, with their number below.

    Args:
        columns: the headers.
        rows: a value a column.
        title: above the table.
        wide: a line a row, whatever its width.
    """
    table = Table(title=title and shown(title), title_justify="left", header_style="bold")
    numeric: list[bool] = []
    texts: list[list[Text]] = []
    for row in rows:
        numeric = numeric or [isinstance(value, (int, float)) or type(value).__name__ == "Decimal" for value in row]
        texts.append([Text(shown(plain_text(value))) for value in row])
    for position, column in enumerate(columns):
        right = bool(numeric) and numeric[position]
        table.add_column(Text(shown(column)), justify="right" if right else "left", overflow="fold")
    for cells in texts:
        table.add_row(*cells)
    (wide_console if wide else result_console).print(table)
    print_count(len(texts))


def print_anything(columns: Sequence[str], rows: Sequence[Row], *, wide: bool = False) -> None:
    """Print rows whose columns nobody foresaw: as a table, or a field a line where a table would be unreadable."""
    if wide or _can_be_read_as_table(columns, rows):
        print_table(columns, rows, wide=wide)
        return
    for number, row in enumerate(rows, start=1):
        _print_fields(Text(f"row {number}", style="bold"), zip(columns, row, strict=True))
    print_count(len(rows))


def print_listing(
    objects: Sequence[Mapping[str, Any]],
    narrow: Columns,
    *,
    title: str | None = None,
    wide: bool = False,
) -> None:
    """Print objects that share their keys: a few columns that fit, or all of them.

    Args:
        objects: as the other formats have them.
        narrow: header -> what stands there, for the few.
        title: above the table.
        wide: all columns.
    """
    if wide and objects:
        print_table(list(objects[0]), [list(each.values()) for each in objects], title=title, wide=True)
    else:
        print_table(list(narrow), [[cell(each) for cell in narrow.values()] for each in objects], title=title)


def print_records(
    records: Sequence[Mapping[str, Any]], heading: Sequence[str], *, longest: int = LONGEST_SHOWN
) -> None:
    """Print records that have more fields than a line has room for: a heading each, then a field a line.

    Empty fields are left out, and values longer than `longest` are cut: the other formats show them whole.
    """
    for record in records:
        title = Text("  ".join(shown(plain_text(record[name])) for name in heading), style="bold", overflow="fold")
        rest = [(name, value) for name, value in record.items() if name not in heading]
        _print_fields(title, rest, longest)
    print_count(len(records))


def print_text(text: str, *, style: str = "") -> None:
    """Print a sentence, wrapped at words."""
    result_console.print(Text(shown(text), style=style, overflow="fold"))


def print_count(rows: int) -> None:
    """Say below a result how many rows it has."""
    result_console.print(f"{rows} row{'' if rows == 1 else 's'}", style="dim")


def shown(text: str) -> str:
    """The text without what a terminal would obey, and with escapes for what its encoding has not.

    The escapes must stand there before the layout: each is up to ten columns wide.
    """
    encoding = result_console.encoding
    return visible(text).encode(encoding, "backslashreplace").decode(encoding)


def plain_text(value: object) -> str:
    """A value as one cell: nothing for null, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return ENCODER.encode(value).decode()
    return str(value)


def cut(text: object, longest: int) -> str:
    """The text, or its beginning and how long it is."""
    whole = plain_text(text)
    return whole if len(whole) <= longest else f"{whole[:longest]}... ({len(whole):,} characters)"


def minute(moment: datetime | None) -> str:
    """A time to the minute, in UTC; nothing for none. A time without a zone is in UTC: SQLite's files keep none."""
    if moment is None:
        return ""
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M}"


def _print_fields(heading: Text, fields: Iterable[tuple[str, Any]], longest: int = LONGEST_SHOWN) -> None:
    result_console.print(heading)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(overflow="fold", max_width=30)
    grid.add_column(overflow="fold")
    for name, value in fields:
        text = shown(plain_text(value)).replace("\n", "\\n")
        if text:
            grid.add_row(Text(f"  {shown(name)}"), Text(cut(text, longest)))
    result_console.print(grid)


def _can_be_read_as_table(columns: Sequence[str], rows: Sequence[Row]) -> bool:
    if not rows:
        return True
    widths = [cell_len(shown(column)) for column in columns]
    for row in rows:
        for position, value in enumerate(row):
            if widths[position] < LEAST_READABLE:
                text = Text(shown(plain_text(value)))
                widths[position] = max(
                    widths[position], Measurement.get(result_console, result_console.options, text).maximum
                )
    return sum(min(width, LEAST_READABLE) + BORDERS for width in widths) < result_console.width
