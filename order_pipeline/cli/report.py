"""`order-pipeline report`: how the business goes, as one HTML page."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from order_pipeline.cli.output import NO_LAKE_YET, fail, note
from order_pipeline.private_files import write_durably
from order_pipeline.redaction.errors import shown_text
from order_pipeline.report.figures import Report, read_report
from order_pipeline.report.page import report_page
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError


def report(
    file: Annotated[Path, typer.Argument(help="Where to write the page.")] = Path("report.html"),
) -> None:
    """Write a page of figures: backlog, holds, orders, cycle times, margin, channels, doubts, data quality.

    \b
    The page is one file that needs no network. Each figure names the mart
    that it comes from, and shows the query. It holds no personal data: counts,
    sums, and the numbers of orders that are in doubt. The lake is only read.
    """  # noqa: D301
    found = _read(Lake(load_settings()))
    try:
        write_durably(file, report_page(found).encode())
    except OSError as error:
        fail(f"The page could not be written to {file}: {error.strerror}.", "Name another FILE.")
    note(f"{file}: open it in a browser.")


def _read(lake: Lake) -> Report:
    try:
        with contextlib.closing(lake.connect(read_only=True)) as connection:
            connection.begin()
            return read_report(connection, datetime.now(UTC))
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    except duckdb.Error as error:
        fail(f"A mart could not be read: {shown_text(error)}", "order-pipeline doctor; then run the pipeline once.")
