"""What concerns the floor after the sending: the read-back by the clock, and a person's word on a doubt as a job.

The job does what `order-pipeline outbox resolve` does, for people who work in the UI.
"""

import dagster as dg

from order_pipeline.orchestration.assets.read_back import READ_BACK_GROUP
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import Road
from order_pipeline.picking.operators.resolve import resolve
from order_pipeline.settings import Settings

READ_BACK_JOB = "read_back_job"
RESOLVE_JOB = "resolve_pick_job"


class Resolution(dg.Config):
    """What a person saw on the ScanOrders screen. `verdict`: `sent` or `not_sent`."""

    pick_id: str
    verdict: str
    reason: str
    who: str


@dg.op
def resolve_pick(context: dg.OpExecutionContext, config: Resolution, road: dg.ResourceParam[Road]) -> None:
    """Settle one line that is in doubt or rejected; fails, changing nothing, when it is neither."""
    if config.verdict not in {"sent", "not_sent"}:
        raise dg.Failure(f"verdict is {config.verdict!r}; it must be `sent` or `not_sent`. Nothing was changed.")
    verdict = "sent" if config.verdict == "sent" else "not_sent"
    state = resolve(road.operations, config.pick_id, verdict, reason=config.reason, who=config.who)
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


def build_floor(settings: Settings) -> dg.Definitions:
    """The read-back's job and schedule, and the resolve job."""
    read_back_job = dg.define_asset_job(
        READ_BACK_JOB,
        selection=dg.AssetSelection.groups(READ_BACK_GROUP),
        description="Reads back what ScanOrders shows for sent lines, and pushes statuses by policy.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )
    running = settings.schedule.active
    schedule = dg.ScheduleDefinition(
        job_name=READ_BACK_JOB,
        cron_schedule="40 * * * *",
        name="read_back_hourly",
        description="Looks at the floor once an hour, away from the quarters at which picks are sent.",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        execution_timezone="UTC",
    )
    return dg.Definitions(jobs=[read_back_job, resolve_pick_job], schedules=[schedule])
