"""`order-pipeline run`: fetch, normalise, check and emit through Dagster, now, in this terminal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from order_pipeline.channels import registry
from order_pipeline.channels.base import Window
from order_pipeline.channels.registry import NAMES
from order_pipeline.cli.materialise import materialise
from order_pipeline.cli.output import fail, note
from order_pipeline.cli.summary import collect_summary, print_summary
from order_pipeline.settings import Settings, load_settings

DAY_FORMATS = ["%Y-%m-%d"]


def run(
    source: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(NAMES)}; repeat it. Default: every enabled channel.")
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First order day (UTC).")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=DAY_FORMATS, help="Last order day (UTC), included.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this family of a channel's resources, like invoices; repeat it.")
    ] = None,
    emit: Annotated[bool, typer.Option(help="Also plan the picks and send what may be sent.")] = True,  # noqa: FBT002
) -> None:
    """Materialise order days through Dagster: each channel as one run over the range, then marts and picks.

    A long range goes in several runs of ORDER_PIPELINE_SCHEDULE__SLICE_DAYS days, the newest first.

    Without days: the trailing window that the schedule uses. Days that are already there are read again; only what
    changed is stored. A channel that fails does not hold the others; the exit code is then 1. Sending is a dry run
    unless ORDER_PIPELINE_SCANORDERS__SEND=true.
    """
    settings = load_settings()
    sources = chosen_sources(settings, source)
    if only:
        sources = with_families(sources, only)
    window = chosen_window(settings, first.date() if first else None, last.date() if last else None)
    note(f"{', '.join(sources)}: {window.start} to {window.end - timedelta(days=1)}")
    command = _as_typed(source or [], only or [], emit=emit)
    outcomes = materialise(settings, sources, window, emit=emit, families=only or (), command=command)
    print_summary(collect_summary(settings))
    if not all(outcome.success for outcome in outcomes):
        fail(
            "not every job ended well (above).",
            "Mend the cause and run the same command again: nothing is stored twice, no pick is sent twice.",
        )


def _as_typed(source: list[str], only: list[str], *, emit: bool) -> str:
    """The command, but for its days: these are the partitions of the runs. Every word was checked before."""
    options = [*(f"--source {name}" for name in source), *(f"--only {family}" for family in only)]
    return " ".join(["order-pipeline run", *options, *([] if emit else ["--no-emit"])])


def chosen_sources(settings: Settings, wanted: list[str] | None) -> list[str]:
    """The channels to run: those asked for, else all that are enabled; a wrong or disabled name ends the command."""
    enabled = [channel.name for channel in settings.enabled_channels()]
    for name in wanted or []:
        if name not in NAMES:
            fail(f"There is no channel {name!r}.", f"The channels are {', '.join(NAMES)}.", code=2)
        if name not in enabled:
            fail(f"The channel {name} is switched off.", f"Set ORDER_PIPELINE_{name.upper()}__ENABLED=true.", code=2)
    return [name for name in enabled if not wanted or name in wanted]


def with_families(sources: list[str], families: list[str]) -> list[str]:
    """The channels that have all the families; a family that none has ends the command."""
    channels = {name: registry.channels()[name] for name in sources}
    having = [name for name, channel in channels.items() if set(families) <= channel.families.keys()]
    reasons = [
        f"{name}: {family} comes with its order only, for {reason}: order-pipeline run --source {name}"
        for name, channel in channels.items()
        for family, reason in channel.not_alone.items()
        if family in families
    ]
    if not having:
        known = "; ".join(f"{name}: {', '.join(each.families)}" for name, each in channels.items() if each.families)
        hint = "\n".join([*reasons, f"There is {known or 'none'}."])
        fail(f"No channel has {', '.join(families)} to be fetched alone.", hint, code=2)
    for reason in reasons:
        note(reason)
    return having


def chosen_window(settings: Settings, first: date | None, last: date | None) -> Window:
    """The days asked for, or the schedule's trailing window; days outside the partitions end the command."""
    today = datetime.now(UTC).date()
    end = (last or today) + timedelta(days=1)
    earliest = date.fromisoformat(settings.schedule.first_day)
    start = first or max(earliest, end - timedelta(days=settings.schedule.trailing_days))
    if not earliest <= start < end <= today + timedelta(days=1):
        fail(
            f"The days {start} to {end - timedelta(days=1)} are not within {earliest} and today ({today}).",
            "Choose --from and --to within these, or move ORDER_PIPELINE_SCHEDULE__FIRST_DAY.",
            code=2,
        )
    return Window(start=start, end=end)
