"""`raw/<source>/<name>`: what a channel's API answered, as received, a new version only where the content is new.

One asset for what is always read together (a detail follows its list row): a family of the channel, or all of it. One
step reads those that are selected, and nothing else. An asset's metadata is of one day; its checks are of the run: is
every window proved complete (with what was fetched and what is stored), and does the channel send keys that its
contract does not name.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.orchestration.completeness_check import COMPLETE_CHECK, check_completeness, read_proved
from order_pipeline.orchestration.failures import api_errors_as_failures
from order_pipeline.orchestration.fetch_progress import FetchProgress
from order_pipeline.orchestration.partitions import window_of
from order_pipeline.orchestration.pool_lease import alone_in_pool
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import CHANNEL_TAG, OWNERS, RAW_GROUP, raw_assets, raw_key
from order_pipeline.orchestration.stored_rows import RawCounts, read_raw_counts
from order_pipeline.warehouse.lake.catalog import LakeError
from order_pipeline.warehouse.raw.drift import MOST_RECORDS, DriftUnknownError, UnknownKey, find_unknown_keys
from order_pipeline.warehouse.raw.ingest_result import IngestResult
from order_pipeline.warehouse.raw.shapes import ShapeNews, note_shapes

KNOWN_KEYS_CHECK = "keys_known"
MOST_KEYS = 50
LONGEST_KEY = 100


def build_raw_assets(
    channel: Channel[Any], partitions: dg.PartitionsDefinition[str], *, slice_days: int = 31
) -> dg.AssetsDefinition:
    """The raw assets of one channel, filled by one step."""
    resources_of = raw_assets(channel)

    @dg.multi_asset(
        name=f"fetch_{channel.name}",
        specs=[_spec(channel, name, resources, partitions) for name, resources in resources_of.items()],
        check_specs=[spec for name in resources_of for spec in _check_specs(channel, name)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(slice_days),
        pool=channel.pool,
        can_subset=bool(channel.families),
        description=f"Reads the days from {channel.title} and stores what is new.",
    )
    def fetch(
        context: dg.AssetExecutionContext, pipeline: dg.ResourceParam[PipelineResource]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        started = time.monotonic()
        window = window_of(list(context.partition_keys))
        chosen = [name for name in resources_of if raw_key(channel.name, name) in context.selected_asset_keys]
        families = channel.families_of([each for name in chosen for each in resources_of[name]])
        pipeline.prepare_stores()
        run_id = context.run.run_id

        def say(what: str) -> None:
            context.log.info("%s", what)
            pipeline.advance(f"{channel.title}: waiting for another run", 0)

        with api_errors_as_failures(), alone_in_pool(context.instance, pipeline.operations, channel.pool, run_id, say):
            result = pipeline.fetch(
                channel, window, run_id, families=families or None, written=FetchProgress(context.log.info)
            )
        context.log.info("%s", _story(result, time.monotonic() - started))
        drift = _find_drift(pipeline, channel, window.days)
        news = _note_shapes(pipeline, channel, result, context)
        proved = read_proved(pipeline.lake, channel.name, window.days, context.run.run_id)
        asked = context.selected_asset_check_keys
        for name in chosen:
            key, resources = raw_key(channel.name, name), resources_of[name]
            certified = proved.of(resources)
            stored = read_raw_counts(pipeline.lake, channel.name, resources, window.days, context.run.run_id)
            for day in window.days:
                figures = raw_figures(stored[day]) | {"certificate": certified.state_of(day)}
                context.add_asset_metadata(figures, asset_key=key, partition_key=day.isoformat())
            yield dg.MaterializeResult(
                asset_key=key,
                check_results=[
                    check
                    for check in (
                        check_completeness(key, result, resources, certified),
                        _known_keys(key, drift, [each for each in news if each.resource in resources], resources),
                    )
                    if dg.AssetCheckKey(key, check.check_name or "") in asked
                ],
            )

    return fetch


def _spec(
    channel: Channel[Any], name: str, resources: Sequence[str], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetSpec:
    tables = [f"raw.{channel.name}_{resource}" for resource in resources]
    held = "\n".join(f"- `{table}`: {channel.resources[of]}" for table, of in zip(tables, resources, strict=True))
    return dg.AssetSpec(
        raw_key(channel.name, name),
        description=(
            f"What {channel.title} answered, as received.\n\n{held}\n\nOne row for each distinct content: reading the "
            "same thing again adds nothing, a change adds a version. `raw.fetches` says what was asked and what came."
        ),
        group_name=RAW_GROUP,
        kinds={"http", "python", "duckdb"},
        owners=OWNERS,
        tags={CHANNEL_TAG: channel.name},
        partitions_def=partitions,
        metadata={"dagster/table_name": f"lake.{tables[0]}"} if len(tables) == 1 else {},
    )


def _check_specs(channel: Channel[Any], name: str) -> list[dg.AssetCheckSpec]:
    asset = raw_key(channel.name, name)
    return [
        dg.AssetCheckSpec(
            COMPLETE_CHECK,
            asset=asset,
            description="Every window that was asked for is proved to hold all that the API has: each answer came to "
            "its end, with all that was claimed, what raw already had, and nothing that was not asked for. "
            "`marts.completeness` has the certificate of each day.",
        ),
        dg.AssetCheckSpec(
            KNOWN_KEYS_CHECK,
            asset=asset,
            description="The records of these days have no keys that the contract does not name (of more than "
            f"{MOST_RECORDS:,}, a sample is read). Such keys are kept in raw and read by nobody; "
            f"`staging.stg_{channel.name}__unknown_keys` shows them for all days. A run that first sees a new key, a "
            "key that is gone, or a value of another type says so; `marts.drift` keeps it.",
        ),
    ]


def raw_figures(stored: RawCounts) -> dict[str, Any]:
    """What raw holds of one day. Each figure is a small plot over the days on the asset's page."""
    return {
        "records": stored.records,
        "versions new in this run": stored.new,
        "dagster/partition_row_count": stored.versions,
    }


def _story(result: IngestResult, seconds: float) -> str:
    """What came in this run, for all its days and resources together."""
    counts = result.total
    return (
        f"{counts.records:,} records in {sum(each.calls for each in result.reports):,} calls and {seconds:.0f} s: "
        f"{counts.new_versions:,} new versions, {counts.unchanged:,} unchanged, {counts.reappeared:,} came back, "
        f"{counts.dead_letters:,} dead letters; {result.payload_bytes / 1e6:.1f} MB, "
        f"{len(result.stale_days):,} days with changes"
    )


def _find_drift(
    pipeline: PipelineResource, channel: Channel[Any], days: Sequence[date]
) -> list[UnknownKey] | DriftUnknownError:
    """The unknown keys, or why they could not be counted: what came is stored, and does not wait for this."""
    try:
        return find_unknown_keys(pipeline.lake, pipeline.project, channel.name, days)
    except DriftUnknownError as error:
        return error


def _note_shapes(
    pipeline: PipelineResource, channel: Channel[Any], result: IngestResult, context: dg.AssetExecutionContext
) -> list[ShapeNews]:
    """What the versions of this run have otherwise than earlier ones; nothing where they could not be looked at."""
    if not result.total.new_versions:
        return []
    try:
        return note_shapes(pipeline.lake, channel.name, result.stale_days, context.run.run_id, channel.personal)
    except (DriftUnknownError, LakeError) as error:
        context.log.warning("the shape of payloads could not be looked at: %s", type(error).__name__)
        return []


def _known_keys(
    key: dg.AssetKey,
    drift: list[UnknownKey] | DriftUnknownError,
    news: Sequence[ShapeNews],
    resources: Sequence[str],
) -> dg.AssetCheckResult:
    if isinstance(drift, DriftUnknownError):
        unknown, said = [], f"Not known: the keys could not be counted ({drift})."
    else:
        unknown = [found for found in drift if found.resource in resources]
        said = "The API has changed: see whether a new key is needed." if unknown or news else "Every key is known."
    return dg.AssetCheckResult(
        check_name=KNOWN_KEYS_CHECK,
        asset_key=key,
        passed=not unknown and not news and not isinstance(drift, DriftUnknownError),
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "unknown keys": len(unknown),
            "the most frequent": dg.MetadataValue.json(
                [
                    {"in": found.place, "key": found.key[:LONGEST_KEY], "versions": found.observations}
                    for found in unknown[:MOST_KEYS]
                ]
            ),
            "first seen in this run (marts.drift)": dg.MetadataValue.json(
                [
                    {
                        "what": each.kind,
                        "path": each.path[:LONGEST_KEY],
                        "type": each.type,
                        "in": f"{each.occurrences:,} of {each.objects:,}",
                        "example, masked": each.example,
                    }
                    for each in news[:MOST_KEYS]
                ]
            ),
        },
    )
