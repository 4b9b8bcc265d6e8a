"""What every command prints with: results on stdout in one of three formats, everything else on stderr."""

from __future__ import annotations

import csv
import enum
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Sequence[Any]
ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

WIDTH_WITHOUT_TERMINAL = 200

result_console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
message_console = Console(stderr=True, highlight=False, soft_wrap=True)


class Format(enum.StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def print_rows(columns: Sequence[str], rows: Iterable[Row], output: Format) -> None:
    """Print rows as a table, as one JSON array of objects (and nothing else), or as CSV with a header."""
    if output is Format.JSON:
        sys.stdout.writelines(json_array(columns, rows))
    elif output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([plain_text(value) for value in row] for row in rows)
    else:
        print_table(columns, rows)
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Row], *, title: str | None = None) -> None:
    """Print rows as a table for people, with their number below."""
    table = Table(title=title, title_justify="left", header_style="bold")
    numeric: list[bool] = []
    texts: list[list[Text]] = []
    for row in rows:
        numeric = numeric or [isinstance(value, (int, float)) or type(value).__name__ == "Decimal" for value in row]
        texts.append([Text(plain_text(value)) for value in row])
    for position, column in enumerate(columns):
        right = bool(numeric) and numeric[position]
        table.add_column(Text(column), justify="right" if right else "left", overflow="fold")
    for cells in texts:
        table.add_row(*cells)
    result_console.print(table)
    result_console.print(f"{len(texts)} row{'' if len(texts) == 1 else 's'}", style="dim")


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


def print_objects(objects: Sequence[Mapping[str, Any]], output: Format) -> None:
    """Print mappings that share their keys, in any of the formats; no objects print as an empty result."""
    columns = list(objects[0]) if objects else []
    print_rows(columns, [tuple(each.values()) for each in objects], output)


def note(message: str) -> None:
    """Say something to the person at the terminal, on stderr."""
    message_console.print(message, markup=False)


def fail(message: str, next_step: str, code: int = 1) -> NoReturn:
    """End the command: what happened and what to do next on stderr, then the exit code."""
    show_error(message, next_step)
    raise typer.Exit(code)


def show_error(message: str, next_step: str) -> None:
    """Say on stderr what happened and what to do next."""
    message_console.print(Text.assemble(("error: ", "bold red"), message))
    message_console.print(Text.assemble(("next:  ", "bold"), next_step))
