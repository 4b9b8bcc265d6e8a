"""Everything that runs by itself, put together: jobs, schedules, sensors.

All of it starts switched off unless `schedule.active` is set: a laptop that opens the UI calls no live API by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.orchestration.action_job import build_action_job
from order_pipeline.orchestration.alerts import build_failure_alerts
from order_pipeline.orchestration.inbox_sensor import build_inbox_sensor
from order_pipeline.orchestration.jobs import (
    build_core_job,
    build_emission_job,
    build_inbox_job,
    build_source_job,
    build_views_job,
)
from order_pipeline.orchestration.schedules import (
    build_emission_after_sources,
    build_emission_schedule,
    build_trailing_schedule,
)
from order_pipeline.orchestration.upkeep import build_housekeeping
from order_pipeline.settings import Settings


def build_automation(settings: Settings, channels: Sequence[Channel[Any]]) -> dg.Definitions:
    """The jobs and what starts them.

    Args:
        settings: whether things start by themselves, and over which days.
        channels: those that are switched on.
    """
    status = dg.DefaultSensorStatus.RUNNING if settings.schedule.active else dg.DefaultSensorStatus.STOPPED
    source_jobs = [build_source_job(channel.name, channel.title) for channel in channels]
    emission_job = build_emission_job()
    housekeeping_job, housekeeping_schedule = build_housekeeping(settings)
    core_jobs = [build_core_job(channel.name, channel.title) for channel in channels]
    jobs = [*source_jobs, *core_jobs, build_views_job(), emission_job, housekeeping_job]
    sensors = [
        build_emission_after_sources(source_jobs, emission_job, status),
        build_failure_alerts(settings, status),
    ]
    for channel in channels:
        if channel.webhook is not None:
            inbox_job = build_inbox_job(channel.name, channel.webhook.reading)
            jobs.append(inbox_job)
            sensors.append(build_inbox_sensor(settings, channel.name, inbox_job, status))
        if channel.commands is not None:
            jobs.append(build_action_job(channel, channel.commands))
    return dg.Definitions(
        jobs=jobs,
        schedules=[
            *(build_trailing_schedule(each.name, each.schedule_minute, settings.schedule) for each in channels),
            build_emission_schedule(settings.schedule),
            housekeeping_schedule,
        ],
        sensors=sensors,
    )
