"""Launches runs as Dagster does by itself, and can tell whether a run's process still lives.

Dagster's own launcher cannot: a run that was killed together with its code server stays `Started` for ever, holds its
pool, and its channel is never read again. With an answer from here Dagster's monitoring marks such a run as failed, and
the retries of `dagster.yaml` start it again. Where that cannot be known, as of another machine's, a run counts as alive
until it has said nothing for two hours. If it lived on then, nothing would be done twice: who reads a channel or sends
picks holds a lease, and who publishes core finds out.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import dagster as dg
import psutil
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

from order_pipeline.operations.processes import has_restarted, this_machine

MACHINE_TAG = ".dagster/order_pipeline_machine"
"""A run with this tag was started on that machine (see `operations.processes`). The UI hides tags with this prefix."""

ANSWER_SECONDS = 5
SILENT_SECONDS = 2 * 3600
"""A run that cannot be seen from here, and has written no event for so long, counts as dead."""
CLOCK_SECONDS = 60  # by which a clock that was set may make a process look younger than what it wrote


def machine_tags() -> Mapping[str, str]:
    """The tag that says where a run was started; none where the system does not tell."""
    machine = this_machine()
    return {MACHINE_TAG: machine} if machine else {}


class WatchfulRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher, with an answer to whether a run's process still lives. Named in `dagster.yaml`."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch the run, and note on it from where."""
        self._instance.add_run_tags(context.dagster_run.run_id, machine_tags())
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's monitoring asks for every run that has started."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """`FAILED` if the run's process certainly ended, else `RUNNING`."""
        held = self._is_held_by_its_server(run)
        if held:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        lives = self._lives_here(run)
        if lives is False or (lives is None and held is False):
            message = "The process of the run ended without a word: it was killed, or its machine was switched off."
            return CheckRunHealthResult(WorkerStatus.FAILED, message)
        if lives is None and self._is_silent(run):
            message = f"The run is on a machine that cannot be seen from here, and was silent for {SILENT_SECONDS} s."
            return CheckRunHealthResult(WorkerStatus.FAILED, message)
        return CheckRunHealthResult(WorkerStatus.RUNNING, None if lives else "It cannot be seen from here.")

    def _is_silent(self, run: dg.DagsterRun) -> bool:
        newest = self._instance.event_log_storage.get_logs_for_run(run.run_id, limit=1, ascending=False)
        return bool(newest) and time.time() - newest[0].timestamp > SILENT_SECONDS

    def _is_held_by_its_server(self, run: dg.DagsterRun) -> bool | None:
        """Whether the code server that started the run still has it; None: no such server, or no answer."""
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return None
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=ANSWER_SECONDS)
        except DagsterUserCodeUnreachableError:
            return None
        return deserialize_value(answer, CanCancelExecutionResult).can_cancel

    def _lives_here(self, run: dg.DagsterRun) -> bool | None:
        """Whether the run's process lives on this machine; None: it ran elsewhere, or nothing tells."""
        machine = run.tags.get(MACHINE_TAG)
        if machine is None or not _has_near_server(run):
            return None
        if has_restarted(machine):
            return False
        worker = self._worker(run.run_id)
        if machine != this_machine() or worker is None:
            return None
        process_id, seen_at = worker
        return _lives(process_id, seen_at)

    def _worker(self, run_id: str) -> tuple[int, float] | None:
        """The process id that the run's first event with one names, and when it was written (seconds since 1970)."""
        for entry in self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            metadata = entry.get_dagster_event().engine_event_data.metadata
            if "pid" in metadata:
                return int(str(metadata["pid"].value)), entry.timestamp
        return None


def _has_near_server(run: dg.DagsterRun) -> bool:
    """Whether the run was started without a code server, or by one on the machine of the launcher."""
    place = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return not place or "socket" in place or place.get("host") in {"localhost", "127.0.0.1", "::1"}


def _lives(process_id: int, seen_at: float) -> bool:
    """Whether it is still the process that lived at that time, and not a later one with its number."""
    if not psutil.pid_exists(process_id):
        return False
    try:
        process = psutil.Process(process_id)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= seen_at + CLOCK_SECONDS
    except psutil.Error:  # it is there, but another user's, and the system does not show it
        return True
