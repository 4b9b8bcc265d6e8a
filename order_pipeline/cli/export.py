"""`order-pipeline export`: the warehouse as one DuckDB file, for a colleague, a notebook elsewhere, or an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import duckdb
import typer

from order_pipeline.cli.output import NO_LAKE_YET, fail, note
from order_pipeline.export.warehouse_file import export_warehouse
from order_pipeline.redaction.errors import shown_text
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError
from order_pipeline.warehouse.sql.project_of_settings import project_for


def export(
    file: Annotated[Path, typer.Argument(help="The DuckDB file to be written: warehouse.duckdb.")],
    *,
    without_personal_data: Annotated[
        bool, typer.Option("--without-personal-data", help="Names, addresses, phones and notes become ***.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write core, marts, reference and quarantine into one DuckDB file.

    \b
    All of it is of one moment, and marts are tables. Every DuckDB from 1.0 on
    opens it, without the lake: duckdb warehouse.duckdb
    Payloads as received and the operations store are not in it.
    """  # noqa: D301  (the escape tells the help formatter to keep the lines)
    target = file.resolve()
    if target.is_dir() or not target.parent.is_dir():
        fail(f"{file} cannot be written: name a file in a directory that exists.", "For example warehouse.duckdb")
    if target.exists() and not force:
        fail(f"{file} is there already. Nothing was written.", "Name another file, or replace it with --force.")
    settings = load_settings()
    try:
        done = export_warehouse(
            Lake(settings),
            project_for(settings),
            target,
            without_personal_data=without_personal_data,
            told=_tell,
        )
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    except (OSError, duckdb.Error) as error:
        fail(f"{file} was not written: {shown_text(error)}", "Nothing of it is left. Mend that, and run it again.")
    size = target.stat().st_size / 1_000_000
    note(f"{file}: {len(done.rows)} tables, {size:,.1f} MB, the lake's snapshot {done.snapshot}.")
    if not without_personal_data:
        note("It holds names, addresses and phones: keep it as safe as the data directory (docs/personal-data.md).")


def _tell(name: str, rows: int, done: int, tables: int) -> None:
    note(f"{done:>3} of {tables}  {name:<30} {rows:>12,} row{'' if rows == 1 else 's'}")
