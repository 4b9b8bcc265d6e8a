"""Whether each channel, and each family with a cadence of its own, was read as often as its cron says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from order_pipeline.alerts.kinds import Kind
from order_pipeline.channels.cron import strikes_before
from order_pipeline.operations.incidents import Incident
from order_pipeline.warehouse.raw.fetch_states import AccountState, LastReading


@dataclass(frozen=True, slots=True)
class Clocked:
    """What is read by itself, and when.

    Attributes:
        source: the channel.
        family: whose own cadence it is; None: the channel's.
        resources: what such a run brings; none: the whole channel, which its watermarks tell best.
        cron: in UTC.
    """

    source: str
    family: str | None
    resources: tuple[str, ...]
    cron: str


def find_stale(
    clocked: Sequence[Clocked],
    accounts: Sequence[AccountState],
    readings: Sequence[LastReading],
    most_missed: float,
    now: datetime,
) -> Iterator[Incident]:
    """An incident for each that was read before, and not since so many of its moments. A run over old days is none."""
    for each in clocked:
        last = _last_read(each, accounts, readings)
        allowed = next(islice(strikes_before(each.cron, now), max(1, math.ceil(most_missed)) - 1, None), None)
        if last is not None and allowed is not None and last[0] < allowed:
            yield _incident(each, *last)


def _last_read(
    clocked: Clocked, accounts: Sequence[AccountState], readings: Sequence[LastReading]
) -> tuple[datetime, str] | None:
    """When it was read up to the present for the last time, proved complete or not, and by which run."""
    if clocked.resources:
        found = [each for each in readings if each.source == clocked.source and each.resource in clocked.resources]
        return max(((each.tried_at, each.run_id) for each in found), default=None)
    return max(((each.read_at, each.run_id) for each in accounts if each.source == clocked.source), default=None)


def _incident(clocked: Clocked, read_at: datetime, run_id: str) -> Incident:
    name = f"{clocked.source} {clocked.family}" if clocked.family else clocked.source
    only = f" --only {clocked.family}" if clocked.family else ""
    what = "new orders do not arrive" if clocked.family in {None, "orders"} else f"new {clocked.family} do not arrive"
    return Incident(
        kind=Kind.SOURCE_STALE,
        subject=name,
        message=f"{name} was last read to its end at {read_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {what}.",
        next_step=f"`order-pipeline doctor` asks its API; then `order-pipeline run --source {clocked.source}{only}`.",
        since=read_at,
        run_id=run_id,
    )
