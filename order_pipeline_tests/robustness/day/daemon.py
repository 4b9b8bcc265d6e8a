"""`python -m order_pipeline_tests.robustness.day.daemon`: Dagster's daemons, one step at a time.

What `dagster-daemon run` does in loops that wait, happens here once for each line of the input: the same functions of
Dagster over the same definitions, instance, queue and pools. A line of JSON on the output ends each step. The process
leads a process group, to be killed as a whole: the inbox's worker is in it.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._daemon.types import DaemonHeartbeat
from dagster._scheduler.scheduler import launch_scheduled_runs

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.settings import load_settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.robustness.day.kills import ARMED_IN_PUBLISH
from order_pipeline_tests.shared_demo import PROJECT

LOG = logging.getLogger("order_pipeline.day")
MOST_ROUNDS = 8
"""Of one step: a run that ends may lead to another one, which is started in the next round."""
NEWEST_RUNS = 40
"""More than one step ends."""
LONGEST_WAIT_SECONDS = 60.0
WAIT_FOR_INBOX_SECONDS = 6.0
"""So long the worker gets for what waits; what it cannot read yet, it tries again during later steps."""


class Daemons:
    """All daemons of one instance, over definitions that are loaded into this process."""

    def __init__(
        self, instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, store: OperationsStore
    ) -> None:
        self._instance = instance
        self._workspace = workspace
        self._store = store
        self._iteration_times: dict[str, Any] = {}
        self._queue = QueuedRunCoordinatorDaemon(interval_seconds=5)
        self._retries = EventLogConsumerDaemon()

    def step(self) -> dict[str, Any]:
        """Everything that is due now, until nothing is under way; how many runs of each job ended how."""
        known = before = self._runs()
        for _ in range(MOST_ROUNDS):
            self._beat()
            self._round()
            now = self._runs()
            if now == known and not self._unfinished():
                break
            known = now
        self._wait_for_the_inbox()
        changed = [name for run_id, name in self._runs().items() if before.get(run_id) != name]
        return {"moment": datetime.now(UTC).isoformat(), "runs": Counter(changed)}

    def _round(self) -> None:
        _exhaust(execute_run_monitoring_iteration(self._workspace, LOG))
        _exhaust(launch_scheduled_runs(self._workspace, LOG, datetime.now(UTC), self._iteration_times))
        _exhaust(execute_sensor_iteration(self._workspace, LOG, None, None))
        _exhaust(self._retries.run_iteration(self._workspace))
        _exhaust(self._queue.run_iteration(self._workspace))

    def _beat(self) -> None:
        for name in self._instance.get_required_daemon_types():
            self._instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, "a simulated day"))

    def _wait_for_the_inbox(self) -> None:
        """Until the worker has landed what waits, or will not do so soon; and until its run has ended."""
        pause, started = threading.Event(), time.monotonic()
        while (waited := time.monotonic() - started) < LONGEST_WAIT_SECONDS:
            waits_for_worker = inbox.has_pending(self._store, "skroutz") and waited < WAIT_FOR_INBOX_SECONDS
            if not waits_for_worker and not self._unfinished():
                return
            pause.wait(0.1)

    def _unfinished(self) -> int:
        return self._instance.get_runs_count(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))

    def _runs(self) -> dict[str, str]:
        """Job and status of the newest runs by id."""
        return {run.run_id: f"{run.job_name} {run.status.value}" for run in self._instance.get_runs(limit=NEWEST_RUNS)}


def _exhaust(steps: Iterable[Any]) -> None:
    for problem in steps:
        if problem is not None:
            LOG.error("a daemon reported: %s", problem)


def die_in_publish_when_armed(armed: Path) -> None:
    """Once the file is there, the next transaction that publishes core is this process group's last act."""
    run = Lake.run

    def watched(lake: Lake, what: str, body: Any, **more: Any) -> Any:
        def dying(transaction: Any) -> Any:
            body(transaction)
            armed.unlink()
            os.killpg(os.getpgid(0), signal.SIGKILL)

        return run(lake, what, dying if what.startswith("publish") and armed.exists() else body, **more)

    Lake.run = watched  # type: ignore[method-assign]


def main() -> None:
    """A step a line of the input, until it ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not look like an answer
    settings = load_settings()
    die_in_publish_when_armed(settings.data_dir / ARMED_IN_PUBLISH)
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable, module_name="order_pipeline.definitions", working_directory=str(PROJECT)
        ),
        location_name="order_pipeline",
    )
    with (
        open_instance(settings) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
        open_store(settings.resolved_operations_url) as store,
    ):
        daemons = Daemons(instance, workspace, store)
        for _line in sys.stdin:
            answers.write(json.dumps(daemons.step()) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
