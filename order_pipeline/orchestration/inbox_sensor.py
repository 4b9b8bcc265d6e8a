"""The sensor of a channel's webhook inbox: one run for all days that have events waiting.

The inbox itself knows what waits (an event is pending until a run has landed it), so no cursor can be lost. The run key
is the newest event's number: the same backlog starts one run, a new event starts the next.
"""

# pyright: reportUnknownMemberType=false

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from order_pipeline.channels.base import Window
from order_pipeline.operations import inbox
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.partitions import range_tags, utc_today
from order_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SECONDS_BETWEEN_LOOKS = 30


def build_inbox_sensor(
    settings: Settings, channel: str, job: "UnresolvedAssetJobDefinition", status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """Looks for waiting events of the channel twice a minute."""

    @dg.sensor(
        name=f"{channel}_inbox",
        job=job,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=status,
        description="Starts one run for every day that has webhooks waiting, from the inbox to the picks.",
    )
    def inbox_sensor(_context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with open_store(settings.resolved_operations_url) as store:
            waiting = inbox.pending_days(store, channel)
            newest = inbox.newest_event_id(store, channel)
        window = window_of_waiting(list(waiting), date.fromisoformat(settings.schedule.first_day), utc_today())
        if window is None:
            return dg.SkipReason("No webhook waits.")
        return dg.RunRequest(run_key=f"event-{newest}", tags=range_tags(window))

    return inbox_sensor


def window_of_waiting(days: list[date | None], first: date, today: date) -> Window | None:
    """The days to run, clipped to the partitions; events without a day come along with today's."""
    if not days:
        return None
    known = [min(max(day or today, first), today) for day in days]
    return Window(start=min(known), end=max(known) + timedelta(days=1))
