"""`floor/picking_orders`: the list of picks, planned into the outbox and sent as far as it may be.

Its metadata and checks say what the warehouse lead asks for: sent, held and why, in doubt, tasks for people. Decisions
about a line are made in `picking`.
"""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false
# (Dagster refuses `MaterializeResult[Any]` as the return type of an asset with checks)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.operations.leases import LeaseHeldError
from order_pipeline.orchestration.assets.core import contract_check_name
from order_pipeline.orchestration.origins import note_found
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import FLOOR_GROUP, OWNERS, PICKING_ORDERS_KEY, core_key, model_key
from order_pipeline.picking.operators.views import Doubts, check_doubts
from order_pipeline.picking.outbox.publish import publish
from order_pipeline.picking.sending.emission import EmissionReport, emit
from order_pipeline.picking.sending.read_pick_list import read_pick_list
from order_pipeline.recovery.stores import channels_not_read_since_restore

DOUBTS_CHECK = "no_old_doubts"
PEOPLE_CHECK = "no_open_tasks"
COMPLETED_CHECK = "queue_emptied"
LONGEST_WAIT_FOR_EMITTER = 120
"""Seconds. An emission under way may have read its list before these orders were in core, so ours must follow it."""
PICK_LINES, FOLLOW_UP = model_key("marts", "pick_lines"), model_key("marts", "pick_follow_up")


def build_picking_assets(sources: list[str]) -> dg.AssetsDefinition:
    """The asset at the end of the pipeline."""

    @dg.asset(
        key=PICKING_ORDERS_KEY,
        deps=[PICK_LINES, FOLLOW_UP],
        group_name=FLOOR_GROUP,
        kinds={"python", "http", "sqlite"},
        owners=OWNERS,
        pool="scanorders_api",
        description=(
            "Pick lines handed to ScanOrders, at most once each: an intent is durable before its POST, the answer "
            "before the next step. A dry run unless sending is on. `order-pipeline outbox list` shows every line."
        ),
        check_specs=[
            dg.AssetCheckSpec(
                DOUBTS_CHECK, asset=PICKING_ORDERS_KEY, description="No line is in doubt for longer than the setting."
            ),
            dg.AssetCheckSpec(
                PEOPLE_CHECK, asset=PICKING_ORDERS_KEY, description="Nothing waits for a person (`pick_tasks`)."
            ),
            dg.AssetCheckSpec(
                COMPLETED_CHECK, asset=PICKING_ORDERS_KEY, description="Nothing stopped the sending half-way."
            ),
        ],
    )
    def picking_orders(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> dg.MaterializeResult:
        picked = pick(context, pipeline, sources)
        return dg.MaterializeResult(metadata=picked.metadata, check_results=picked.checks)

    return picking_orders


@dataclass(frozen=True, slots=True)
class Picked:
    """What an emission did, for the asset's page, and its checks."""

    metadata: dict[str, Any]
    checks: list[dg.AssetCheckResult]


def pick(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, pipeline: PipelineResource, sources: Sequence[str]
) -> Picked:
    """Plan and send, after the emission that is under way, if any: webhooks start them beside those by the clock.

    Raises:
        LeaseHeldError: the other one was at work for all of `LONGEST_WAIT_FOR_EMITTER`.
        Exception: see `picking.sending.emission.emit`.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(LeaseHeldError),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(LONGEST_WAIT_FOR_EMITTER),
        reraise=True,
    ):
        with attempt:
            return _pick_now(context, pipeline, sources)
    raise AssertionError("`reraise` leaves the loop with the error")


def _pick_now(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, pipeline: PipelineResource, sources: Sequence[str]
) -> Picked:
    """Emit the picks of all sources but those that cannot be trusted now; these are left as they are."""
    distrusted = [source for source in sources if not contract_held(context.instance, source)]
    if distrusted:
        context.log.warning("left alone, because a contract check of their core failed: %s", ", ".join(distrusted))
    pipeline.prepare_stores()
    unread = channels_not_read_since_restore(pipeline.lake, pipeline.operations, sources)
    if unread:
        context.log.warning("left alone until they are read once since the restore: %s", ", ".join(unread))
    distrusted += [source for source in unread if source not in distrusted]
    covered = [source for source in sources if source not in distrusted]
    report = emit_picks(pipeline, context.run.run_id, covered if distrusted else None)
    handled = report.sent + report.rejected + report.in_doubt + report.recovered_in_doubt + report.new_lines
    note_found(context.instance, context.run.run_id, changes=bool(handled))
    minutes = pipeline.settings.picking.doubt_alert_minutes
    doubts = check_doubts(pipeline.operations, minutes)
    return Picked(
        metadata={**_metadata(report), "channels left alone": ", ".join(distrusted) or "none"},
        checks=[_doubts_check(doubts, minutes), _people_check(report), _completed_check(report)],
    )


def emit_picks(pipeline: PipelineResource, run_id: str, covered_sources: Sequence[str] | None = None) -> EmissionReport:
    """Plan from the marts, send what may be sent, and publish the outbox to the lake; None covers every source."""
    pipeline.prepare_stores()
    pipeline.require_stores_agree()
    done = 0

    def count(answered: int) -> None:
        nonlocal done
        done += answered
        pipeline.advance("ScanOrders: sending", done)

    report = emit(
        pipeline.settings,
        pipeline.operations,
        lambda: read_pick_list(pipeline.lake, pipeline.operations, covered_sources),
        run_id=run_id,
        covered_sources=covered_sources,
        progress=count,
    )
    publish(pipeline.lake, pipeline.operations)
    pipeline.note_progress()
    return report


def contract_held(instance: dg.DagsterInstance, source: str) -> bool:
    """Whether the last contract check of every core table of the source passed, or none has run yet.

    A blocking check stops what follows within its own run only; the picks are another run, so they ask.
    """
    keys = [dg.AssetCheckKey(core_key(source), contract_check_name(table)) for table in CORE_TABLES]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return not any(record.status is AssetCheckExecutionRecordStatus.FAILED for record in latest.values())


def _metadata(report: EmissionReport) -> dict[str, Any]:
    return {
        "mode": _mode(report),
        "sent now": report.sent,
        "rejected now": report.rejected,
        "in doubt now": report.in_doubt,
        "interrupted earlier, now in doubt": report.recovered_in_doubt,
        "new lines": report.new_lines,
        "lines by state": dg.MetadataValue.json(report.by_state),
        "held by reason": dg.MetadataValue.json(report.held_by_reason),
        # Numbers of their own, because the asset's page plots numbers over the runs.
        **{f"held: {reason}": lines for reason, lines in sorted(report.held_by_reason.items())},
        **{f"lines {state}": lines for state, lines in sorted(report.by_state.items())},
        "open tasks for people": report.open_tasks,
        "stopped because": report.stopped or "nothing: the queue is empty",
        "lake snapshot": report.snapshot_id,
        "seconds": round(report.seconds, 2),
        "dagster/row_count": sum(report.by_state.values()),
    }


def _mode(report: EmissionReport) -> str:
    if report.dry_run:
        return "dry run (scanorders.send is off)"
    return f"sending; dry run: {', '.join(report.floors_in_dry_run)}" if report.floors_in_dry_run else "sending"


def _doubts_check(doubts: Doubts, minutes: float) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=PICKING_ORDERS_KEY,
        check_name=DOUBTS_CHECK,
        passed=doubts.passed,
        description=f"Nobody knows whether these lines are on the floor, for more than {minutes} minutes: look at the "
        "ScanOrders screen, then `order-pipeline outbox resolve`."
        if not doubts.passed
        else "No doubt is old.",
        metadata={
            "in doubt": doubts.in_doubt,
            f"older than {minutes} minutes": doubts.overdue,
            "oldest, in minutes": round(doubts.oldest_minutes, 1),
            "first ones": dg.MetadataValue.json(doubts.pick_ids),
        },
    )


def _people_check(report: EmissionReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=PICKING_ORDERS_KEY,
        check_name=PEOPLE_CHECK,
        passed=not report.open_tasks,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"open tasks": report.open_tasks},
    )


def _completed_check(report: EmissionReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=PICKING_ORDERS_KEY,
        check_name=COMPLETED_CHECK,
        passed=not report.stopped,
        description=report.stopped or "Every planned line has its answer.",
        metadata={"still planned": report.by_state.get("planned", 0)},
    )
