"""`core/<source>/<table>`: the common order schema, one channel's rows of it, checked and partitioned by order day.

One step a channel builds all tables of its days together, so that an order and its lines change in one transaction.
Rows that break a rule are in `quarantine.rejects`; the blocking check reads back what was stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.contracts import CORE_TABLES, contracts_fingerprint, table_contract
from order_pipeline.orchestration.assets.owed_days import owed_days_check, owed_days_spec
from order_pipeline.orchestration.assets.sql_models import keys_of_raw
from order_pipeline.orchestration.jobs import REBUILD_TAG
from order_pipeline.orchestration.partitions import utc_today, window_of
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import OWNERS, core_key, model_key, raw_key, table_schema
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
    """The ten core tables of one channel, built by one step."""

    @dg.multi_asset(
        name=f"build_{channel.name}_core",
        specs=[_spec(channel, table, project, partitions) for table in CORE_TABLES],
        check_specs=_check_specs(channel.name),
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
        if unforeseen := result.rejects_by_rule[UNFORESEEN]:
            context.log.error("%s %s", unforeseen, UNFORESEEN_ADVICE)
        for table in CORE_TABLES:
            key = core_key(channel.name, table)
            stored = read_stored_rows(pipeline.lake, table, channel.name, days)
            for day in days:
                counted = {"dagster/partition_row_count": stored.by_day.get(day, 0)}
                context.add_asset_metadata(counted, asset_key=key, partition_key=day.isoformat())
            checks = [contract_check(channel.name, table, stored)]
            if table == "orders":
                checks += [_quarantine_check(channel.name, result, read_open_rejects(pipeline.lake, channel.name))]
                checks += [_soft_check(channel.name, result), owed_days_check(key, result)]
                checks += [volume_check(pipeline.lake, channel.name, days)]
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(result, table, stored), check_results=checks)

    return build


def _spec(
    channel: Channel[Any], table: str, project: SqlProject, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetSpec:
    model = CORE_TABLES[table]
    staged = f"stg_{channel.name}__{table}"
    is_staged = staged in project.models
    description = table_contract(model).description
    if table in channel.never_filled:
        description = f"Always empty for {channel.title}: {channel.never_filled[table]}\n\n{description}"
    return dg.AssetSpec(
        core_key(channel.name, table),
        deps=_dependencies(channel, project, [staged] if is_staged else []),
        description=description,
        group_name=channel.name,
        kinds={"sql", "pandera", "duckdb"},
        owners=OWNERS,
        partitions_def=partitions,
        code_version=contracts_fingerprint([model]) + (project.fingerprint([staged]) if is_staged else ""),
        metadata={
            "dagster/table_name": f"lake.core.{table}",
            "dagster/column_schema": table_schema(CORE_TABLES[table]),
        },
    )


def _dependencies(channel: Channel[Any], project: SqlProject, staged: list[str]) -> list[dg.AssetKey]:
    """The table's staging view, and the raw tables it reads: the build reads raw itself, through the view's SQL.

    A table without staging is still built after raw, in the same step as the others.
    """
    raw_keys = {key for schema, table in project.sources_of(staged) if schema == "raw" for key in keys_of_raw(table)}
    return [
        *(model_key("staging", name) for name in staged),
        *(sorted(raw_keys) or [raw_key(channel.name, resource) for resource in channel.resources]),
    ]


def _check_specs(source: str) -> list[dg.AssetCheckSpec]:
    contract = [
        dg.AssetCheckSpec(
            CONTRACT_CHECK,
            asset=core_key(source, table),
            blocking=True,
            description="Read back from the lake: every key once, and no row without its order.",
        )
        for table in CORE_TABLES
    ]
    orders = core_key(source, "orders")
    return [
        *contract,
        dg.AssetCheckSpec(
            QUARANTINE_CHECK, asset=orders, description="No reject of the channel is open (`quarantine.rejects`)."
        ),
        dg.AssetCheckSpec(
            SOFT_CHECK, asset=orders, description="No row of these days looks wrong (`quarantine.warnings`)."
        ),
        dg.AssetCheckSpec(
            VOLUME_CHECK,
            asset=orders,
            description=f"Days that are over have about as many orders as their weekday had in {WEEKS} weeks before.",
        ),
        owed_days_spec(orders),
    ]


def _metadata(result: CoreResult, table: str, stored: StoredRows) -> dict[str, Any]:
    return {
        "rows on these days": stored.rows,
        "rows written": result.rows.get(table, 0),
        "days built": len(result.days),
        "days unchanged": len(result.skipped_days),
        "rejected rows (all tables)": result.rejected_rows,
        "unforeseen records": result.rejects_by_rule[UNFORESEEN],
        "chunks built in halves": result.halvings,
        "seconds (all tables)": round(result.seconds, 2),
    }


def contract_check(source: str, table: str, stored: StoredRows) -> dg.AssetCheckResult:
    """Whether what was read back of a table keeps its contract: every key once, no row without its order."""
    return dg.AssetCheckResult(
        check_name=CONTRACT_CHECK,
        asset_key=core_key(source, table),
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
        asset_key=core_key(source, "orders"),
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
            "new": changes.opened,
            "still there": changes.still_open,
            "healed": changes.resolved,
        },
    )


def _soft_check(source: str, result: CoreResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=SOFT_CHECK,
        asset_key=core_key(source, "orders"),
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
        asset_key=core_key(source, "orders"),
        passed=not unusual,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(each.describe() for each in unusual) or "No day is unusual, as far as weeks are known.",
        metadata={"unusual days": len(unusual)},
    )
