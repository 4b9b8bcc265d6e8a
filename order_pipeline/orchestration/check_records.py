"""Evaluations of asset checks by a job that is not made of assets: written down where they say something new."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus


def changed_evaluations(
    instance: dg.DagsterInstance, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The checks that are red, and those that are green and were not so at their last evaluation.

    A check that stays green is not written again: the channel's own job evaluates all of them hourly.
    """
    by_key = {_key(result): result for result in results}
    last = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(by_key))
    for key, result in by_key.items():
        was_red = key in last and last[key].status is not AssetCheckExecutionRecordStatus.SUCCEEDED
        if not result.passed or was_red:
            yield dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
            )


def _key(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    if result.asset_key is None or result.check_name is None:
        raise ValueError("Only a result that names its asset and its check can be written down outside of that asset.")
    return dg.AssetCheckKey(result.asset_key, result.check_name)
