"""`floor/pick_status`: what ScanOrders shows for the lines it got, read back, and statuses pushed by policy.

It is apart from the emission because reading is slow at the careful live rate, and must never hold up a pick.
"""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false
# (Dagster refuses `MaterializeResult[Any]` as the return type of an asset with checks)

import dagster as dg

from order_pipeline.orchestration.origins import note_found
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import FLOOR_GROUP, OWNERS, PICK_STATUS_KEY, PICKING_ORDERS_KEY
from order_pipeline.picking.outbox.publish import publish
from order_pipeline.picking.sending.read_back import push_statuses, read_back


def build_read_back_asset() -> dg.AssetsDefinition:
    """The asset that reads the floor back; its table in the lake is `core.pick_status`."""

    @dg.asset(
        key=PICK_STATUS_KEY,
        deps=[PICKING_ORDERS_KEY],
        group_name=FLOOR_GROUP,
        kinds={"python", "http", "sqlite"},
        owners=OWNERS,
        pool="scanorders_api",
        description=(
            "Sent lines read back by their known id, those read longest ago first; unknown status numbers are kept. "
            "Where `scanorders.push_statuses` says so, a status is pushed, only to an id that proved to be the line's."
        ),
    )
    def pick_status(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> dg.MaterializeResult:
        pipeline.prepare_stores()
        pipeline.require_stores_agree()
        seen = read_back(pipeline.settings, pipeline.operations, run_id=context.run.run_id)
        pushed = push_statuses(pipeline.settings, pipeline.operations, run_id=context.run.run_id)
        note_found(context.instance, context.run.run_id, changes=bool(seen.read + pushed.pushed))
        if seen.failed + pushed.failed:
            context.log.warning("calls that failed: %d; first: %s", seen.failed, seen.first_error or pushed.first_error)
        return dg.MaterializeResult(
            metadata={
                "read": seen.read,
                "proved to be the line": seen.matched,
                "another order's": seen.mismatched,
                "not known there": seen.not_found,
                "statuses pushed": pushed.pushed,
                "calls failed": seen.failed + pushed.failed,
                "dagster/row_count": publish(pipeline.lake, pipeline.operations),
            }
        )

    return pick_status
