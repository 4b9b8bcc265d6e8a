"""`scanorders/picking_orders`: the list of picks, planned into the outbox and sent as far as it may be.

Its metadata and checks are what the warehouse lead asks for: sent, held and why, in doubt, tasks for people.
Belongs here: reading the marts, calling the emission, reporting. Does not belong here: any decision about a line.
"""

from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.orchestration.assets.core import CONTRACT_CHECK
from order_pipeline.orchestration.assets.emission import Emission, emit_picks
from order_pipeline.orchestration.assets.specs import OWNERS, PICKING_GROUP, PICKING_ORDERS_KEY, core_key, model_key
from order_pipeline.orchestration.resource import Road

DOUBTS_CHECK = "no_old_doubts"
PEOPLE_CHECK = "no_open_tasks"
COMPLETED_CHECK = "queue_emptied"
PICK_LINES, FOLLOW_UP = model_key("marts", "pick_lines"), model_key("marts", "pick_follow_up")


def build_picking_assets(sources: list[str]) -> dg.AssetsDefinition:
    """The asset at the end of the road."""

    @dg.asset(
        key=PICKING_ORDERS_KEY,
        deps=[PICK_LINES, FOLLOW_UP],
        group_name=PICKING_GROUP,
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
    def picking_orders(context: dg.AssetExecutionContext, road: dg.ResourceParam[Road]) -> dg.MaterializeResult:
        distrusted = [source for source in sources if not contract_held(context.instance, source)]
        if distrusted:
            context.log.warning("left alone, because a contract check of their core failed: %s", ", ".join(distrusted))
        covered = [source for source in sources if source not in distrusted]
        emission = emit_picks(road, context.run.run_id, covered if distrusted else None)
        return dg.MaterializeResult(
            metadata={**_metadata(emission), "channels left alone": ", ".join(distrusted) or "none"},
            check_results=[_doubts_check(road, emission), _people_check(emission), _completed_check(emission)],
        )

    return picking_orders


def contract_held(instance: dg.DagsterInstance, source: str) -> bool:
    """Whether the last contract check of every core table of the source passed, or none has run yet.

    A blocking check stops what follows within its own run only; the picks are another run, so they ask.
    """
    keys = [dg.AssetCheckKey(core_key(source, table), CONTRACT_CHECK) for table in CORE_TABLES]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return not any(record.status is AssetCheckExecutionRecordStatus.FAILED for record in latest.values())


def _metadata(emission: Emission) -> dict[str, Any]:
    report = emission.report
    return {
        "mode": "dry run (scanorders.send is off)" if report.dry_run else "sending",
        "sent now": report.sent,
        "rejected now": report.rejected,
        "in doubt now": report.in_doubt,
        "interrupted earlier, now in doubt": report.recovered_in_doubt,
        "new lines": report.new_lines,
        "lines by state": dg.MetadataValue.json(report.by_state),
        "held by reason": dg.MetadataValue.json(report.held_by_reason),
        "open tasks for people": report.open_tasks,
        "stopped because": report.stopped or "nothing: the queue is empty",
        "lake snapshot": report.snapshot_id,
        "seconds": round(report.seconds, 2),
        "dagster/row_count": sum(report.by_state.values()),
    }


def _doubts_check(road: Road, emission: Emission) -> dg.AssetCheckResult:
    minutes = road.settings.picking.doubt_alert_minutes
    return dg.AssetCheckResult(
        check_name=DOUBTS_CHECK,
        passed=emission.doubts.passed,
        description=f"Nobody knows whether these lines are on the floor, for more than {minutes} minutes: look at the "
        "ScanOrders screen, then `order-pipeline outbox resolve`."
        if not emission.doubts.passed
        else "No doubt is old.",
        metadata={
            "in doubt": emission.doubts.in_doubt,
            f"older than {minutes} minutes": emission.doubts.overdue,
            "oldest, in minutes": round(emission.doubts.oldest_minutes, 1),
            "first ones": dg.MetadataValue.json(emission.doubts.pick_ids),
        },
    )


def _people_check(emission: Emission) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=PEOPLE_CHECK,
        passed=not emission.report.open_tasks,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"open tasks": emission.report.open_tasks},
    )


def _completed_check(emission: Emission) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=COMPLETED_CHECK,
        passed=not emission.report.stopped,
        description=emission.report.stopped or "Every planned line has its answer.",
        metadata={"still planned": emission.report.by_state.get("planned", 0)},
    )
