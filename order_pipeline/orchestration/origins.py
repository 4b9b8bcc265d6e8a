"""Where a run comes from, and whether it found anything. The UI groups and filters runs by this."""

from __future__ import annotations

from functools import cache

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from order_pipeline.orchestration.instance import PROJECT_ROOT

FOUND_TAG = "order_pipeline/found"
"""What a run found: `nothing`, or `changes`. A run that found nothing leaves Dagster's store first."""
NOTHING, CHANGES = "nothing", "changes"

ORIGIN_TAG = "order_pipeline/origin"
"""Who started a run that Dagster's daemon did not: a command, as a person types it."""


def job_origin(job_name: str) -> RemoteJobOrigin:
    """Where the UI finds the job. Its timeline shows no run without this, and a run of a command has none by itself."""
    return _repository_origin().get_job_origin(job_name)


@cache
def _repository_origin() -> RemoteRepositoryOrigin:
    (location,) = location_origins_from_yaml_paths([str(PROJECT_ROOT / "workspace.yaml")])
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)


def is_started_by_command(run: dg.DagsterRun) -> bool:
    """Whether a command of ours made the run. A person who executes it again in the UI has its tags copied."""
    return ORIGIN_TAG in run.tags and run.parent_run_id is None


def note_found(instance: dg.DagsterInstance, run_id: str, *, changes: bool) -> None:
    """Say on the run whether a step found anything; once it has, no later step takes that back."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.tags.get(FOUND_TAG) != CHANGES:
        instance.add_run_tags(run_id, {FOUND_TAG: CHANGES if changes else NOTHING})
