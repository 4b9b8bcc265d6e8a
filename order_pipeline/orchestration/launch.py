"""Runs a job of the definitions in this process, recorded in the instance, and says how it went.

The command line and the tests use it: the same jobs, assets and checks as the UI, without a daemon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster_shared.error import SerializableErrorInfo

from order_pipeline.channels.base import Window
from order_pipeline.orchestration.jobs import NO_RETRY_TAGS
from order_pipeline.orchestration.launcher import machine_tags
from order_pipeline.orchestration.origins import ORIGIN_TAG, job_origin
from order_pipeline.orchestration.partitions import range_tags

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A step that failed, and the message of the error that made it fail."""

    step: str
    message: str


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How one run went."""

    job: str
    run_id: str
    success: bool
    failures: tuple[StepFailure, ...]
    failed_checks: tuple[str, ...]


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    window: Window | None = None,
    assets: Sequence[dg.AssetKey] | None = None,
    *,
    command: str = "order-pipeline",
    tags: Mapping[str, str] | None = None,
) -> JobOutcome:
    """Execute the job in this process; a window makes it one run over that range of daily partitions.

    `assets` are those of the job that are materialised; None: all. `command` stands on the run as its origin,
    and `tags` are added to the run's. No machine retries the run: whoever typed the command sees how it went.

    A failing step does not raise: it is in the outcome, so that one source's failure does not hold the next source.
    """
    selected = list(assets or [])
    defined = definitions.resolve_job_def(job_name)
    job = defined.as_ephemeral_job(resource_defs={}, input_values={}, asset_selection=selected)
    ranged = range_tags(window) if window is not None else {}
    run = instance.create_run_for_job(  # what `execute_in_process` does too, but without an origin
        job,
        run_config=QUIET,
        tags={**defined.run_tags, **NO_RETRY_TAGS, **machine_tags(), ORIGIN_TAG: command, **ranged, **(tags or {})},
        asset_selection=frozenset(selected),
        remote_job_origin=job_origin(job_name),
    )
    result = execute_run(InMemoryJob(job), run, instance)
    return JobOutcome(
        job=job_name,
        run_id=result.run_id,
        success=result.success,
        failures=tuple(
            StepFailure(step=event.step_key or job_name, message=stated_cause(event.step_failure_data.error))
            for event in result.all_events
            if event.is_step_failure
        ),
        failed_checks=tuple(
            f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
            for evaluation in result.get_asset_check_evaluations()
            if not evaluation.passed
        ),
    )


def stated_cause(error: SerializableErrorInfo | None) -> str:
    """What failed, on one line. Our errors say what was tried and what to do; what lies beneath them says less."""
    found = deepest_error(error)
    return " ".join(found.message.split()) if found is not None else "no error was recorded"


def deepest_error(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    """The first error of the chain that is not Dagster's own wrapping, and has a text."""
    found = None
    while error is not None:
        found = error if error.message.split() else found
        is_wrapping = (error.cls_name or "").startswith("Dagster") or (error.cls_name == "Failure" and error.cause)
        if not is_wrapping:
            break
        error = error.cause
    return found
