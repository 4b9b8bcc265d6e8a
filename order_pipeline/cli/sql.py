"""`order-pipeline sql`: DuckDB with the lake attached, at any time, also while the pipeline is writing."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import duckdb
import typer

from order_pipeline.cli.output import Format, NeutralCells, fail, message_console, note, print_rows
from order_pipeline.cli.tables import Wide
from order_pipeline.redaction.errors import shown_text
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError
from order_pipeline.warehouse.lake.operations_attachment import names_operations
from order_pipeline.warehouse.lake.safe_reading import UnsafeStatementError, lock_in, require_no_hidden, require_safe

PROMPT, CONTINUATION = "lake> ", "  ... "
ROWS_AT_A_TIME = 10_000


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One SQL statement; without it an interactive shell opens.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
    safe: Annotated[bool, typer.Option("--safe", help="Only SELECT, and nothing but the lake is in reach.")] = False,  # noqa: FBT002
) -> None:
    """Ask the lake in SQL (DuckDB). Reading never blocks the pipeline and never waits for it.

    \b
    The lake and the operations store are read-only. Files are not: without
    --safe a statement reads and writes every file that you may, loads
    extensions and uses the network. With it, a statement of somebody else
    reads what stands in the lake and in ops, personal data included, and
    nothing else.
    Schemas: raw, staging, core, quarantine, reference, marts; the operations store is attached as ops.
    What we knew earlier:  select ... from core.orders at (timestamp => now() - interval 1 day)
    For example:
      order-pipeline sql "select source, count(*) from core.orders group by 1"
      order-pipeline sql "select * from marts.pick_lines where hold_reason is not null" --format csv
    """  # noqa: D301  (the escape tells the help formatter to keep the lines)
    try:
        lake = Lake(load_settings())
        opened = lake.connect(read_only=True, operations=query is None or names_operations(query))
    except LakeError as error:
        advice = "`order-pipeline doctor` shows which data directory is meant; `make demo` fills one."
        fail(str(error), error.next_step or advice)
    with contextlib.closing(opened) as connection:
        if safe:
            lock_in(connection, lake.data_path)
        if query is None:
            open_shell(connection, safe=safe)
        else:
            answer(connection, query, output, neutral_cells=neutral_cells, wide=wide, safe=safe)


def answer(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    output: Format,
    *,
    neutral_cells: bool = False,
    wide: bool = False,
    safe: bool = False,
) -> None:
    """Run one statement and print its rows; a wrong statement ends the command with DuckDB's own message."""
    try:
        cursor = _run(connection, query, safe=safe)
    except UnsafeStatementError as error:
        fail(str(error), "Without --safe it runs, with all your rights." if safe else "Ask ops.")
    except duckdb.Error as error:
        fail(shown_text(error), 'Mend the statement; `order-pipeline sql "show all tables"` lists what there is.')
    columns = [column[0] for column in cursor.description or ()]
    print_rows(columns, batches(cursor), output, neutral_cells=neutral_cells, wide=wide)


def batches(cursor: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    """Yield the cursor's rows without holding more than `ROWS_AT_A_TIME` of them."""
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        yield from rows


def _run(connection: duckdb.DuckDBPyConnection, query: str, *, safe: bool) -> duckdb.DuckDBPyConnection:
    if safe:
        require_safe(connection, query)
    else:
        require_no_hidden(query)
    return connection.execute(query)


def open_shell(connection: duckdb.DuckDBPyConnection, *, safe: bool = False) -> None:
    """Read statements up to their semicolon, print their rows, until `.exit` or the end of the input."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # it gives input() history and line editing, where the system has it
    if sys.stdin.isatty():
        note("DuckDB on the lake. End a statement with ;   `show all tables;` lists what there is, `.exit` leaves.")
    for statement in statements():
        try:
            cursor = _run(connection, statement, safe=safe)
            print_rows([column[0] for column in cursor.description or ()], batches(cursor), Format.TABLE)
        except (duckdb.Error, UnsafeStatementError) as error:
            message_console.print(shown_text(error), style="red", markup=False)


def statements() -> Iterator[str]:
    """Yield one statement after the other from the terminal or the piped input."""
    lines: list[str] = []
    while True:
        try:
            line = input((CONTINUATION if lines else PROMPT) if sys.stdin.isatty() else "")
        except (EOFError, KeyboardInterrupt):
            line = ".exit"
        if line.strip() in {".exit", ".quit", "exit", "quit"}:
            if any(each.strip() for each in lines):
                yield "\n".join(lines)
            return
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
