"""What keeps the stores small, once a night: the lake's upkeep, landed webhooks, persons and runs by age."""

# pyright: reportUnknownMemberType=false

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from order_pipeline.operations import inbox
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.history import prune_history
from order_pipeline.orchestration.schedules import is_left_out, status_of
from order_pipeline.privacy.columns import personal_columns
from order_pipeline.privacy.retention import erase_old_orders
from order_pipeline.recovery.stores import require_stores_agree
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build_files import remove_abandoned
from order_pipeline.warehouse.core.settled_days import judge_days
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.forgetting import forget_statistics
from order_pipeline.warehouse.lake.upkeep import upkeep
from order_pipeline.warehouse.sql.project_of_settings import project_for

HOUSEKEEPING_JOB = "housekeeping_job"


def _judge_days(context: dg.OpExecutionContext, lake: Lake) -> int:
    """Look whether each day is settled as it is noted; the days that are noted otherwise now."""
    judged = judge_days(lake)
    if judged.opened:
        context.log.error("%d days counted as settled and are not: their picks were not seen", judged.opened)
    return judged.changed


def build_housekeeping(settings: Settings) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The job and its nightly schedule."""

    @dg.op(description="Merges small files, checks that every table reads the same, expires old snapshots.")
    def maintain_the_lake(context: dg.OpExecutionContext) -> None:
        if is_left_out(context, settings.schedule, "upkeep"):
            return
        lake = Lake(settings)
        with open_store(settings.resolved_operations_url) as store:
            require_stores_agree(settings, store, lake)
        days_judged_anew = _judge_days(context, lake)
        done = upkeep(lake)
        with lake.snapshot() as connection:
            columns = personal_columns(connection)
        context.add_output_metadata(
            {
                "days noted as settled, or as open again": days_judged_anew,
                "tables checked": len(done.tables),
                "files merged": done.files_merged,
                "files written": done.files_written,
                "snapshots expired": done.snapshots_expired,
                "files removed": done.files_removed,
                "files of killed builds removed": remove_abandoned(lake),
                "statistics of personal columns removed": forget_statistics(lake, columns),
            }
        )

    @dg.op(description="Deletes webhooks that landed long ago: raw has them, without their one-time passwords.")
    def prune_the_inbox(context: dg.OpExecutionContext) -> None:
        if is_left_out(context, settings.schedule, "retention"):
            return
        now = datetime.now(UTC)
        with open_store(settings.resolved_operations_url) as store:
            pruned = inbox.prune(
                store,
                landed_before=now - timedelta(days=settings.webhooks.keep_landed_days),
                unparsable_before=now - timedelta(days=settings.webhooks.keep_unparsable_days),
            )
        context.add_output_metadata({"events deleted": pruned})

    @dg.op(description="Erases what is personal of orders older than their channel's keep_personal_days.")
    def erase_old_personal_data(context: dg.OpExecutionContext) -> None:
        if is_left_out(context, settings.schedule, "retention"):
            return
        lake = Lake(settings)
        with open_store(settings.resolved_operations_url) as store:
            require_stores_agree(settings, store, lake)
            done = erase_old_orders(settings, store, lake, project_for(settings), datetime.now(UTC))
        context.add_output_metadata({"records erased": done.records, "days left for later": done.days_left})

    @dg.op(description="Deletes old runs with their events and logs, those that found nothing first.")
    def prune_the_history(context: dg.OpExecutionContext) -> None:
        if is_left_out(context, settings.schedule, "retention"):
            return
        pruned = prune_history(context.instance, settings.history, datetime.now(UTC))
        context.add_output_metadata({"runs deleted": pruned.runs, "old, but assets stand on them": pruned.kept})

    @dg.job(
        name=HOUSEKEEPING_JOB,
        description="Keeps the lake's files few, the inbox and the history of runs short; changes no fact.",
        executor_def=dg.in_process_executor,
    )
    def housekeeping() -> Any:
        maintain_the_lake()
        erase_old_personal_data()
        prune_the_inbox()
        prune_the_history()

    schedule = dg.ScheduleDefinition(
        name="housekeeping_nightly",
        job=housekeeping,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        description="Every night at 03:30 UTC.",
        default_status=status_of(settings.schedule, "upkeep", "retention"),
    )
    return housekeeping, schedule
