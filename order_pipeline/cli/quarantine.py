"""`order-pipeline quarantine list` and `close`: rows that broke a rule."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from order_pipeline.cli.output import NO_LAKE_YET, Format, NeutralCells, fail, note, print_rows
from order_pipeline.cli.tables import Wide, print_records
from order_pipeline.recovery.stores import require_agreement
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.core.quarantine import close_rejects
from order_pipeline.warehouse.lake.connection import Lake, LakeError

LIST_SQL = """
SELECT source, table_name, key, rule, field, value, raw_record_id, order_day, first_seen_at, last_seen_at, resolved_at,
    closed_reason
FROM quarantine.rejects
WHERE ($source IS NULL OR source = $source) AND ($rule IS NULL OR rule = $rule) AND ($resolved OR resolved_at IS NULL)
ORDER BY last_seen_at DESC, source, table_name, key
LIMIT $limit
"""

Source = Annotated[str | None, typer.Option(help="Only this channel.")]


def list_rejects(  # noqa: PLR0917 - a command's options
    source: Source = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule, for example bad_number.")] = None,
    resolved: Annotated[bool, typer.Option("--all", help="Also those that are resolved or closed.")] = False,  # noqa: FBT002
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows, newest first.")] = 100,
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
    neutral_cells: NeutralCells = False,  # noqa: FBT002
    wide: Wide = False,  # noqa: FBT002
) -> None:
    """List the rows in quarantine: which rule, on which field, with which value, from which raw record."""
    try:
        connection = Lake(load_settings()).connect(read_only=True)
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    with contextlib.closing(connection):
        cursor = connection.execute(LIST_SQL, {"source": source, "rule": rule, "resolved": resolved, "limit": limit})
        columns, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
    if output is Format.TABLE and not wide:
        print_records([dict(zip(columns, row, strict=True)) for row in rows], ("source", "table_name", "rule"))
    else:
        print_rows(columns, rows, output, neutral_cells=neutral_cells, wide=wide)


def close(
    key: Annotated[str, typer.Argument(help="The key that `list` shows; of unreadable bytes its first 8 digits do.")],
    reason: Annotated[str, typer.Option(help="Why it needs no more attention; kept with the reject.")],
    source: Source = None,
) -> None:
    """Close a reject by hand. It stays closed until the same row arrives with other bytes; nothing is deleted.

    For bytes whose record nobody can name: all others resolve by themselves once their record arrives readable.
    """
    if not reason.strip():
        fail("The reason is empty.", "Say why: --reason TEXT.", code=2)
    settings = load_settings()
    require_agreement(settings)
    try:
        closed = close_rejects(Lake(settings), key, reason.strip(), source)
    except LakeError as error:
        fail(str(error), error.next_step or NO_LAKE_YET)
    if not closed:
        fail(f"No open reject has the key {key!r}.", "`order-pipeline quarantine list` shows the keys.")
    note(f"Closed {closed} reject{'s' if closed > 1 else ''}.")
