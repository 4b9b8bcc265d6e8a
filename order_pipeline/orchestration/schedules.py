"""When runs start: every channel hourly, the picks after each of them and by the clock, the read-back hourly.

All schedules and sensors start switched off unless `schedule.active` is set: a laptop that opens the UI calls no live
API by itself. Each part of the automation has a setting beside it that switches that part off.
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG

from order_pipeline.channels.channel import Channel
from order_pipeline.channels.settings import ChannelSettings
from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB, assets_of_families, source_job_name
from order_pipeline.orchestration.origins import is_started_by_command
from order_pipeline.orchestration.partitions import PRIORITY_TAGS, range_tags, trailing_window
from order_pipeline.settings import AutomatedPart, ScheduleSettings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_channel_schedules(
    channel: Channel[Any], settings: ChannelSettings, schedule: ScheduleSettings
) -> list[dg.ScheduleDefinition]:
    """Hourly at the channel's minute, unless its cadence says otherwise; a family with a cadence has its own schedule.

    Args:
        channel: what is read.
        settings: the channel's.
        schedule: how many days a run reads.
    """
    return [
        _trailing(channel, each.family or "hourly", each.cron, schedule, each.families)
        for each in channel.cadences(settings)
    ]


def _trailing(
    channel: Channel[Any], name: str, cron: str, schedule: ScheduleSettings, families: Sequence[str]
) -> dg.ScheduleDefinition:
    """One run over the last `trailing_days` partitions, because orders change after their day; no family: all."""
    chosen = assets_of_families(channel, families)

    @dg.schedule(
        job_name=source_job_name(channel.name),
        cron_schedule=cron,
        name=f"{channel.name}_{name}",
        description=f"Re-reads the last {schedule.trailing_days} days of {channel.name} as one run"
        + (f": {', '.join(families)}." if families else "."),
        default_status=status_of(schedule, "trailing"),
        execution_timezone="UTC",
    )
    def trailing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        tags = {**range_tags(trailing_window(schedule, moment.date())), **PRIORITY_TAGS}
        return dg.RunRequest(run_key=moment.isoformat(), tags=tags, asset_selection=chosen)

    return trailing


def build_emission_schedule(schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Every quarter of an hour, so that picks go out even when no channel's run ended (orders resolved by hand)."""
    return dg.ScheduleDefinition(
        job_name=EMISSION_JOB,
        cron_schedule="*/15 * * * *",
        name="emission_every_15_minutes",
        description="Plans and sends picks every 15 minutes, whatever the channels do.",
        default_status=status_of(schedule, "emission"),
        execution_timezone="UTC",
    )


def build_read_back_schedule(schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Hourly, away from the quarters at which picks are sent."""
    return dg.ScheduleDefinition(
        job_name=READ_BACK_JOB,
        cron_schedule="40 * * * *",
        name="read_back_hourly",
        description="Reads the floor back once an hour, away from the quarters at which picks are sent.",
        default_status=status_of(schedule, "read_back"),
        execution_timezone="UTC",
    )


def status_of(schedule: ScheduleSettings, *parts: AutomatedPart) -> dg.DefaultScheduleStatus:
    """Whether a schedule of these parts runs from the start: if any of them is on."""
    is_on = any(schedule.is_on(part) for part in parts)
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED


def is_left_out(context: dg.OpExecutionContext, schedule: ScheduleSettings, part: AutomatedPart) -> bool:
    """Whether a scheduled run leaves out this part of its job, and says so; a run by hand does everything."""
    is_off = SCHEDULE_NAME_TAG in context.run.tags and not schedule.is_on(part)
    if is_off:
        context.log.info("left out: ORDER_PIPELINE_SCHEDULE__%s is off", part.upper())
        context.add_output_metadata({"left out": f"ORDER_PIPELINE_SCHEDULE__{part.upper()} is off"})
    return is_off


def sensor_status(*, is_on: bool) -> dg.DefaultSensorStatus:
    """The same of a sensor."""
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def build_emission_after_sources(
    source_jobs: Sequence["UnresolvedAssetJobDefinition"],
    emission_job: "UnresolvedAssetJobDefinition",
    status: dg.DefaultSensorStatus,
) -> dg.SensorDefinition:
    """When a channel's run has ended well, plan and send picks at once; the other channels are not waited for."""

    @dg.run_status_sensor(
        name="emission_after_sources",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=list(source_jobs),
        request_job=emission_job,
        description="Starts emission_job after every successful run of a channel's job, but those of commands.",
        default_status=status,
    )
    def emission_after_sources(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        if is_started_by_command(context.dagster_run):
            return dg.SkipReason("A command made the run; it sends the picks itself, unless it was told not to.")
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return emission_after_sources
