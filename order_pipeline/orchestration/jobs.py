"""The jobs: one a channel (raw, staging, core), one for marts and picks. A channel that fails holds no other.

Steps of a job run in one process: a new interpreter a step costs more than the step. Parallelism is inside a step
(concurrent requests, DuckDB threads) and across runs (the channels' jobs run beside each other).
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import dagster as dg

from order_pipeline.channels.channel import Channel
from order_pipeline.orchestration.specs import (
    CORE_GROUP,
    FLOOR_GROUP,
    MARTS_GROUP,
    PICK_STATUS_KEY,
    RAW_GROUP,
    RECONCILIATION_CHECK,
    REFERENCE_GROUP,
    REPORT_KEY,
    STAGING_GROUP,
    channel_selection,
    core_key,
    raw_assets,
    raw_key,
)

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

EMISSION_JOB = "emission_job"
READ_BACK_JOB = "read_back_job"
REPORT_JOB = "report_job"
VIEWS_JOB = "views_job"

REBUILD_TAG = "order_pipeline/rebuild"
"""A run with this tag builds core again even where neither raw nor the SQL has changed."""

RECONCILIATION = dg.AssetSelection.checks(dg.AssetCheckKey(PICK_STATUS_KEY, RECONCILIATION_CHECK))
REPORT = dg.AssetSelection.assets(REPORT_KEY)
"""Made when somebody asks for it, so no other job has it."""
PICK_STATUS = dg.AssetSelection.assets(PICK_STATUS_KEY)
MARTS_OF_THE_FLOOR = (PICK_STATUS.downstream() & dg.AssetSelection.groups(MARTS_GROUP)) - REPORT
"""What reads where picks stand: new after each emission, and after each reading of the floor."""
READ_BACK = (PICK_STATUS | MARTS_OF_THE_FLOOR) - RECONCILIATION
EMISSION = dg.AssetSelection.groups(REFERENCE_GROUP, MARTS_GROUP, FLOOR_GROUP) - PICK_STATUS - RECONCILIATION - REPORT

# A channel's outage is retried as a whole run: what was fetched before it is committed, so the second run is short.
RETRY_TAGS = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "true"}
# A failed emission is not started again by a machine: the next tick makes the next, careful attempt.
NO_RETRY_TAGS = {"dagster/max_retries": "0", "dagster/retry_on_asset_or_op_failure": "false"}


def source_job_name(source: str) -> str:
    """The name of a channel's job."""
    return f"{source}_job"


def build_source_job(source: str, title: str) -> UnresolvedAssetJobDefinition:
    """From the channel's API to its core tables, for one day or as one run over a range of days."""
    return dg.define_asset_job(
        source_job_name(source),
        selection=channel_selection(source, RAW_GROUP, CORE_GROUP),
        description=f"{title}: fetch, keep as received, normalise, check. One run covers any range of days.",
        executor_def=dg.in_process_executor,
        tags={"order_pipeline/source": source, **RETRY_TAGS},
    )


def assets_of_families(channel: Channel[Any], families: Collection[str]) -> list[dg.AssetKey] | None:
    """The assets of a channel's job that a run of some of its families fills, core among them; no family: None, all."""
    if not families:
        return None
    wanted = {resource for family in families for resource in channel.families[family]}
    raw = [raw_key(channel.name, name) for name, filled in raw_assets(channel).items() if wanted & set(filled)]
    return [*raw, core_key(channel.name)]


def core_job_name(source: str) -> str:
    """The name of the job that builds a channel's core alone."""
    return f"{source}_core_job"


def build_core_job(source: str, title: str) -> UnresolvedAssetJobDefinition:
    """From raw to core again, for the days asked for: after a mapping, a rule or a reference file was mended."""
    return dg.define_asset_job(
        core_job_name(source),
        selection=channel_selection(source, CORE_GROUP),
        description=f"{title}: core anew from what is stored; asks the channel nothing.",
        executor_def=dg.in_process_executor,
        tags={"order_pipeline/source": source, REBUILD_TAG: "true", **NO_RETRY_TAGS},
    )


def build_views_job() -> UnresolvedAssetJobDefinition:
    """The staging views: what they show is always current, so they are deployed when their SQL changed, not hourly."""
    return dg.define_asset_job(
        VIEWS_JOB,
        selection=dg.AssetSelection.groups(REFERENCE_GROUP, STAGING_GROUP),
        description="After an installation or an upgrade: reference tables, and the staging views whose SQL changed.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )


def build_emission_job() -> UnresolvedAssetJobDefinition:
    """Marts from everything that core holds now, then the picks."""
    return dg.define_asset_job(
        EMISSION_JOB,
        selection=EMISSION,
        description="Marts from core, then the picks: planned, sent as far as they may be, held with their reason.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )


def build_read_back_job() -> UnresolvedAssetJobDefinition:
    """What the floor shows for the lines that it got."""
    return dg.define_asset_job(
        READ_BACK_JOB,
        selection=READ_BACK,
        description="Reads back what ScanOrders shows for sent lines, and pushes statuses by policy.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )


def build_report_job() -> UnresolvedAssetJobDefinition:
    """The report, when a person asks for it."""
    return dg.define_asset_job(
        REPORT_JOB,
        selection=REPORT,
        description="The report as an HTML file, its tables as a preview. No schedule starts it.",
        executor_def=dg.in_process_executor,
        tags=NO_RETRY_TAGS,
    )
