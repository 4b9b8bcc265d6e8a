"""Builds the days of core again that older SQL built, in the background of what else runs."""

# pyright: reportUnknownMemberType=false

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.redaction.errors import told
from order_pipeline.warehouse.core.outdated import outdated_days

REBUILD_JOB = "rebuild_job"
SLICE_DAYS = 14
"""Days that are built and committed together: other writers get their turn in between, a stopped run lost little."""


@dg.op
def rebuild_outdated_days(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[PipelineResource]) -> None:
    """Build them, newest first. A channel that fails does not hold the others; the step then fails at its end."""
    pipeline.prepare_stores()
    titles = {channel.name: channel.title for channel in pipeline.settings.enabled_channels()}
    due = outdated_days(pipeline.lake, pipeline.project, titles)
    failed: list[str] = []
    for source, days in due.items():
        try:
            for done, some in _slices(days):
                pipeline.advance(f"{titles[source]}: building core, {len(days) - done} days left", done)
                result = pipeline.build_core(source, some, context.run_id)
                context.log.info(
                    "%s: %s to %s built, %d rejected rows, %d of %d days done",
                    *(source, some[-1], some[0], result.rejected_rows, done + len(some), len(days)),
                )
        except Exception as error:  # noqa: BLE001 - told below, after the other channels
            context.log.error("%s: %s", source, told(error))
            failed.append(f"{source}: {told(error)}")
    context.add_output_metadata({f"days of {source}": len(days) for source, days in due.items()})
    if failed:
        raise dg.Failure(f"Not every day could be built; the others are. {'; '.join(failed)}")


def _slices(days: Sequence[date]) -> Iterator[tuple[int, Sequence[date]]]:
    for start in range(0, len(days), SLICE_DAYS):
        yield start, days[start : start + SLICE_DAYS]


@dg.job(
    name=REBUILD_JOB,
    executor_def=dg.in_process_executor,
    tags=NO_RETRY_TAGS,
    description="After an upgrade: the days of core that older SQL built, newest first. May be stopped and run again.",
)
def rebuild_job() -> None:
    """One step."""
    rebuild_outdated_days()
