"""Launches a run inside the daemon's own process: a simulated day has hundreds, and a new interpreter costs seconds.

Everything else is the project's launcher: above all how it tells that a run's process was killed.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dagster._core.execution.api import execute_run
from dagster._core.launcher.base import LaunchRunContext
from dagster._utils.hosted_user_process import recon_job_from_origin

from order_pipeline.orchestration.launcher import WatchfulRunLauncher, machine_tags


class RunsInTheDaemon(WatchfulRunLauncher):
    """Named in the `dagster.yaml` of a simulated day."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Run it, and return when it has ended, well or not."""
        run = context.dagster_run
        self._instance.add_run_tags(run.run_id, machine_tags())
        assert run.job_code_origin is not None
        execute_run(recon_job_from_origin(run.job_code_origin), run, self._instance)
