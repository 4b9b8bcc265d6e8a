"""Everything that runs by itself, put together: jobs, schedules, sensors.

All of it starts switched off unless `schedule.active` is set: a laptop that opens the UI calls no live API by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from order_pipeline.orchestration.alerts import build_failure_alerts
from order_pipeline.orchestration.inbox_sensor import CHANNEL as WEBHOOK_CHANNEL
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
from order_pipeline.orchestration.skroutz_actions import skroutz_action_job
from order_pipeline.orchestration.upkeep import build_housekeeping
from order_pipeline.settings import Settings


def build_automation(settings: Settings, channels: Mapping[str, tuple[str, int]]) -> dg.Definitions:
    """The jobs and what starts them.

    Args:
        settings: whether things start by themselves, and over which days.
        channels: name -> title and the minute of the hour at which its schedule ticks.
    """
    status = dg.DefaultSensorStatus.RUNNING if settings.schedule.active else dg.DefaultSensorStatus.STOPPED
    source_jobs = [build_source_job(name, title) for name, (title, _) in channels.items()]
    emission_job = build_emission_job()
    housekeeping_job, housekeeping_schedule = build_housekeeping(settings)
    core_jobs = [build_core_job(name, title) for name, (title, _) in channels.items()]
    jobs = [*source_jobs, *core_jobs, build_views_job(), emission_job, housekeeping_job]
    sensors = [
        build_emission_after_sources(source_jobs, emission_job, status),
        build_failure_alerts(settings, status),
    ]
    if WEBHOOK_CHANNEL in channels:
        inbox_job = build_inbox_job()
        jobs += [inbox_job, skroutz_action_job]
        sensors.append(build_inbox_sensor(settings, inbox_job, status))
    return dg.Definitions(
        jobs=jobs,
        schedules=[
            *(build_trailing_schedule(name, minute, settings.schedule) for name, (_, minute) in channels.items()),
            build_emission_schedule(settings.schedule),
            housekeeping_schedule,
        ],
        sensors=sensors,
    )
