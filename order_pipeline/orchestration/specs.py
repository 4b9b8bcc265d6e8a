"""What several assets and jobs share: asset keys, groups, owners, the columns of a contract."""

from __future__ import annotations

import dagster as dg

from order_pipeline.contracts import Model, table_contract

OWNERS = ["team:order-pipeline"]

REFERENCE_GROUP = "reference"
MARTS_GROUP = "marts"
SOFT_CHECKS_GROUP = "soft_checks"
PICKING_GROUP = "scanorders"
READ_BACK_GROUP = "scanorders_read_back"


def raw_key(source: str, resource: str) -> dg.AssetKey:
    """`raw/<source>_<resource>`, as the table is called in the lake."""
    return dg.AssetKey(["raw", f"{source}_{resource}"])


def core_key(source: str, table: str) -> dg.AssetKey:
    """`core/<source>/<table>`: one table of the lake, one asset for each channel that fills it."""
    return dg.AssetKey(["core", source, table])


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


PICKING_ORDERS_KEY = dg.AssetKey(["scanorders", "picking_orders"])
PICK_STATUS_KEY = dg.AssetKey(["scanorders", "pick_status"])
ITEM_LOCATIONS_KEY = model_key("reference", "item_locations")
