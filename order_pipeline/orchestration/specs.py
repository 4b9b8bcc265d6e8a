"""What several assets and jobs share: asset keys, groups, owners, the columns of a contract."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.channels.settings import EVERYTHING
from order_pipeline.contracts import Model, table_contract

OWNERS = ["team:order-pipeline"]

RAW_GROUP = "raw"
STAGING_GROUP = "staging"
CORE_GROUP = "core"
MARTS_GROUP = "marts"
FLOOR_GROUP = "floor"
REFERENCE_GROUP = "reference"

CHANNEL_TAG = "channel"
"""The asset tag that names the channel; the groups are the layers, so this is the map's second dimension."""


def raw_key(source: str, name: str) -> dg.AssetKey:
    """`raw/<source>/<name>`: raw tables that are always read together (see `raw_assets`)."""
    return dg.AssetKey(["raw", source, name])


def raw_assets(channel: Channel[Any]) -> Mapping[str, Sequence[str]]:
    """What of the channel can be fetched alone, by the name of its asset, with the raw tables (resources) it fills.

    A table that two families bring is of the smaller one.
    """
    if channel.families:
        return {
            family: [each for each in brought if channel.families_of([each]) == [family]]
            for family, brought in channel.families.items()
        }
    resources = list(channel.resources)
    return {resources[0] if len(resources) == 1 else EVERYTHING: resources}


def staging_key(source: str) -> dg.AssetKey:
    """`staging/<source>`: the views between raw and core of one channel, or those that all share (`common`)."""
    return dg.AssetKey(["staging", source])


def core_key(source: str) -> dg.AssetKey:
    """`core/<source>`: the channel's rows of all core tables, which one transaction changes together."""
    return dg.AssetKey(["core", source])


def channel_selection(source: str, *groups: str) -> dg.AssetSelection:
    """The channel's assets in these groups."""
    return dg.AssetSelection.groups(*groups) & dg.AssetSelection.tag(CHANNEL_TAG, source)


def model_key(schema: str, name: str) -> dg.AssetKey:
    """`<schema>/<name>` of a SQL model or a reference table."""
    return dg.AssetKey([schema, name])


def table_schema(model: Model) -> dg.TableSchema:
    """The columns of a contract, for the asset's page."""
    table = table_contract(model)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.duckdb_type,
                description=column.description + (" (personal data)" if column.personal else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=table.key == (column.name,), other=list(column.constraints)
                ),
            )
            for column in table.columns
        ]
    )


PICKING_ORDERS_KEY = dg.AssetKey(["floor", "picking_orders"])
PICK_STATUS_KEY = dg.AssetKey(["floor", "pick_status"])
ITEM_LOCATIONS_KEY = model_key("reference", "item_locations")
PICK_RULES_KEY = model_key("marts", "pick_rules")
SOFT_CHECKS_KEY = model_key("marts", "soft_checks")
CERTIFICATES_KEY = model_key("marts", "certificates")
REPORT_KEY = model_key("marts", "report")
RECONCILIATION_CHECK = "places_agree"
