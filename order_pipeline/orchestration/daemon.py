"""Whether Dagster's daemon lives. It starts every run and the alerts' sensor, so only a look from outside can tell."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from order_pipeline.alerts.kinds import Kind
from order_pipeline.operations.incidents import Incident
from order_pipeline.settings import Settings

KINDS = (Kind.DAEMON_STOPPED,)
LONGEST_SILENCE = timedelta(minutes=5)
"""It says every half minute that it lives."""


def find_stopped_daemon(settings: Settings, instance: dg.DagsterInstance, now: datetime) -> Iterator[Incident]:
    """An incident while schedules are on by setting, and the daemon that runs them is silent."""
    if not settings.schedule.active:
        return
    heartbeats = [each.timestamp for each in instance.get_daemon_heartbeats().values()]
    last = datetime.fromtimestamp(max(heartbeats), UTC) if heartbeats else None
    if last is None or now - last >= LONGEST_SILENCE:
        heard = "was never heard of" if last is None else f"was last heard of at {last:%Y-%m-%d %H:%M} UTC"
        yield Incident(
            kind=Kind.DAEMON_STOPPED,
            subject="dagster",
            message=f"Dagster's daemon {heard}: no schedule and no sensor runs, nothing is read and no pick is sent.",
            next_step="Start the service that runs `order-pipeline serve`; its log says why it ended.",
            since=last,
        )
