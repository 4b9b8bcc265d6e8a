"""Which checks that count as errors are red, by the last evaluation of each: for alerts.

Checks whose matter has a look of its own are left out here, so that one cause makes one incident.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from order_pipeline.alerts.kinds import Kind
from order_pipeline.operations.incidents import Incident
from order_pipeline.orchestration.failed_runs import is_waiting_for_retry, shown_days

KINDS = (Kind.CHECK_RED,)
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def check_keys_of(assets: Iterable[dg.AssetsDefinition], besides: Collection[str]) -> list[dg.AssetCheckKey]:
    """The keys of all checks of the assets, but for those of these names."""
    return sorted(
        (spec.key for asset in assets for spec in asset.check_specs if spec.name not in besides),
        key=lambda key: (key.asset_key.path, key.name),
    )


def find_red_checks(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetCheckKey], now: datetime
) -> Iterator[Incident]:
    """One incident for each red check and the neighbouring assets (the tables of one channel) that it is red for."""
    groups: dict[tuple[str, str], list[AssetCheckExecutionRecord]] = defaultdict(list)
    for key in keys:
        record = _last_evaluation(instance, key)
        if record is not None and _is_error(record) and not _will_be_tried_again(instance, record.run_id, now):
            groups[key.name, "/".join(key.asset_key.path[:-1])].append(record)
    for (name, place), records in sorted(groups.items()):
        yield _incident(instance, name, place, records)


def _last_evaluation(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> AssetCheckExecutionRecord | None:
    """The last one that ended: a run under way has planned its checks, and says nothing yet."""
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=_EVALUATED)
    return found[0] if found else None


def _is_error(record: AssetCheckExecutionRecord) -> bool:
    if record.status is not AssetCheckExecutionRecordStatus.FAILED or record.event is None:
        return False
    event = record.event.get_dagster_event()
    return event.asset_check_evaluation_data.severity is dg.AssetCheckSeverity.ERROR


def _will_be_tried_again(instance: dg.DagsterInstance, run_id: str, now: datetime) -> bool:
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return False
    retry = record.dagster_run.tags.get("dagster/auto_retry_run_id")
    retried = instance.get_run_by_id(retry) if retry else None
    return is_waiting_for_retry(record, now) or (retried is not None and not retried.is_finished)


def _incident(
    instance: dg.DagsterInstance, name: str, place: str, records: list[AssetCheckExecutionRecord]
) -> Incident:
    last = max(records, key=lambda record: record.id)
    run = instance.get_run_by_id(last.run_id)
    assets = ", ".join(record.key.asset_key.path[-1] for record in records)
    said = _said(last)
    return Incident(
        kind=Kind.CHECK_RED,
        subject=f"{place}: {name}",
        message=f"The check {name} is red for {place}: {assets}." + (f" {said}" if said else ""),
        next_step="Open the run: the check's page has counts and a sample. What depends on it waits until it is green.",
        since=datetime.fromtimestamp(min(record.create_timestamp for record in records), UTC),
        run_id=last.run_id,
        partitions=shown_days(run),
    )


def _said(record: AssetCheckExecutionRecord) -> str:
    """The description of this evaluation: our own words, counts and rules only."""
    assert record.event is not None  # noqa: S101 - see `_is_error`
    return record.event.get_dagster_event().asset_check_evaluation_data.description or ""
