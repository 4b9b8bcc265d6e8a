"""A person's word on a line in doubt, as a job: `order-pipeline outbox resolve` for people who work in the UI."""

# pyright: reportUnknownMemberType=false

import dagster as dg

from order_pipeline.floors import known_floor
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.operators.resolve import resolve
from order_pipeline.picking.operators.resolve_waves import read_seen, resolve_wave

RESOLVE_JOB = "resolve_pick_job"
RESOLVE_WAVE_JOB = "resolve_wave_job"


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


class WaveResolution(dg.Config):
    """What a person saw of a wave. `seen`: order numbers, or `number,barcode`; all others are not on the screen.

    `floor` says whose screen; it may be empty where the wave has doubts at one floor only.
    """

    wave: int
    seen: list[str]
    reason: str
    who: str
    floor: str = ""


@dg.op
def resolve_wave_of_picks(
    context: dg.OpExecutionContext, config: WaveResolution, pipeline: dg.ResourceParam[PipelineResource]
) -> None:
    """Resolve every line in doubt of one wave; fails, and changes nothing, when it has none."""
    floor = known_floor(config.floor, pipeline.settings.floor_settings) if config.floor else None
    seen = read_seen(config.seen)
    done = resolve_wave(pipeline.operations, config.wave, seen, reason=config.reason, who=config.who, floor=floor)
    context.log.info("wave %d: %d lines are on the floor, %d are not", config.wave, done.sent, done.not_sent)
    if done.not_of_the_wave:
        context.log.warning("not of this wave: %s", ", ".join(done.not_of_the_wave))


@dg.job(
    name=RESOLVE_WAVE_JOB,
    executor_def=dg.in_process_executor,
    tags=NO_RETRY_TAGS,
    description="A person's word on all lines in doubt of a wave, as after a restore: which orders are on the screen?",
)
def resolve_wave_job() -> None:
    """One step."""
    resolve_wave_of_picks()


@dg.job(
    name=RESOLVE_JOB,
    executor_def=dg.in_process_executor,
    tags=NO_RETRY_TAGS,
    description="A person's word on a line in doubt: is it on the floor? Needs the line, the verdict, reason and name.",
)
def resolve_pick_job() -> None:
    """One step."""
    resolve_pick()
