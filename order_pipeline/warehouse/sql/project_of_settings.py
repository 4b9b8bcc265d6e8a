"""The SQL project as the settings decide it."""

from __future__ import annotations

from typing import Any

from order_pipeline.channels import registry
from order_pipeline.settings import Settings
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject


def variables_of(settings: Settings) -> dict[str, Any]:
    """The variables that settings decide: whose orders are picked, what no payload says."""
    variables: dict[str, Any] = {
        "picked_channels": settings.picked_channels(),
        "barcode_fallback": settings.picking.barcode_fallback,
        "locations": {name: settings.of_channel(name).locations for name in registry.NAMES},
        "channel_floors": {name: settings.of_channel(name).floor for name in registry.NAMES},
        "other_locations": {name: settings.of_channel(name).other_locations for name in registry.NAMES},
        "channels_with_sightings": [name for name in registry.NAMES if _is_told(settings, name)],
        "call_budgets": {name: settings.of_channel(name).model_dump().get("call_budget") for name in registry.NAMES},
    }
    for name, channel in registry.channels().items():
        variables |= channel.sql_variables(settings.of_channel(name))
    return variables


def _is_told(settings: Settings, channel: str) -> bool:
    """Whether the channel is on, and a model of its own tells when each status of its orders was first seen."""
    models = (PROJECT_DIRECTORY / "models").glob(f"*/{channel}/int_{channel}__order_sightings.sql")
    return settings.of_channel(channel).enabled and any(models)


def project_for(settings: Settings) -> SqlProject:
    """The SQL project with the variables that settings decide."""
    return SqlProject(variables=variables_of(settings))
