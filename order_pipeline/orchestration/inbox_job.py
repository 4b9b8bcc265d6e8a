"""The job of a channel's webhook inbox: what waits is landed, built, planned and sent in one step, then recorded.

Somebody waits for the pick, so the step does first what leads to the floor. Of Dagster's events, each of which costs
more than the work that it tells of, it makes few, and most of them afterwards. It is in no pool: while a long read of
the channel holds the channel's pool, webhooks go on. The API's rate is kept by `http.shared_pace`.
"""

# pyright: reportUnknownMemberType=false

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.operations import inbox
from order_pipeline.orchestration.assets.core import contract_check, core_figures, filled_tables
from order_pipeline.orchestration.assets.picking import pick
from order_pipeline.orchestration.assets.raw import raw_figures
from order_pipeline.orchestration.check_records import changed_evaluations
from order_pipeline.orchestration.failures import api_errors_as_failures
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.partitions import PRIORITY_TAGS, utc_today, window_of_waiting
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import PICKING_ORDERS_KEY, core_key, raw_assets, raw_key
from order_pipeline.orchestration.stored_rows import StoredRows, read_raw_counts, read_stored_rows

BUILT_AFTER = "seconds until built"
MOST_OWED_DAYS = 3
"""The newest, so that a run killed between landing and building is made good. A backlog waits for other runs."""


def inbox_job_name(source: str) -> str:
    """The name of the job that lands a channel's webhooks."""
    return f"{source}_inbox_job"


def build_inbox_job(channel: Channel[Any], reading: str, sources: Sequence[str]) -> dg.JobDefinition:
    """The job `<channel>_inbox_job`.

    Args:
        channel: whose inbox it is.
        reading: the channel's reading that lands it.
        sources: the channels whose picks are planned.
    """

    def land_and_pick(context: dg.OpExecutionContext, pipeline: dg.ResourceParam[PipelineResource]) -> Iterator[Any]:
        started = time.time()
        pipeline.prepare_stores()
        pipeline.require_stores_agree()
        days = _land(context, pipeline, channel, reading)
        landed = time.time()
        days = sorted({*days, *pipeline.build_core(channel.name, days, context.run_id, most_owed=MOST_OWED_DAYS).days})
        stored = {table: read_stored_rows(pipeline.lake, table, channel.name, days) for table in filled_tables(channel)}
        contracts = [contract_check(channel.name, table, rows) for table, rows in stored.items()] if days else []
        yield from changed_evaluations(context.instance, contracts)  # the emission asks for them
        built = time.time()
        pipeline.deploy_models()
        pipeline.load_item_locations_if_changed()
        picked = pick(context, pipeline, sources)
        context.add_output_metadata(
            {
                "order days": ", ".join(map(str, days)) or "none",
                "seconds until landed": landed - started,
                BUILT_AFTER: built - started,
                "seconds until picked": time.time() - started,
            }
        )
        yield from changed_evaluations(context.instance, picked.checks)
        yield from _materialisations(pipeline, channel, days, stored, context.run_id)
        yield dg.AssetMaterialization(PICKING_ORDERS_KEY, metadata=picked.metadata)
        yield dg.Output(None)

    @dg.job(
        name=inbox_job_name(channel.name),
        executor_def=dg.in_process_executor,
        tags={"order_pipeline/source": channel.name, **PRIORITY_TAGS, **NO_RETRY_TAGS},
        description=f"Lands the webhooks of {channel.title} that wait, reads the orders that they want picked, builds "
        "their days, and sends their picks.",
    )
    def inbox_job() -> None:
        dg.op(name=f"{channel.name}_inbox_to_floor", description="Inbox, raw, core, picks; then the records.")(
            land_and_pick
        )()

    return inbox_job


def _land(
    context: dg.OpExecutionContext, pipeline: PipelineResource, channel: Channel[Any], reading: str
) -> list[date]:
    """Bring what waits into raw; the days that it belongs to. None: an earlier run landed it and failed then."""
    first_day = date.fromisoformat(pipeline.settings.schedule.first_day)
    waiting = inbox.pending_days(pipeline.operations, channel.name)
    window = window_of_waiting(list(waiting), first_day, utc_today())
    if window is None:
        return []
    with api_errors_as_failures():
        pipeline.fetch(channel, window, context.run_id, only=reading)
    return [day for day in window.days if day in waiting or (None in waiting and day == window.days[-1])]


def _materialisations(
    pipeline: PipelineResource,
    channel: Channel[Any],
    days: Sequence[date],
    stored: Mapping[str, StoredRows],
    run_id: str,
) -> Iterator[dg.AssetMaterialization]:
    """What the run did to raw and core, by day."""
    for name, resources in raw_assets(channel).items():
        counts = read_raw_counts(pipeline.lake, channel.name, resources, days, run_id)
        yield from (_of_day(raw_key(channel.name, name), day, raw_figures(counts[day])) for day in days)
    yield from (_of_day(core_key(channel.name), day, core_figures(day, stored, days)) for day in days)


def _of_day(key: dg.AssetKey, day: date, figures: Mapping[str, Any]) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(key, partition=day.isoformat(), metadata=figures)
