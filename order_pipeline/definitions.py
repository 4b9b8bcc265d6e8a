"""The one `Definitions`: what the UI, the command line and the tests run.

`build_definitions` takes everything from its arguments; only the function that Dagster calls reads the environment.
"""

from __future__ import annotations

import dagster as dg

from order_pipeline.orchestration.action_job import build_action_job
from order_pipeline.orchestration.alerts import build_alerts_sensor
from order_pipeline.orchestration.assets.core import build_core_assets
from order_pipeline.orchestration.assets.picking import build_picking_assets
from order_pipeline.orchestration.assets.raw import build_raw_assets
from order_pipeline.orchestration.assets.read_back import build_read_back_asset
from order_pipeline.orchestration.assets.reference import build_reference_assets
from order_pipeline.orchestration.assets.report import build_report_asset
from order_pipeline.orchestration.assets.sql_models import build_mart_assets, build_staging_assets
from order_pipeline.orchestration.housekeeping import build_housekeeping
from order_pipeline.orchestration.inbox_job import build_inbox_job
from order_pipeline.orchestration.inbox_sensor import WorkerProcess, build_inbox_sensor
from order_pipeline.orchestration.jobs import (
    build_core_job,
    build_emission_job,
    build_read_back_job,
    build_report_job,
    build_source_job,
    build_views_job,
)
from order_pipeline.orchestration.partitions import daily_partitions
from order_pipeline.orchestration.rebuild_job import rebuild_job
from order_pipeline.orchestration.reconciliation import (
    build_reconciliation_check,
    build_reconciliation_job,
    build_reconciliation_schedule,
)
from order_pipeline.orchestration.redacted_errors import redact_dagster
from order_pipeline.orchestration.resolve_job import resolve_pick_job, resolve_wave_job
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.schedules import (
    build_channel_schedules,
    build_emission_after_sources,
    build_emission_schedule,
    build_read_back_schedule,
    sensor_status,
)
from order_pipeline.private_files import close_new_files
from order_pipeline.recovery.settling import schedules_are_off
from order_pipeline.redaction.secrets import hide_secrets_of
from order_pipeline.settings import Settings, load_settings


def build_definitions(
    settings: Settings, *, pipeline: PipelineResource | None = None, keep_workers: bool = False
) -> dg.Definitions:
    """Everything that Dagster knows about the pipeline.

    Args:
        settings: what is enabled, where the stores are, when things run.
        pipeline: the stores and the progress display of the caller; made from the settings when absent.
        keep_workers: sensors may start processes of their own, which read the settings from the environment.
    """
    redact_dagster()
    hide_secrets_of(settings)
    pipeline = pipeline or PipelineResource(settings)
    assets = _build_assets(settings, pipeline)
    reconciliation = build_reconciliation_check()
    return dg.Definitions.merge(
        dg.Definitions(
            assets=assets,
            asset_checks=[reconciliation],
            resources={"pipeline": pipeline},
            executor=dg.in_process_executor,
        ),
        _build_automation(settings, [*assets, reconciliation], keep_workers=keep_workers),
    )


def _build_assets(settings: Settings, pipeline: PipelineResource) -> list[dg.AssetsDefinition]:
    partitions = daily_partitions(settings.schedule)
    project = pipeline.project
    slice_days = settings.schedule.slice_days
    channels = settings.enabled_channels()
    return [
        *(build_raw_assets(channel, partitions, slice_days=slice_days) for channel in channels),
        *(asset for channel in channels for asset in build_staging_assets(project, channel.name)),
        *(build_core_assets(channel, project, partitions, slice_days=slice_days) for channel in channels),
        *build_reference_assets(project),
        *build_mart_assets(project),
        build_picking_assets([channel.name for channel in channels]),
        build_read_back_asset(),
        build_report_asset(),
    ]


def _build_automation(settings: Settings, assets: list[dg.AssetsDefinition], *, keep_workers: bool) -> dg.Definitions:
    """The jobs, and the schedules and sensors that start them."""
    channels = settings.enabled_channels()
    automation = settings.schedule
    source_jobs = [build_source_job(channel.name, channel.title) for channel in channels]
    emission_job = build_emission_job()
    housekeeping_job, housekeeping_schedule = build_housekeeping(settings)
    jobs = [
        *source_jobs,
        *(build_core_job(channel.name, channel.title) for channel in channels),
        build_views_job(),
        emission_job,
        housekeeping_job,
        build_read_back_job(),
        build_reconciliation_job(),
        build_report_job(),
        rebuild_job,
        resolve_pick_job,
        resolve_wave_job,
    ]
    sensors = [
        build_emission_after_sources(source_jobs, emission_job, sensor_status(is_on=automation.is_on("emission"))),
        build_alerts_sensor(settings, assets, sensor_status(is_on=automation.active)),
    ]
    for channel in channels:
        if channel.webhook is not None:
            inbox_job = build_inbox_job(channel, channel.webhook.reading, [each.name for each in channels])
            keep = WorkerProcess(channel.name).keep if keep_workers and automation.inbox_worker else None
            status = sensor_status(is_on=automation.is_on("inbox"))
            jobs.append(inbox_job)
            sensors.append(build_inbox_sensor(settings, channel.name, inbox_job, status, keep))
        if channel.commands is not None:
            jobs.append(build_action_job(channel, channel.commands))
    return dg.Definitions(
        jobs=jobs,
        schedules=[
            *(
                schedule
                for each in channels
                for schedule in build_channel_schedules(each, settings.of_channel(each.name), automation)
            ),
            build_emission_schedule(automation),
            build_read_back_schedule(automation),
            build_reconciliation_schedule(automation),
            housekeeping_schedule,
        ],
        sensors=sensors,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Load the settings and build the definitions; called by Dagster, not at import.

    After a restore the schedules start switched off, whatever the setting says, until a person calls the gap settled.
    """
    close_new_files()
    redact_dagster()  # settings that are wrong are an error, too
    settings = load_settings()
    if schedules_are_off(settings):
        settings.schedule.active = False
    return build_definitions(settings, keep_workers=True)
