"""The sensor of a channel's webhook inbox: it keeps the process that lands webhooks, or starts runs in its place.

The process (`inbox_worker`) runs within a second of a webhook. The sensor starts a run by Dagster's queue where the
setting wants no such process, and whenever an event has waited for long, whatever the process does. The inbox itself
knows what waits (an event is pending until a run has landed it), so no cursor can be lost.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from order_pipeline.operations import inbox
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration.instance import PROJECT_ROOT
from order_pipeline.settings import Settings

LOG = logging.getLogger("order_pipeline.inbox")

SECONDS_BETWEEN_LOOKS = 30
TRIED_AGAIN_AFTER = timedelta(minutes=5)
"""So long no second run is started for the same events."""

KeepWorker = Callable[[], int]
"""Sees to it that the worker runs and knows that it is wanted; returns its process id."""


def inbox_sensor_name(channel: str) -> str:
    """The name of the sensor of a channel's inbox."""
    return f"{channel}_inbox"


def build_inbox_sensor(
    settings: Settings,
    channel: str,
    job: dg.JobDefinition,
    status: dg.DefaultSensorStatus,
    keep_worker: KeepWorker | None = None,
) -> dg.SensorDefinition:
    """Looks at the channel's inbox twice a minute.

    Args:
        settings: where the inbox is.
        channel: whose it is.
        job: lands what waits.
        status: whether it is on from the start.
        keep_worker: None: no worker is kept, and every look that finds something starts a run.
    """
    longest_wait = timedelta(0) if keep_worker is None else inbox.WATCHER_IS_LATE

    @dg.sensor(
        name=inbox_sensor_name(channel),
        job_name=job.name,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=status,
        description="Keeps the process that brings webhooks to the floor, and starts a run where it does not.",
    )
    def inbox_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        watching = "" if keep_worker is None else f" Process {keep_worker()} watches."
        now = datetime.now(UTC)
        with open_store(settings.resolved_operations_url) as store:
            oldest = inbox.oldest_pending(store, channel)
            newest = inbox.newest_event_id(store, channel)
        if oldest is None or now - oldest < longest_wait:
            return dg.SkipReason(f"{'No webhook waits.' if oldest is None else 'A webhook has just come.'}{watching}")
        if _is_under_way(context.instance, job.name):
            return dg.SkipReason(f"A run is under way.{watching}")
        return dg.RunRequest(run_key=f"event-{newest}-{int(now.timestamp() // TRIED_AGAIN_AFTER.total_seconds())}")

    return inbox_sensor


def _is_under_way(instance: dg.DagsterInstance, job: str) -> bool:
    return bool(instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=list(NOT_FINISHED_STATUSES))))


class WorkerProcess:
    """The worker of one channel as a child of this process, which is Dagster's code server; it ends with it."""

    def __init__(self, channel: str) -> None:
        self.command = [sys.executable, "-m", "order_pipeline", "webhooks", "watch", channel]
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> int:
        """Start the worker if none runs, and tell it that it is wanted."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                self.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=PROJECT_ROOT
            )
        if self._process.stdin:
            try:
                os.write(self._process.stdin.fileno(), b".")
            except BrokenPipeError:  # the next look starts another one
                LOG.warning("the inbox worker ended by itself")
        return self._process.pid
