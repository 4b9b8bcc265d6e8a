"""`raw/<source>_<resource>`: what a channel's API answered, as received, a new version only where the content is new.

One step a channel, because its resources are read together (a detail follows its list row). Where they
fall into families (`Channel.families`), a selection of assets reads their families alone. The step's metadata compares
what was fetched with what is stored; its checks say whether every window is proved complete, and whether the
channel sends keys that its contract does not name.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.orchestration.failures import api_errors_as_failures
from order_pipeline.orchestration.partitions import window_of
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import OWNERS, raw_key
from order_pipeline.orchestration.stored_rows import read_raw_counts
from order_pipeline.warehouse.raw.drift import MOST_RECORDS, DriftUnknownError, UnknownKey, find_unknown_keys
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult

COMPLETE_CHECK = "windows_proved_complete"
KNOWN_KEYS_CHECK = "keys_known"
MOST_NOTES = 10
MOST_KEYS = 50
LONGEST_KEY = 100


def build_raw_assets(
    channel: Channel[Any], partitions: dg.PartitionsDefinition[str], *, slice_days: int = 31
) -> dg.AssetsDefinition:
    """The raw assets of one channel, filled by one step."""

    @dg.multi_asset(
        name=f"fetch_{channel.name}",
        specs=[_spec(channel, resource, text, partitions) for resource, text in channel.resources.items()],
        check_specs=[spec for resource in channel.resources for spec in _check_specs(channel, resource)],
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
        resources = [each for each in channel.resources if raw_key(channel.name, each) in context.selected_asset_keys]
        pipeline.prepare_stores()
        with api_errors_as_failures():
            result = pipeline.fetch(
                channel, window, context.run.run_id, families=channel.families_of(resources) or None
            )
        seconds = time.monotonic() - started
        drift = _find_drift(pipeline, channel, window.days)
        asked = context.selected_asset_check_keys
        for resource in resources:
            stored = read_raw_counts(pipeline.lake, channel.name, resource, window.days)
            for day in window.days:
                context.add_asset_metadata(
                    {"dagster/partition_row_count": stored.get(day, 0)},
                    asset_key=raw_key(channel.name, resource),
                    partition_key=day.isoformat(),
                )
            yield dg.MaterializeResult(
                asset_key=raw_key(channel.name, resource),
                metadata=_metadata(result, resource, seconds),
                check_results=[
                    check
                    for check in (_completeness(channel, result, resource), _known_keys(channel, drift, resource))
                    if dg.AssetCheckKey(raw_key(channel.name, resource), check.check_name or "") in asked
                ],
            )

    return fetch


def _spec(channel: Channel[Any], resource: str, text: str, partitions: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(channel.name, resource),
        description=(
            f"{text}\n\nOne row for each distinct content (`raw.{channel.name}_{resource}`): reading the same thing "
            "again adds nothing, a change adds a version. `raw.fetches` says what was asked and what came."
        ),
        group_name=channel.name,
        kinds={"http", "python", "duckdb"},
        owners=OWNERS,
        partitions_def=partitions,
        metadata={"dagster/table_name": f"lake.raw.{channel.name}_{resource}"},
    )


def _check_specs(channel: Channel[Any], resource: str) -> list[dg.AssetCheckSpec]:
    asset = raw_key(channel.name, resource)
    return [
        dg.AssetCheckSpec(
            COMPLETE_CHECK,
            asset=asset,
            description="Every window that was asked for is proved to hold all that the API has.",
        ),
        dg.AssetCheckSpec(
            KNOWN_KEYS_CHECK,
            asset=asset,
            description="The records of these days have no keys that the contract does not name (of more than "
            f"{MOST_RECORDS:,}, a sample is read). Such keys are kept in raw and read by nobody; "
            f"`staging.stg_{channel.name}__unknown_keys` shows them for all days.",
        ),
    ]


def _metadata(result: IngestResult, resource: str, seconds: float) -> Mapping[str, Any]:
    """What came in this run, for all its days together; the two sides of the reconciliation beside each other."""
    counts = result.resources.get(resource, Counts())
    reports = [report for report in result.reports if report.resource == resource]
    stored = counts.new_versions + counts.unchanged + counts.reappeared + counts.dead_letters
    reported = sum(report.records for report in reports)
    return {
        "records fetched": counts.records,
        "new versions": counts.new_versions,
        "unchanged": counts.unchanged,
        "came back": counts.reappeared,
        "dead letters": counts.dead_letters,
        "fetched equals stored": reported == stored,
        "reported by the source": reported,
        "pages": sum(report.pages for report in reports),
        "calls": sum(report.calls for report in reports),
        "calls saved": sum(report.calls_saved for report in reports),
        "minutes the clock stood behind what is stored": round(result.clock_behind.total_seconds() / 60, 1),
        "megabytes (all resources)": round(result.payload_bytes / 1e6, 3),
        "days with changes (all resources)": len(result.stale_days),
        "seconds (all resources)": round(seconds, 2),
    }


def _completeness(channel: Channel[Any], result: IngestResult, resource: str) -> dg.AssetCheckResult:
    windows = [report for report in result.reports if report.resource == resource]
    open_windows = [report for report in windows if not report.complete]
    return dg.AssetCheckResult(
        check_name=COMPLETE_CHECK,
        asset_key=raw_key(channel.name, resource),
        passed=not open_windows,
        severity=dg.AssetCheckSeverity.WARN,
        description="All windows are proved complete." if not open_windows else _remaining(len(open_windows)),
        metadata={
            "windows": len(windows),
            "not proved complete": len(open_windows),
            "what remains (first ones)": dg.MetadataValue.json(
                [
                    {"from": report.window_start.isoformat(), "to": report.window_end.isoformat(), "note": report.note}
                    for report in open_windows[:MOST_NOTES]
                ]
            ),
        },
    )


def _find_drift(
    pipeline: PipelineResource, channel: Channel[Any], days: Sequence[date]
) -> list[UnknownKey] | DriftUnknownError:
    """The unknown keys, or why they could not be counted: what came is stored, and does not wait for this."""
    try:
        return find_unknown_keys(pipeline.lake, pipeline.project, channel.name, days)
    except DriftUnknownError as error:
        return error


def _known_keys(
    channel: Channel[Any], drift: list[UnknownKey] | DriftUnknownError, resource: str
) -> dg.AssetCheckResult:
    if isinstance(drift, DriftUnknownError):
        unknown, said = [], f"Not known: the keys could not be counted ({drift})."
    else:
        unknown = [found for found in drift if found.resource == resource]
        said = "The API has changed: see whether a new key is needed." if unknown else "Every key is known."
    return dg.AssetCheckResult(
        check_name=KNOWN_KEYS_CHECK,
        asset_key=raw_key(channel.name, resource),
        passed=not unknown and not isinstance(drift, DriftUnknownError),
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
        },
    )


def _remaining(count: int) -> str:
    return (
        f"{count} windows are not proved complete: run these days again. What came is stored; it is not fetched twice."
    )
