"""`order-pipeline replay`: days built again from raw alone, or first what that would change."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from order_pipeline.cli.demo_sandbox import as_filled
from order_pipeline.cli.output import fail, note
from order_pipeline.cli.replay_report import print_changes
from order_pipeline.cli.run import DAY_FORMATS, chosen_sources
from order_pipeline.cli.tables import ENCODER
from order_pipeline.settings import Settings, load_settings
from order_pipeline.warehouse.lake.connection import Lake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIFFERENT = 1
SHOWN_PICKS = 20


def replay(
    source: Annotated[list[str] | None, typer.Option(help="Only this channel; repeat it. Default: all.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First order day.")] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=DAY_FORMATS, help="Last order day, included.")
    ] = None,
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Store nothing: show what would change.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --diff: at most so many picks are shown.")] = SHOWN_PICKS,
    json: Annotated[bool, typer.Option("--json", help="With --diff: one JSON object with every change.")] = False,
) -> None:
    """Build days of core again from raw alone; asks no channel anything. Default: every day of which raw has a record.

    \b
    --diff      stores nothing and sends nothing. It stages the days by the
                SQL, mappings and contracts of this code, and shows what
                would change: rows and columns of core, rejects, and picks
                (would be sent, held, asked of a person)
    exit code   with --diff 0: nothing would change. 1: something would.
                2: a wrong option or setting.

    For use before a changed model, mapping or seed is installed, and after core was lost. With --diff the lake is
    attached read-only; runs may go on meanwhile.
    """  # noqa: D301
    settings = as_filled(load_settings())
    if (limit != SHOWN_PICKS or json) and not diff:
        fail("--limit and --json belong to --diff.", "order-pipeline replay --diff", code=2)
    sources = chosen_sources(settings, source)
    _require_a_lake(settings)
    with closing(Lake(settings)) as lake:
        days = _chosen_days(lake, sources, first.date() if first else None, last.date() if last else None)
    if not days:
        note("Raw has no record of these days.")
    elif diff:
        _show_changes(settings, days, limit, json=json)
    else:
        _build(settings, days)


def _chosen_days(lake: Lake, sources: Sequence[str], first: date | None, last: date | None) -> dict[str, list[date]]:
    from order_pipeline.replay.staged_days import stored_days  # noqa: PLC0415 - reads the contracts

    chosen = {
        source: [day for day in stored_days(lake, source) if (first or day) <= day <= (last or day)]
        for source in sources
    }
    return {source: days for source, days in chosen.items() if days}


def _show_changes(settings: Settings, days: Mapping[str, Sequence[date]], limit: int, *, json: bool) -> None:
    from order_pipeline.cli.materialise import JobProgress, terminal_apart_from_step_output  # noqa: PLC0415 - see there
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415 - as the next ones
    from order_pipeline.replay.replay import replay_changes  # noqa: PLC0415 - reads the contracts
    from order_pipeline.warehouse.sql.project_of_settings import project_for  # noqa: PLC0415

    with (
        terminal_apart_from_step_output() as console,
        JobProgress(console) as progress,
        closing(Lake(settings)) as lake,
        closing(OperationsStore(settings.resolved_operations_url)) as operations,
    ):
        found = replay_changes(settings, lake, operations, project_for(settings), days, progress=progress.advance)
    if json:
        told = {"identical": found.is_identical, **msgspec.to_builtins(found)}
        sys.stdout.write(ENCODER.encode(told).decode() + "\n")
    else:
        print_changes(found, limit)
    if not found.is_identical:
        raise typer.Exit(DIFFERENT)


def _build(settings: Settings, days: Mapping[str, Sequence[date]]) -> None:
    from order_pipeline.cli.building_days import build_days  # noqa: PLC0415 - as the next one
    from order_pipeline.cli.materialise import open_job_runner  # noqa: PLC0415 - see there

    with open_job_runner(settings, "order-pipeline replay") as runner:
        all_built = build_days(runner, settings, days)
    if not all_built:
        fail("not every day could be built (above).", "Mend the cause and run the command again.")


def _require_a_lake(settings: Settings) -> None:
    file = Lake(settings).catalog_file
    if file is not None and not file.exists():
        fail(f"There is no lake at {file}.", "Run the pipeline once, or check ORDER_PIPELINE_DATA_DIR.")
