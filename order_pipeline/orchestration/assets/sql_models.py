"""Assets of the SQL project: each channel's staging views as one, and the marts. Dependencies are read from the SQL.

A model is a view: materialising it deploys its SQL where that changed, and its rows are always those of now. Its data
version is its SQL, so new rows beneath make it no older. An asset is what a person reads by its name; helpers are
folded: all views of a channel below core into `staging/<channel>`, what decides who is picked into `marts/pick_rules`,
the soft checks into `marts/soft_checks`, what is proved to be complete into `marts/certificates`. Views that the
channels share are deployed too, and are part of no asset.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES
from order_pipeline.orchestration.assets.mart_metadata import mart_metadata
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import (
    CERTIFICATES_KEY,
    CHANNEL_TAG,
    MARTS_GROUP,
    OWNERS,
    PICK_RULES_KEY,
    PICK_STATUS_KEY,
    PICKING_ORDERS_KEY,
    SOFT_CHECKS_KEY,
    STAGING_GROUP,
    core_key,
    model_key,
    raw_assets,
    raw_key,
    staging_key,
)
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlModel, SqlProject

BELOW_CORE, MARTS = ("staging", "intermediate"), "marts"
CHECKS = "checks"
PICK_RULES = (
    *("named_locations", "open_days", "pick_candidates", "pick_days", "pick_findings", "shipping_locations"),
    "unsettled_days",
)
"""Helpers of the picks beside those in the channels' folders."""
CERTIFICATES = ("completeness", "day_certificates", "reading_bounds", "window_certificates")
PICK_STATES = ("core", "pick_status")

COMMENT = re.compile(r"\A(?:\s*--[^\n]*\n)+")
"""A model's first comment lines say what it is; the UI shows them."""
FOLDED = {
    PICK_RULES_KEY: "Who is picked, and what stands in the way: each channel's policy, and the locations of our floor.",
    CERTIFICATES_KEY: "What of each window and day is proved to be there, and how far such proofs can be trusted.",
    SOFT_CHECKS_KEY: "What looks wrong and stops nothing; each build counts its days' cases in `quarantine.warnings`.",
}


def staging_models(project: SqlProject, channel: str) -> list[SqlModel]:
    """The models of one channel below the marts, each after those that it reads."""
    return [model for model in _in_order(project) if asset_of(model) == staging_key(channel)]


def build_staging_assets(project: SqlProject, source: str) -> list[dg.AssetsDefinition]:
    """The staging views of one channel as one asset; none while it has no SQL."""
    models, key = staging_models(project, source), staging_key(source)
    if not models:
        return []
    spec = _spec(key, models, project, f"From raw to the columns of core, as SQL views of {source}.", source)
    return [_build_model_assets(f"deploy_{source}_staging", {key: models}, [spec], project)]


def build_mart_assets(project: SqlProject) -> list[dg.AssetsDefinition]:
    """The marts in two steps: those on core, and those on what the floor shows."""
    models = defaultdict[dg.AssetKey, list[SqlModel]](list)
    for model in _in_order(project):
        if model.schema == MARTS and (key := asset_of(model)):
            models[key].append(model)
    steps = defaultdict[str, dict[dg.AssetKey, list[SqlModel]]](dict)
    for key, folded in models.items():
        is_of_the_floor = PICK_STATES in project.sources_of([model.name for model in folded])
        steps["build_marts_of_the_floor" if is_of_the_floor else "build_marts"][key] = folded
    return [
        _build_model_assets(
            step, made, [_spec(key, folded, project, FOLDED.get(key, "")) for key, folded in made.items()], project
        )
        for step, made in steps.items()
    ]


def asset_of(model: SqlModel) -> dg.AssetKey | None:
    """The asset that the model is, or is folded into; None for the views that channels share."""
    folder = model.path.parent.name
    if model.schema in BELOW_CORE:
        return staging_key(folder) if folder in registry.NAMES else None
    if folder == CHECKS:
        return SOFT_CHECKS_KEY
    if folder in registry.NAMES or model.name in PICK_RULES:
        return PICK_RULES_KEY
    if model.name in CERTIFICATES:
        return CERTIFICATES_KEY
    return model_key(model.schema, model.name)


def _in_order(project: SqlProject) -> list[SqlModel]:
    return [project.models[name] for name in project.upstream(project.models)]


def _build_model_assets(
    step: str, models: Mapping[dg.AssetKey, Sequence[SqlModel]], specs: Sequence[dg.AssetSpec], project: SqlProject
) -> dg.AssetsDefinition:
    @dg.multi_asset(name=step, specs=specs, description="Deploys the views whose SQL changed.")
    def deploy(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        deployment = pipeline.deploy_models()
        marts = {key: each[0].name for key, each in models.items() if len(each) == 1 and each[0].schema == MARTS}
        said = mart_metadata(context, pipeline, marts, datetime.now(UTC))
        for key, folded in models.items():
            names = [model.name for model in folded]
            waiting = [name for name in names if name in deployment.waiting]
            if waiting:
                context.log.warning("wait for a table that they read: %s", ", ".join(waiting))
            put_back = [name for name in names if name in deployment.put_back]
            if put_back:
                context.log.warning("somebody replaced these views; they are put back: %s", ", ".join(put_back))
            deployed = [name for name in names if name in deployment.created]
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    **said.get(key, {}),
                    "views": len(names),
                    "deployed now": len(deployed),
                    "wait for a table": len(waiting),
                },
                data_version=dg.DataVersion(project.fingerprint(names)),
            )

    return deploy


def _spec(
    key: dg.AssetKey, models: Sequence[SqlModel], project: SqlProject, what: str, channel: str | None = None
) -> dg.AssetSpec:
    """Of a channel: staging; else a mart."""
    names = [model.name for model in models]
    table = {"dagster/table_name": f"lake.{models[0].relation}"} if len(models) == 1 else {}
    return dg.AssetSpec(
        key,
        deps=sorted({read for model in models for read in _dependencies(model, project)} - {key}),
        description=_list_of(models, what) if what else _description(models[0]),
        group_name=STAGING_GROUP if channel else MARTS_GROUP,
        kinds={"sql", "duckdb"},
        owners=OWNERS,
        tags={CHANNEL_TAG: channel} if channel else {},
        code_version=project.fingerprint(names),
        metadata=table,
    )


def _dependencies(model: SqlModel, project: SqlProject) -> set[dg.AssetKey]:
    """The assets that the model's SQL reads. Bookkeeping tables and the operations store are none."""
    rendered = project.graph[model.name]
    keys = set[dg.AssetKey]()
    for name in rendered.refs:
        read = project.models.get(name)
        if read is None:
            keys.add(model_key(SEED_SCHEMA, name))
        elif key := asset_of(read):
            keys.add(key)
        else:
            keys |= _dependencies(read, project)
    for schema, table in rendered.sources:
        if schema == "raw":
            keys |= keys_of_raw(table)
        elif (schema, table) == PICK_STATES:
            keys |= {PICK_STATUS_KEY, PICKING_ORDERS_KEY}  # both write it
        elif schema == "core" and table in CORE_TABLES:
            keys |= {core_key(name) for name in registry.NAMES if _is_about(model, name)}
        elif schema == SEED_SCHEMA:
            keys.add(model_key(schema, table))
    return keys


def _is_about(model: SqlModel, source: str) -> bool:
    """Whether the model reads the channel's rows: all channels', unless its name ends with one channel."""
    ending = model.name.rpartition("__")[2]
    return ending not in registry.NAMES or ending == source


def keys_of_raw(table: str) -> set[dg.AssetKey]:
    """The raw asset that fills a raw table or the one beneath a view of current versions; none for bookkeeping."""
    name = table.removesuffix("_current")
    return {
        raw_key(channel.name, asset)
        for channel in registry.channels().values()
        for asset, resources in raw_assets(channel).items()
        if name in {f"{channel.name}_{resource}" for resource in resources}
    }


def _description(model: SqlModel) -> str:
    found = COMMENT.match(model.template)
    lines = [line.strip().removeprefix("--").strip() for line in found.group().splitlines()] if found else []
    return " ".join(line for line in lines if line)


def _list_of(models: Sequence[SqlModel], what: str) -> str:
    """What the views are for together, and each with its own first sentence."""
    return "\n".join([f"{what}\n", *(f"- `{model.relation}`: {_description(model)}" for model in models)])
