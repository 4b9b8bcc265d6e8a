"""The one `Definitions`: what the UI, the command line and the tests all run.

`build_definitions(settings)` takes everything from its argument; only the function that Dagster calls when it loads
this module reads the environment.
"""

from __future__ import annotations

import dagster as dg

from order_pipeline.orchestration.assets.core import build_core_assets
from order_pipeline.orchestration.assets.picking import build_picking_assets
from order_pipeline.orchestration.assets.raw import build_raw_assets
from order_pipeline.orchestration.assets.read_back import build_read_back_asset
from order_pipeline.orchestration.assets.reference import build_reference_assets
from order_pipeline.orchestration.assets.sql_models import build_common_assets, build_mart_assets, build_staging_assets
from order_pipeline.orchestration.automation import build_automation
from order_pipeline.orchestration.partitions import daily_partitions
from order_pipeline.orchestration.read_back_job import build_floor
from order_pipeline.orchestration.resource import Road
from order_pipeline.settings import Settings, load_settings


def build_definitions(settings: Settings, *, road: Road | None = None) -> dg.Definitions:
    """Everything that Dagster knows about the pipeline.

    Args:
        settings: what is enabled, where the stores are, when things run.
        road: the stores and the progress display of the caller; made from the settings when absent.
    """
    partitions = daily_partitions(settings.schedule)
    road = road or Road(settings)
    project = road.project
    channels = settings.enabled_channels()
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[
                *(build_raw_assets(channel, partitions) for channel in channels),
                *(asset for channel in channels for asset in build_staging_assets(project, channel.name)),
                *(build_core_assets(channel, project, partitions) for channel in channels),
                *build_reference_assets(project),
                *build_common_assets(project),
                *build_mart_assets(project),
                build_picking_assets([channel.name for channel in channels]),
                build_read_back_asset(),
            ],
            resources={"road": road},
            executor=dg.in_process_executor,
        ),
        build_automation(settings, channels),
        build_floor(settings),
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Load the settings and build the definitions; called by Dagster, not at import."""
    return build_definitions(load_settings())
