"""`order-pipeline quarantine list|replay`: rows that broke a rule, and a new try once it is mended."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import Annotated

import typer

from order_pipeline.cli.output import Format, fail, note, print_rows
from order_pipeline.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Rows that broke a rule: kept apart, named by rule, field and value.")

LIST_SQL = """
SELECT source, table_name, key, rule, field, value, raw_record_id, order_day, first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects
WHERE ($source IS NULL OR source = $source) AND ($rule IS NULL OR rule = $rule) AND ($resolved OR resolved_at IS NULL)
ORDER BY last_seen_at DESC, source, table_name, key
LIMIT $limit
"""

OPEN_SQL = "SELECT 1 FROM quarantine.rejects WHERE resolved_at IS NULL"
OPEN_DAYS_SQL = """
SELECT DISTINCT source, order_day FROM quarantine.rejects
WHERE resolved_at IS NULL AND order_day IS NOT NULL ORDER BY ALL
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
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    try:
        connection = Lake(load_settings()).connect(read_only=True)
    except LakeError as error:
        fail(str(error), "Run the pipeline once (`order-pipeline run`, or `make demo`).")
    with contextlib.closing(connection):
        cursor = connection.execute(LIST_SQL, {"source": source, "rule": rule, "resolved": resolved, "limit": limit})
        print_rows([column[0] for column in cursor.description or ()], cursor.fetchall(), output)


@app.command("replay")
def replay(source: Source = None) -> None:
    """Build the days of all open rejects anew from what is stored, through Dagster; no channel is asked anything.

    For use after a mapping, a rule or the SQL was mended. Rows that pass now reach core and leave the quarantine; those
    whose data is wrong at the source stay until a fetch brings a better version.
    """
    from order_pipeline.cli.materialise import opened_workshop  # noqa: PLC0415
    from order_pipeline.orchestration.jobs import core_job_name  # noqa: PLC0415
    from order_pipeline.orchestration.partitions import unbroken_windows  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    settings = load_settings()
    try:
        found = Lake(settings).query(OPEN_DAYS_SQL).rows
    except LakeError as error:
        fail(str(error), "Run the pipeline once (`order-pipeline run`, or `make demo`).")
    days: dict[str, list[date]] = {}
    for name, day in found:
        if source in {None, name}:
            days.setdefault(name, []).append(day)
    if not days:
        note("Nothing is in quarantine.")
        return
    jobs = [(core_job_name(name), window) for name, each in days.items() for window in unbroken_windows(each)]
    with opened_workshop(settings) as workshop:
        outcomes = [workshop.run(name, window) for name, window in jobs]
    still_open = len(Lake(settings).query(OPEN_SQL).rows)
    note(f"{still_open} rejects are still open; `order-pipeline quarantine list` shows them.")
    if not all(outcome.success for outcome in outcomes):
        fail("not every day could be built (above).", "Mend the cause and run the command again.")
