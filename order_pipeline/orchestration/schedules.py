"""When runs start: every channel hourly, the picks after each of them and by the clock, the read-back hourly.

All schedules and sensors start switched off unless `schedule.active` is set: a laptop that opens the UI calls no live
API by itself.
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB, source_job_name
from order_pipeline.orchestration.partitions import range_tags, trailing_window
from order_pipeline.settings import ScheduleSettings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_trailing_schedule(source: str, minute: int, schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Hourly at `minute`: one run over the last `trailing_days` partitions, because orders change after their day."""

    @dg.schedule(
        job_name=source_job_name(source),
        cron_schedule=f"{minute} * * * *",
        name=f"{source}_hourly",
        description=f"Re-reads the last {schedule.trailing_days} days of {source} as one run.",
        default_status=status_of(schedule),
        execution_timezone="UTC",
    )
    def trailing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        return dg.RunRequest(run_key=moment.isoformat(), tags=range_tags(trailing_window(schedule, moment.date())))

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
