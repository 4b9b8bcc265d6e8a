"""How the rows of a query are printed: as every command prints rows, and in two formats more."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Sequence

from order_pipeline.cli.output import Format, distinct_names, print_rows
from order_pipeline.cli.tables import ENCODER, Row, plain_text
from order_pipeline.cli.visible import encode_files_as_utf8, visible, visible_json


class QueryFormat(enum.StrEnum):
    """How the rows of a query are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"


def print_result(
    columns: Sequence[str], rows: Iterable[Row], output: QueryFormat, *, neutral_cells: bool, wide: bool
) -> None:
    """Print rows; see `print_rows`. JSONL is an object a line, exact as JSON is; Markdown is one table."""
    if output is QueryFormat.JSONL:
        names = distinct_names(columns)
        for row in rows:
            text = ENCODER.encode(dict(zip(names, row, strict=True))).decode()
            sys.stdout.write(visible_json(f"{text}\n", sys.stdout))
    elif output is QueryFormat.MARKDOWN:
        print_markdown(columns, rows)
    else:
        print_rows(columns, rows, Format(output.value), neutral_cells=neutral_cells, wide=wide)
    sys.stdout.flush()


def print_markdown(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Print one table of GitHub's Markdown; a line break in a cell is `<br>`."""
    encode_files_as_utf8(sys.stdout)
    sys.stdout.write(_line(columns) + _line(["---"] * len(columns)))
    sys.stdout.writelines(map(_line, rows))


def _line(cells: Iterable[object]) -> str:
    texts = (visible(plain_text(cell)).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join('<br>'.join(text.splitlines()) for text in texts)} |\n"
