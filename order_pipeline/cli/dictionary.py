"""`order-pipeline dictionary`: what every table and column means, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.dictionary.page import dictionary_page
from order_pipeline.private_files import write_durably
from order_pipeline.warehouse.sql.project import SqlProject


def dictionary(
    file: Annotated[Path, typer.Argument(help="Where to write the page.")] = Path("dictionary.html"),
) -> None:
    """Write a page about every table, view and column: meaning, type, unit, personal data, sources, rules, lineage.

    \b
    The page is one file that needs no network and no lake, and it holds no
    record of anybody. The UI shows the same at /dictionary. In SQL:
      order-pipeline sql "from reference.dictionary where table_name = 'orders'"
    """  # noqa: D301
    try:
        write_durably(file, dictionary_page(SqlProject()).encode())
    except OSError as error:
        fail(f"The page could not be written to {file}: {error.strerror}.", "Name another FILE.")
    note(f"{file}: open it in a browser.")
