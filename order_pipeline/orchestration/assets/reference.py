"""`reference/*`: what people keep, not channels: where items lie, and the SQL project's seeds (status mappings ...)."""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownMemberType=false
# (Dagster refuses `MaterializeResult[Any]` as the return type of an asset with checks)

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from order_pipeline.contracts import ItemLocations, table_contract
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import ITEM_LOCATIONS_KEY, OWNERS, REFERENCE_GROUP, model_key, table_schema
from order_pipeline.reference.item_locations import item_locations_path, items_loaded_elsewhere, load_item_locations
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject

BARCODE_CHECK = "barcodes_are_plausible"
MOST_SHOWN = 20


def build_reference_assets(project: SqlProject) -> list[dg.AssetsDefinition]:
    """Item locations, and one asset a seed."""

    @dg.asset(
        key=ITEM_LOCATIONS_KEY,
        group_name=REFERENCE_GROUP,
        kinds={"csv", "pandera", "duckdb"},
        owners=OWNERS,
        description=(
            f"{table_contract(ItemLocations).description}\n\nFrom `reference/item_locations.csv` (or `.xlsx`)"
            " in the data directory. One bad line refuses the whole file: a wrong bin sends a person the wrong way."
        ),
        metadata={
            "dagster/table_name": "lake.reference.item_locations",
            "dagster/column_schema": table_schema(ItemLocations),
        },
        check_specs=[
            dg.AssetCheckSpec(
                BARCODE_CHECK, asset=ITEM_LOCATIONS_KEY, description="Barcodes that look like a GTIN are valid ones."
            )
        ],
    )
    def item_locations(pipeline: dg.ResourceParam[PipelineResource]) -> dg.MaterializeResult:
        path = item_locations_path(pipeline.settings)
        pipeline.prepare_stores()
        if items := items_loaded_elsewhere(pipeline.lake, path):
            return dg.MaterializeResult(
                metadata={"dagster/row_count": items, "file": "another machine's", "changed": False},
                check_results=[dg.AssetCheckResult(check_name=BARCODE_CHECK, passed=True)],
            )
        loaded = load_item_locations(pipeline.lake, path, floors=pipeline.settings.floor_settings)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": loaded.rows,
                "file": dg.MetadataValue.path(str(path)),
                "changed": loaded.changed,
                "mended while reading": dg.MetadataValue.json(list(loaded.repairs[:MOST_SHOWN])),
            },
            data_version=_version_of(path),
            check_results=[
                dg.AssetCheckResult(
                    check_name=BARCODE_CHECK,
                    passed=not loaded.doubtful_barcodes,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={
                        "doubtful": len(loaded.doubtful_barcodes),
                        "first ones": dg.MetadataValue.json(list(loaded.doubtful_barcodes[:MOST_SHOWN])),
                    },
                )
            ],
        )

    @dg.multi_asset(
        name="load_seeds",
        specs=[
            dg.AssetSpec(
                model_key(SEED_SCHEMA, name),
                group_name=REFERENCE_GROUP,
                kinds={"csv", "duckdb"},
                owners=OWNERS,
                description=f"The seed `dbt_style_sql/seeds/{path.name}`: mappings as data, one line a value.",
                metadata={"dagster/table_name": f"lake.{SEED_SCHEMA}.{name}"},
            )
            for name, path in project.seeds.items()
        ],
        description="Loads the seeds that differ from what the lake holds.",
    )
    def load_seeds(pipeline: dg.ResourceParam[PipelineResource]) -> Iterator[dg.MaterializeResult[Any]]:
        pipeline.deploy_models()
        for name, path in project.seeds.items():
            rows = pipeline.count_rows(f"{SEED_SCHEMA}.{name}")
            yield dg.MaterializeResult(
                asset_key=model_key(SEED_SCHEMA, name),
                metadata={"dagster/row_count": rows},
                data_version=_version_of(path),
            )

    return [item_locations, load_seeds]


def _version_of(file: Path) -> dg.DataVersion:
    """The file's content: loading the same again makes nothing outdated that reads it."""
    return dg.DataVersion(hashlib.sha256(file.read_bytes()).hexdigest()[:16])
