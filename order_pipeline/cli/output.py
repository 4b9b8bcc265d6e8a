"""What every command prints with: results on stdout in one of three formats, everything else on stderr."""

from __future__ import annotations

import csv
import enum
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from order_pipeline.cli.visible import PlainConsole, encode_files_as_utf8, neutral, visible, visible_json

Row = Sequence[Any]
ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

WIDTH_WITHOUT_TERMINAL = 200
NARROW = 80
LONGEST_SHOWN = 200

result_console = PlainConsole(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
message_console = PlainConsole(stderr=True, soft_wrap=True)


class Format(enum.StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


NeutralCells = Annotated[
    bool,
    typer.Option("--neutral-cells", help="CSV: an apostrophe before text that a spreadsheet would take for a formula."),
]


def print_rows(columns: Sequence[str], rows: Iterable[Row], output: Format, *, neutral_cells: bool = False) -> None:
    """Print rows as a table, as one JSON array of objects (and nothing else), or as CSV with a header.

    JSON is exact on every stream. CSV is exact, and UTF-8, in a file or a pipe; on a terminal its control characters
    are escapes, as they are in a table.
    """
    if output is Format.JSON:
        sys.stdout.writelines(visible_json(text, sys.stdout) for text in json_array(columns, rows))
    elif output is Format.CSV:
        print_csv(columns, rows, neutral_cells=neutral_cells)
    else:
        print_table(columns, rows)
    sys.stdout.flush()


def print_csv(columns: Sequence[str], rows: Iterable[Row], *, neutral_cells: bool) -> None:
    """Print rows as CSV with a header."""
    encode_files_as_utf8(sys.stdout)
    on_terminal = sys.stdout.isatty()

    def cell(value: object) -> str:
        text = neutral(value, plain_text(value)) if neutral_cells else plain_text(value)
        return visible(text) if on_terminal else text

    writer = csv.writer(sys.stdout, lineterminator="\n")
    quoting = csv.writer(sys.stdout, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in chain([columns], rows):
        cells = list(map(cell, row))
        # Before Python 3.13 the module leaves a bare carriage return outside quotes, where it ends the row.
        (quoting if any("\r" in each for each in cells) else writer).writerow(cells)


def print_table(columns: Sequence[str], rows: Iterable[Row], *, title: str | None = None, narrow: bool = False) -> None:
    """Print rows as a table for people, with their number below.

    Args:
        columns: the headers.
        rows: a value a column.
        title: above the table.
        narrow: within 80 columns where there is no terminal that says how wide it is.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    numeric: list[bool] = []
    texts: list[list[Text]] = []
    for row in rows:
        numeric = numeric or [isinstance(value, (int, float)) or type(value).__name__ == "Decimal" for value in row]
        texts.append([Text(visible(plain_text(value))) for value in row])
    for position, column in enumerate(columns):
        right = bool(numeric) and numeric[position]
        table.add_column(Text(visible(column)), justify="right" if right else "left", overflow="fold")
    for cells in texts:
        table.add_row(*cells)
    result_console.print(table, width=narrow_width() if narrow else None)
    print_count(len(texts))


def print_records(records: Sequence[Mapping[str, Any]], heading: Sequence[str]) -> None:
    """Print records that have more fields than a line has room for: a heading each, then a field a line.

    Empty fields are left out, and long values are cut: the other formats show them whole.
    """
    for record in records:
        result_console.print(Text("  ".join(visible(plain_text(record[name])) for name in heading), style="bold"))
        fields = Table.grid(padding=(0, 1))
        fields.add_column(no_wrap=True)
        fields.add_column(overflow="fold")
        for name, value in record.items():
            text = visible(plain_text(value)).replace("\n", "\\n")
            if text and name not in heading:
                cut = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}... ({len(text):,} characters)"
                fields.add_row(Text(f"  {name}"), Text(cut))
        result_console.print(fields, width=narrow_width())
    print_count(len(records))


def narrow_width() -> int | None:
    """The terminal's own width (None), or 80 columns where there is none."""
    return None if sys.stdout.isatty() else NARROW


def print_count(rows: int) -> None:
    """Say below a result how many rows it has."""
    result_console.print(f"{rows} row{'' if rows == 1 else 's'}", style="dim")


def plain_text(value: object) -> str:
    """A value as one cell: nothing for null, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return ENCODER.encode(value).decode()
    return str(value)


def distinct_names(columns: Sequence[str]) -> list[str]:
    """Column names that can be keys of one object: a second `a` becomes `a_2`."""
    names: list[str] = []
    for column in columns:
        same = sum(1 for earlier in columns[: len(names)] if earlier == column)
        names.append(f"{column}_{same + 1}" if same else column)
    return names


def json_array(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the text of one JSON array, an object a row: decimals as exact numbers, times as ISO 8601."""
    names = distinct_names(columns)
    yield "["
    separator = "\n"
    for row in rows:
        yield separator + ENCODER.encode(dict(zip(names, row, strict=True))).decode()
        separator = ",\n"
    yield "\n]\n"


def print_objects(objects: Sequence[Mapping[str, Any]], output: Format, *, neutral_cells: bool = False) -> None:
    """Print mappings that share their keys, in any of the formats; no objects print as an empty result."""
    columns = list(objects[0]) if objects else []
    print_rows(columns, [tuple(each.values()) for each in objects], output, neutral_cells=neutral_cells)


def note(message: str) -> None:
    """Say something to the person at the terminal, on stderr."""
    message_console.print(message, markup=False)


def fail(message: str, next_step: str, code: int = 1) -> NoReturn:
    """End the command: what happened and what to do next on stderr, then the exit code."""
    show_error(message, next_step)
    raise typer.Exit(code)


def show_error(message: str, next_step: str) -> None:
    """Say on stderr what happened and what to do next."""
    message_console.print(Text.assemble(("error: ", "bold red"), visible(message)))
    message_console.print(Text.assemble(("next:  ", "bold"), visible(next_step)))
