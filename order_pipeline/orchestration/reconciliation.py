"""The daily reconciliation: a check of the picks' copy, red while two places differ, and the job that evaluates it.

It counts as an error, so the alerts tell of it once, and once when it is over. It writes nothing and asks no API.
"""

# pyright: reportUnknownMemberType=false

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from order_pipeline.orchestration.jobs import NO_RETRY_TAGS, RECONCILIATION
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.schedules import status_of
from order_pipeline.orchestration.specs import PICK_STATUS_KEY, RECONCILIATION_CHECK
from order_pipeline.reconciliation.differences import Reconciliation
from order_pipeline.reconciliation.reconcile import reconcile_all
from order_pipeline.settings import ScheduleSettings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

RECONCILIATION_JOB = "reconciliation_job"
MOST_SHOWN = 10


def build_reconciliation_check() -> dg.AssetChecksDefinition:
    """The check; only its own job evaluates it."""

    @dg.asset_check(
        asset=PICK_STATUS_KEY,
        name=RECONCILIATION_CHECK,
        description="Raw and core, pick candidates and outbox, outbox and core.pick_status, outbox and read-back tell "
        "the same of the last days.",
    )
    def places_agree(
        context: dg.AssetCheckExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> dg.AssetCheckResult:
        pipeline.prepare_stores()
        pipeline.require_stores_agree()
        found = reconcile_all(pipeline.settings, pipeline.lake, pipeline.operations, datetime.now(UTC))
        for each in found.differences[:MOST_SHOWN]:
            context.log.error("%s, %s: %s; next: %s", each.comparison, each.key, each.reason, each.heal)
        return reconciliation_result(found)

    return places_agree


def reconciliation_result(found: Reconciliation) -> dg.AssetCheckResult:
    """Green while all places agree; what waits for an ordinary run is told and is no difference."""
    counts = Counter(f"{each.comparison}, {each.reason}" for each in found.differences)
    told = "; ".join(f"{what}: {count}" for what, count in counts.items())
    sample = found.differences[:MOST_SHOWN]
    return dg.AssetCheckResult(
        passed=found.agrees,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"Since {found.since}: {told}. `order-pipeline reconcile` lists them with what heals each."
        if counts
        else f"All places agree since {found.since}.",
        metadata={
            "differences": len(found.differences),
            "sample": dg.MetadataValue.json([f"{each.key}: {each.reason}; next: {each.heal}" for each in sample]),
            **{f"{each.comparison}: compared": each.checked for each in found.comparisons},
            **{f"{each.comparison}: waiting": each.waiting for each in found.comparisons},
            "seconds": found.seconds,
        },
    )


def build_reconciliation_job() -> "UnresolvedAssetJobDefinition":
    """The job of the check alone."""
    return dg.define_asset_job(
        RECONCILIATION_JOB,
        selection=RECONCILIATION,
        description="Compares raw with core, the picks with the outbox, the outbox with its copy and with the floor.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )


def build_reconciliation_schedule(schedule: ScheduleSettings) -> dg.ScheduleDefinition:
    """Every day, away from the quarters at which picks are planned."""
    return dg.ScheduleDefinition(
        job_name=RECONCILIATION_JOB,
        cron_schedule="53 4 * * *",
        name="reconciliation_daily",
        description=f"Every day at 04:53 UTC, over the last {schedule.reconciled_days} days.",
        default_status=status_of(schedule, "reconciliation"),
        execution_timezone="UTC",
    )
