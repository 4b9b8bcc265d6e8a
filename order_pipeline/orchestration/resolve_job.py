"""A person's word on a line in doubt, as a job: `order-pipeline outbox resolve` for people who work in the UI."""

# pyright: reportUnknownMemberType=false

import dagster as dg

from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.operators.resolve import resolve

RESOLVE_JOB = "resolve_pick_job"


class Resolution(dg.Config):
    """What a person saw on the ScanOrders screen. `verdict`: `sent` or `not_sent`."""

    pick_id: str
    verdict: str
    reason: str
    who: str


@dg.op
def resolve_pick(
    context: dg.OpExecutionContext, config: Resolution, pipeline: dg.ResourceParam[PipelineResource]
) -> None:
    """Resolve one line that is in doubt or rejected; fails, and changes nothing, when it is neither."""
    if config.verdict not in {"sent", "not_sent"}:
        raise dg.Failure(f"verdict is {config.verdict!r}; it must be `sent` or `not_sent`. Nothing was changed.")
    verdict = "sent" if config.verdict == "sent" else "not_sent"
    state = resolve(pipeline.operations, config.pick_id, verdict, reason=config.reason, who=config.who)
    context.log.info("%s is now %s", config.pick_id, state.value)


@dg.job(
    name=RESOLVE_JOB,
    executor_def=dg.in_process_executor,
    tags=NO_RETRY_TAGS,
    description="A person's word on a line in doubt: is it on the floor? Needs the line, the verdict, reason and name.",
)
def resolve_pick_job() -> None:
    """One step."""
    resolve_pick()
