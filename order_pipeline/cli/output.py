"""What every command prints with: results on stdout in one of three formats, everything else on stderr."""

from __future__ import annotations

import csv
import enum
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, NoReturn

import typer
from rich.text import Text

from order_pipeline.cli.tables import ENCODER, Row, plain_text, print_anything
from order_pipeline.cli.visible import PlainConsole, encode_files_as_utf8, neutral, visible, visible_json
from order_pipeline.redaction.texts import redact_message

# In a pipe or a log a message stays one line, which `grep` finds; a terminal gets it wrapped at words.
message_console = PlainConsole(stderr=True, soft_wrap=not sys.stderr.isatty())

NO_LAKE_YET = "Run the pipeline once (`order-pipeline run`, or `make demo`)."
"""The next step where there is no lake."""


class Format(enum.StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


NeutralCells = Annotated[
    bool,
    typer.Option("--neutral-cells", help="CSV: an apostrophe before text that a spreadsheet would take for a formula."),
]


def print_rows(
    columns: Sequence[str], rows: Iterable[Row], output: Format, *, neutral_cells: bool = False, wide: bool = False
) -> None:
    """Print rows as a table, as one JSON array of objects (and nothing else), or as CSV with a header.

    JSON is exact on every stream. CSV is exact, and UTF-8, in a file or a pipe; on a terminal its control characters
    are escapes, as they are in a table.
    """
    if output is Format.JSON:
        sys.stdout.writelines(visible_json(text, sys.stdout) for text in json_array(columns, rows))
    elif output is Format.CSV:
        print_csv(columns, rows, neutral_cells=neutral_cells)
    else:
        print_anything(columns, list(rows), wide=wide)
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
    message_console.print(redact_message(message), markup=False)


def fail(message: str, next_step: str, code: int = 1) -> NoReturn:
    """End the command: what happened and what to do next on stderr, then the exit code."""
    show_error(message, next_step)
    raise typer.Exit(code)


def show_error(message: str, next_step: str) -> None:
    """Say on stderr what happened and what to do next, without secrets."""
    message_console.print(Text.assemble(("error: ", "bold red"), visible(redact_message(message))))
    message_console.print(Text.assemble(("next:  ", "bold"), visible(redact_message(next_step))))
