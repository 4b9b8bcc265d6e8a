"""`order-pipeline quarantine list|replay`: rows that broke a rule, and a new try once it is mended."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from order_pipeline.cli.output import Format, fail, print_rows
from order_pipeline.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Rows that broke a rule: kept apart, named by rule, field and value.")

LIST_SQL = """
SELECT source, table_name, key, rule, field, value, raw_record_id, order_day, first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects
WHERE ($source IS NULL OR source = $source) AND ($rule IS NULL OR rule = $rule) AND ($resolved OR resolved_at IS NULL)
ORDER BY last_seen_at DESC, source, table_name, key
LIMIT $limit
"""

Source = Annotated[str | None, typer.Option(help="Only this channel.")]


@app.command("list")
def list_rejects(
    source: Source = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule, for example bad_number.")] = None,
    resolved: Annotated[bool, typer.Option("--all", help="Also those that a later load has healed.")] = False,  # noqa: FBT002
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows, newest first.")] = 100,
    output: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.TABLE,
) -> None:
    """List the rows in quarantine: which rule, on which field, with which value, from which raw record."""
    from order_pipeline.warehouse.lake import Lake, LakeError  # noqa: PLC0415

    try:
        connection = Lake(load_settings()).connect(read_only=True)
    except LakeError as error:
        fail(str(error), "Run the pipeline once (`order-pipeline run`, or `make demo`).")
    with contextlib.closing(connection):
        cursor = connection.execute(LIST_SQL, {"source": source, "rule": rule, "resolved": resolved, "limit": limit})
        print_rows([column[0] for column in cursor.description or ()], cursor.fetchall(), output)
