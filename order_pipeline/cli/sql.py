"""`order-pipeline sql`: DuckDB with the lake attached, at any time, also while the pipeline is writing."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from order_pipeline.cli.output import NeutralCells, fail
from order_pipeline.cli.query_output import QueryFormat, print_result
from order_pipeline.cli.tables import Wide
from order_pipeline.redaction.errors import shown_text
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError
from order_pipeline.warehouse.lake.init_file import write_init_file
from order_pipeline.warehouse.lake.operations_attachment import names_operations
from order_pipeline.warehouse.lake.safe_reading import UnsafeStatementError, lock_in, require_reading, require_safe
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint

ROWS_AT_A_TIME = 10_000
_NAMES_DESCRIPTIONS = re.compile(r"\b(?:tables|about)\s*\(", re.IGNORECASE)
_WITH_FILES = "`duckdb -init` with the lake.sql of the data directory has files in reach: docs/sql.md."


def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; without it a shell opens, or a pipe is read.")] = None,
    *,
    file: Annotated[str | None, typer.Option("--file", help="Read the SQL from a file; - is the pipe.")] = None,
    output: Annotated[
        QueryFormat, typer.Option("--format", help="How to print the rows of a query.")
    ] = QueryFormat.TABLE,
    at: Annotated[
        str | None, typer.Option("--at", help="The lake as it was: a version, or a time (UTC, or with its zone).")
    ] = None,
    neutral_cells: NeutralCells = False,
    wide: Wide = False,
    safe: Annotated[
        bool, typer.Option("--safe", help="Somebody else's SQL: SELECT alone, and nothing beside.")
    ] = False,
) -> None:
    """Ask the lake in SQL (DuckDB). Reading never blocks the pipeline and never waits for it.

    \b
    Without SQL it is DuckDB's own shell: completion with Tab, history, paging;
    Ctrl-C cancels the query, .exit leaves.
      from tables();                all tables, with what they hold
      from about('core.orders');    the columns, with what they mean
    Schemas: raw, staging, core, quarantine, reference, marts; the operations
    store is attached as ops. All of it is read-only, and the files of this
    machine are out of reach. What that does not hold back: docs/security.md.
    With files, notebooks, other tools: duckdb -init data/lake.sql, docs/sql.md.
    For example:
      order-pipeline sql "select source, count(*) from core.orders group by 1"
      order-pipeline sql "from marts.pick_lines" --format csv > picks.csv
      order-pipeline sql "from core.orders" --at "2026-11-28 14:00"
    """  # noqa: D301  (the escape tells the help formatter to keep the lines)
    point, text = _point(at), _text(query, file)
    settings = load_settings()
    lake = Lake(settings)
    try:
        lake.require_catalog()
        if text is None or settings.operations_url is None:  # a query waits for no server that it does not ask
            write_init_file(settings)
        if text is None:
            if safe:
                fail("--safe judges each statement, which a shell cannot.", "Give one query, --file, or a pipe.")
            from order_pipeline.cli.sql_shell import open_shell  # noqa: PLC0415 - what it shows takes a second to load

            raise typer.Exit(open_shell(settings, point))
        opened = lake.connect(read_only=True, operations=names_operations(text), at=point)
    except LakeError as error:
        advice = "`order-pipeline doctor` shows which data directory is meant; `make demo` fills one."
        fail(str(error), error.next_step or advice)
    with contextlib.closing(opened) as connection:
        if _NAMES_DESCRIPTIONS.search(text):
            from order_pipeline.warehouse.sql.descriptions import description_statements  # noqa: PLC0415 - see above

            for statement in description_statements():
                connection.execute(statement)
        lock_in(connection, lake.data_path)
        answer(connection, text, output, neutral_cells=neutral_cells, wide=wide, safe=safe)


def answer(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    output: QueryFormat,
    *,
    neutral_cells: bool = False,
    wide: bool = False,
    safe: bool = False,
) -> None:
    """Run the statements and print the rows of each; the first one that fails ends the command with DuckDB's words."""
    try:
        statements = connection.extract_statements(text)
        if safe:
            require_safe(connection, text)
        require_reading(statements, connection)
        for statement in statements:
            cursor = connection.execute(statement)
            columns = [column[0] for column in cursor.description or ()]
            print_result(columns, batches(cursor), output, neutral_cells=neutral_cells, wide=wide)
    except UnsafeStatementError as error:
        fail(str(error), _WITH_FILES)
    except duckdb.PermissionException as error:
        fail(shown_text(error), _WITH_FILES)
    except duckdb.Error as error:
        fail(shown_text(error), 'Mend the statement; `order-pipeline sql "from tables()"` lists what there is.')


def batches(cursor: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    """Yield the cursor's rows without holding more than `ROWS_AT_A_TIME` of them."""
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        yield from rows


def _point(at: str | None) -> SnapshotPoint | None:
    try:
        return None if at is None else SnapshotPoint.parse(at)
    except ValueError:
        fail(f"--at {at} is neither a version nor a time.", 'For example --at 12, or --at "2026-11-28 14:00".', code=2)


def _text(query: str | None, file: str | None) -> str | None:
    """The statements to be run; None: a person sits at the terminal and wants a shell."""
    if query is not None and file is not None:
        fail("Both a query and --file were given.", "Give one of them.", code=2)
    if query is not None:
        return query
    if file == "-" or (file is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    try:
        return None if file is None else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} could not be read: {error}", "Name a text file with SQL, or - for the pipe.", code=2)
