"""When runs start: every channel hourly, the picks after each of them and by the clock, the read-back hourly.

All schedules and sensors start switched off unless `schedule.active` is set: a laptop that opens the UI calls no live
API by itself.
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.channels.settings import EVERYTHING
from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB, assets_of_families, source_job_name
from order_pipeline.orchestration.partitions import range_tags, trailing_window
from order_pipeline.settings import ScheduleSettings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_channel_schedules(
    channel: Channel[Any], cadence: Mapping[str, str], schedule: ScheduleSettings
) -> list[dg.ScheduleDefinition]:
    """Hourly at the channel's minute, unless its cadence says otherwise; a family with a cadence has its own schedule.

    Args:
        channel: what is read.
        cadence: family (or `all`) -> cron, checked by the settings.
        schedule: how many days a run reads.
    """
    own = {family: cron for family, cron in cadence.items() if family != EVERYTHING}
    schedules = [_trailing(channel, family, cron, schedule, [family]) for family, cron in own.items()]
    brought = {resource for family in own for resource in channel.families[family]}
    rest = [family for family, resources in channel.families.items() if not brought.issuperset(resources)]
    if rest or not own:
        cron = cadence.get(EVERYTHING, f"{channel.schedule_minute} * * * *")
        schedules.append(_trailing(channel, "hourly", cron, schedule, rest if own else []))
    return schedules


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
        default_status=status_of(schedule),
        execution_timezone="UTC",
    )
    def trailing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        tags = range_tags(trailing_window(schedule, moment.date()))
        return dg.RunRequest(run_key=moment.isoformat(), tags=tags, asset_selection=chosen)

    return trailing


def build_emission_schedule(schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Every quarter of an hour, so that picks go out even when no channel's run ended (orders resolved by hand)."""
    return dg.ScheduleDefinition(
        job_name=EMISSION_JOB,
        cron_schedule="*/15 * * * *",
        name="emission_every_15_minutes",
        description="Plans and sends picks every 15 minutes, whatever the channels do.",
        default_status=status_of(schedule),
        execution_timezone="UTC",
    )


def build_read_back_schedule(schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Hourly, away from the quarters at which picks are sent."""
    return dg.ScheduleDefinition(
        job_name=READ_BACK_JOB,
        cron_schedule="40 * * * *",
        name="read_back_hourly",
        description="Reads the floor back once an hour, away from the quarters at which picks are sent.",
        default_status=status_of(schedule),
        execution_timezone="UTC",
    )


def status_of(schedule: ScheduleSettings) -> dg.DefaultScheduleStatus:
    """Whether schedules run from the start."""
    return dg.DefaultScheduleStatus.RUNNING if schedule.active else dg.DefaultScheduleStatus.STOPPED


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
        description="Starts emission_job after every successful run of a channel's job.",
        default_status=status,
    )
    def emission_after_sources(context: dg.RunStatusSensorContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return emission_after_sources
