"""The SQL project as the settings decide it."""

from __future__ import annotations

from typing import Any

from order_pipeline.channels import registry
from order_pipeline.settings import Settings
from order_pipeline.warehouse.sql.project import SqlProject


def variables_of(settings: Settings) -> dict[str, Any]:
    """The variables that settings decide: whose orders are picked, what no payload says."""
    variables: dict[str, Any] = {
        "picked_channels": settings.picked_channels(),
        "barcode_fallback": settings.picking.barcode_fallback,
        "locations": {name: settings.of_channel(name).locations for name in registry.NAMES},
        "channel_floors": {name: settings.of_channel(name).floor for name in registry.NAMES},
        "other_locations": {name: settings.of_channel(name).other_locations for name in registry.NAMES},
    }
    for name, channel in registry.channels().items():
        variables |= channel.sql_variables(settings.of_channel(name))
    return variables


def project_for(settings: Settings) -> SqlProject:
    """The SQL project with the variables that settings decide."""
    return SqlProject(variables=variables_of(settings))
