"""Assets of the SQL project: staging views of each channel, and the marts. Dependencies are read from the SQL.

A model is a view: materialising it deploys its SQL where that changed, and its rows are always those of now.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import (
    MARTS_GROUP,
    OWNERS,
    PICK_STATUS_KEY,
    REFERENCE_GROUP,
    SOFT_CHECKS_GROUP,
    core_key,
    model_key,
    raw_key,
)
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlModel, SqlProject

STAGING, MARTS = ("staging", "intermediate"), "marts"
COMMON, CHECKS = "common", "checks"
PICK_STATES = ("core", "pick_status")

COMMENT = re.compile(r"\A(?:\s*--[^\n]*\n)+")
"""A model's first comment lines say what it is; the UI shows them."""


def staging_models(project: SqlProject, folder: str) -> list[SqlModel]:
    """The models below the marts of one folder (a channel's, or `common`), each after those that it reads."""
    return [model for model in _in_order(project) if model.schema in STAGING and model.path.parent.name == folder]


def build_staging_assets(project: SqlProject, source: str) -> list[dg.AssetsDefinition]:
    """The staging views of one channel; none while it has no SQL."""
    models = staging_models(project, source)
    return [_build_model_assets(f"deploy_{source}_staging", source, models, project)] if models else []


def build_common_assets(project: SqlProject) -> list[dg.AssetsDefinition]:
    """The staging views that all channels share: a step each, because core reads some, and others read core."""
    return [
        _build_model_assets(f"deploy_{model.name}", REFERENCE_GROUP, [model], project)
        for model in staging_models(project, COMMON)
    ]


def build_mart_assets(project: SqlProject) -> list[dg.AssetsDefinition]:
    """The marts in three steps: those on core, those on what the floor shows, and the soft checks as views."""
    marts = [model for model in _in_order(project) if model.schema == MARTS]
    checks = [model for model in marts if model.path.parent.name == CHECKS]
    on_the_floor = [model for model in marts if PICK_STATES in project.sources_of([model.name])]
    on_core = [model for model in marts if model not in checks and model not in on_the_floor]
    steps = [
        ("build_marts", MARTS_GROUP, on_core),
        ("build_marts_of_the_floor", MARTS_GROUP, on_the_floor),
        ("deploy_soft_checks", SOFT_CHECKS_GROUP, checks),
    ]
    return [_build_model_assets(step, group, models, project) for step, group, models in steps if models]


def _in_order(project: SqlProject) -> list[SqlModel]:
    return [project.models[name] for name in project.upstream(project.models)]


def _build_model_assets(step: str, group: str, models: Sequence[SqlModel], project: SqlProject) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=step,
        specs=[_spec(model, group, project) for model in models],
        description="Deploys the views whose SQL changed, and counts what each shows now.",
    )
    def deploy(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        deployment = pipeline.deploy_models()
        for model in models:
            state = "unchanged" if model.name in deployment.unchanged else "deployed"
            if model.name in deployment.waiting:
                state = "waits for a table that it reads"
                context.log.warning("%s %s", model.relation, state)
            yield dg.MaterializeResult(asset_key=model_key(model.schema, model.name), metadata={"state": state})

    return deploy


def _spec(model: SqlModel, group: str, project: SqlProject) -> dg.AssetSpec:
    return dg.AssetSpec(
        model_key(model.schema, model.name),
        deps=sorted(_dependencies(model, project)),
        description=_description(model),
        group_name=group,
        kinds={"sql", "duckdb"},
        owners=OWNERS,
        code_version=project.fingerprint([model.name]),
        metadata={"dagster/table_name": f"lake.{model.relation}"},
    )


def _dependencies(model: SqlModel, project: SqlProject) -> set[dg.AssetKey]:
    """The assets that the model's SQL reads. Bookkeeping tables and the operations store are none."""
    rendered = project.graph[model.name]
    keys = {
        model_key(project.models[name].schema if name in project.models else SEED_SCHEMA, name)
        for name in rendered.refs
    }
    for schema, table in rendered.sources:
        if schema == "raw":
            keys |= keys_of_raw(table)
        elif (schema, table) == PICK_STATES:
            keys.add(PICK_STATUS_KEY)
        elif schema == "core" and table in CORE_TABLES:
            keys |= {core_key(name, table) for name in registry.NAMES if _is_about(model, name)}
        elif schema == SEED_SCHEMA:
            keys.add(model_key(schema, table))
    return keys


def _is_about(model: SqlModel, source: str) -> bool:
    """Whether the model reads the channel's rows: all channels', unless its name ends with one channel."""
    ending = model.name.rpartition("__")[2]
    return ending not in registry.NAMES or ending == source


def keys_of_raw(table: str) -> set[dg.AssetKey]:
    """The raw asset behind a raw table or its view of current versions; none for bookkeeping tables."""
    name = table.removesuffix("_current")
    return {
        raw_key(channel.name, resource)
        for channel in registry.channels().values()
        for resource in channel.resources
        if name == f"{channel.name}_{resource}"
    }


def _description(model: SqlModel) -> str:
    found = COMMENT.match(model.template)
    lines = [line.strip().removeprefix("--").strip() for line in found.group().splitlines()] if found else []
    return " ".join(line for line in lines if line)
