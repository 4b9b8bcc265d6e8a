"""`core/<source>`: the common order schema, one channel's rows of all its tables, checked and partitioned by order day.

One step builds all tables of the days together, so that an order and its lines change in one transaction: one asset.
Each table has its own columns, row counts by day and check on it.
Rows that break a rule are in `quarantine.rejects`; the blocking check reads back what was stored.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.contracts import CORE_TABLES, contracts_fingerprint, table_contract
from order_pipeline.orchestration.assets.owed_days import owed_days_check, owed_days_spec
from order_pipeline.orchestration.assets.sql_models import staging_models
from order_pipeline.orchestration.jobs import REBUILD_TAG
from order_pipeline.orchestration.origins import note_found
from order_pipeline.orchestration.partitions import utc_today, window_of
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import (
    CHANNEL_TAG,
    CORE_GROUP,
    OWNERS,
    core_key,
    raw_assets,
    raw_key,
    staging_key,
    table_schema,
)
from order_pipeline.orchestration.stored_rows import StoredRows, read_open_rejects, read_stored_rows
from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.core.last_net import UNFORESEEN
from order_pipeline.warehouse.core.volume import WEEKS, read_unusual_days
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject

CONTRACT_CHECK = "contract_holds"
QUARANTINE_CHECK = "nothing_in_quarantine"
SOFT_CHECK = "soft_rules"
VOLUME_CHECK = "volume_as_usual"
UNFORESEEN_ADVICE = (
    "records stopped the build for a reason that the code does not foresee. They are in quarantine as `unforeseen`, all"
    " others are built: report the message with `order-pipeline quarantine list`."
)


def build_core_assets(
    channel: Channel[Any], project: SqlProject, partitions: dg.PartitionsDefinition[str], *, slice_days: int = 31
) -> dg.AssetsDefinition:
    """The core tables of one channel, built by one step."""
    tables = filled_tables(channel)

    @dg.multi_asset(
        name=f"build_{channel.name}_core",
        specs=[_spec(channel, tables, project, partitions)],
        check_specs=_check_specs(channel.name, tables),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(slice_days),
        description=f"Brings core in line with what {channel.title} delivered, for its days and a slice of those owed.",
    )
    def build(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days = window_of(list(context.partition_keys)).days
        pipeline.advance(f"{channel.title}: building core", 0)
        result = pipeline.build_core(channel.name, days, context.run.run_id, anew=REBUILD_TAG in context.run.tags)
        note_found(context.instance, context.run.run_id, changes=bool(result.days))
        context.log.info("%s", _story(result))
        if unforeseen := result.rejects_by_rule[UNFORESEEN]:
            context.log.error("%s %s", unforeseen, UNFORESEEN_ADVICE)
        stored = {table: read_stored_rows(pipeline.lake, table, channel.name, days) for table in tables}
        for day in days:
            context.add_asset_metadata(core_figures(day, stored, result.days), partition_key=day.isoformat())
        yield dg.MaterializeResult(
            asset_key=core_key(channel.name),
            check_results=[
                *(contract_check(channel.name, table, stored[table]) for table in tables),
                _quarantine_check(channel.name, result, read_open_rejects(pipeline.lake, channel.name)),
                _soft_check(channel.name, result),
                owed_days_check(core_key(channel.name), result),
                volume_check(pipeline.lake, channel.name, days),
            ],
        )

    return build


def filled_tables(channel: Channel[Any]) -> list[str]:
    """The core tables that the channel has rows for."""
    return [table for table in CORE_TABLES if table not in channel.never_filled]


def contract_check_name(table: str) -> str:
    """The name of the check that reads one core table back."""
    return f"{table}_{CONTRACT_CHECK}"


def _spec(
    channel: Channel[Any], tables: Sequence[str], project: SqlProject, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetSpec:
    staged = [name for table in tables if (name := f"stg_{channel.name}__{table}") in project.models]
    models = [CORE_TABLES[table] for table in tables]
    return dg.AssetSpec(
        core_key(channel.name),
        deps=_dependencies(channel, project),
        description=_description(channel, tables),
        group_name=CORE_GROUP,
        kinds={"sql", "pandera", "duckdb"},
        owners=OWNERS,
        tags={CHANNEL_TAG: channel.name},
        partitions_def=partitions,
        code_version=contracts_fingerprint(models) + project.fingerprint(staged),
        metadata={f"columns of core.{table}": table_schema(CORE_TABLES[table]) for table in tables},
    )


def _description(channel: Channel[Any], tables: Sequence[str]) -> str:
    """What each table holds, and which the channel cannot fill, with the reason."""
    return "\n".join(
        [
            f"{channel.title}'s rows of the common schema, by order day. An order and its lines change together.\n",
            *(f"- `core.{table}`: {table_contract(CORE_TABLES[table]).description}" for table in tables),
            *(f"- no `core.{table}`: {why}" for table, why in channel.never_filled.items()),
        ]
    )


def _dependencies(channel: Channel[Any], project: SqlProject) -> list[dg.AssetKey]:
    """The staging views, and the channel's raw tables: the build reads raw itself, through the views' SQL.

    A job has raw and core without the views between them; naming raw here orders its steps.
    """
    staged = [staging_key(channel.name)] if staging_models(project, channel.name) else []
    return [*staged, *(raw_key(channel.name, name) for name in raw_assets(channel))]


def _check_specs(source: str, tables: Sequence[str]) -> list[dg.AssetCheckSpec]:
    key = core_key(source)
    return [
        *(
            dg.AssetCheckSpec(
                contract_check_name(table),
                asset=key,
                blocking=True,
                description=f"`core.{table}`, read back: every key once, and no row without its order.",
            )
            for table in tables
        ),
        dg.AssetCheckSpec(
            QUARANTINE_CHECK, asset=key, description="No reject of the channel is open (`quarantine.rejects`)."
        ),
        dg.AssetCheckSpec(
            SOFT_CHECK, asset=key, description="No row of these days looks wrong (`quarantine.warnings`)."
        ),
        dg.AssetCheckSpec(
            VOLUME_CHECK,
            asset=key,
            description=f"Days that are over have about as many orders as their weekday had in {WEEKS} weeks before.",
        ),
        owed_days_spec(key),
    ]


def core_figures(day: date, stored: Mapping[str, StoredRows], built: Collection[date]) -> dict[str, Any]:
    """What core holds of one day. Each figure of a table is a small plot over the days on the asset's page."""
    counted = {table: rows.by_day.get(day, 0) for table, rows in stored.items()}
    return {**counted, "built in this run": day in built, "dagster/partition_row_count": sum(counted.values())}


def _story(result: CoreResult) -> str:
    return (
        f"days built: {len(result.days)}, unchanged: {len(result.skipped_days)}, rows written: {result.rows.total():,},"
        f" rejected: {result.rejected_rows:,}, in {result.seconds:.1f} s"
    )


def contract_check(source: str, table: str, stored: StoredRows) -> dg.AssetCheckResult:
    """Whether what was read back of a table keeps its contract: every key once, no row without its order."""
    return dg.AssetCheckResult(
        check_name=contract_check_name(table),
        asset_key=core_key(source),
        passed=stored.is_sound,
        metadata={"rows": stored.rows, "repeated keys": stored.repeated_keys, "without their order": stored.orphans},
    )


def _quarantine_check(source: str, result: CoreResult, still_open: Mapping[str, int]) -> dg.AssetCheckResult:
    changes, unforeseen = result.quarantine, still_open.get(UNFORESEEN, 0)
    waits = (
        "`order-pipeline quarantine list` shows them. Each resolves by itself once its record arrives"
        " readable; `quarantine close` closes one by hand."
    )
    return dg.AssetCheckResult(
        check_name=QUARANTINE_CHECK,
        asset_key=core_key(source),
        passed=not still_open,
        # An error is an incident; it stops nothing, for the check does not block.
        severity=dg.AssetCheckSeverity.ERROR if unforeseen else dg.AssetCheckSeverity.WARN,
        description=(f"{unforeseen} {UNFORESEEN_ADVICE}" if unforeseen else waits)
        if still_open
        else "No reject is open.",
        metadata={
            "open rejects": sum(still_open.values()),
            "open by rule": dg.MetadataValue.json(dict(still_open)),
            "rejected rows of these days": result.rejected_rows,
            "by rule": dg.MetadataValue.json(result.rejects_by_rule),
            "unforeseen records": result.rejects_by_rule[UNFORESEEN],
            "chunks built in halves": result.halvings,
            "new": changes.opened,
            "still there": changes.still_open,
            "healed": changes.resolved,
        },
    )


def _soft_check(source: str, result: CoreResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=SOFT_CHECK,
        asset_key=core_key(source),
        passed=not result.warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "warnings": sum(warning.occurrences for warning in result.warnings),
            "by rule (keys are samples)": dg.MetadataValue.json(
                [
                    {
                        "rule": warning.rule,
                        "field": warning.field,
                        "count": warning.occurrences,
                        "sample": list(warning.sample),
                    }
                    for warning in result.warnings
                ]
            ),
        },
    )


def volume_check(lake: Lake, source: str, days: Sequence[date]) -> dg.AssetCheckResult:
    """A warning for days with far more or fewer orders than their weekday usually has. Today is not over."""
    unusual = read_unusual_days(lake, source, [day for day in days if day < utc_today()])
    return dg.AssetCheckResult(
        check_name=VOLUME_CHECK,
        asset_key=core_key(source),
        passed=not unusual,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(each.describe() for each in unusual) or "No day is unusual, as far as weeks are known.",
        metadata={"unusual days": len(unusual)},
    )
