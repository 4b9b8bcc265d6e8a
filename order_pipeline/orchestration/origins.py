"""What a run's tags say of it: where it comes from, and whether it found anything. The UI filters by them."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

CODE_LOCATION = "order_pipeline"
"""As `workspace.yaml` names it."""

FOUND_TAG = "order_pipeline/found"
"""What a run found: `nothing`, or `changes`. A run that found nothing leaves Dagster's store first."""
NOTHING, CHANGES = "nothing", "changes"

ORIGIN_TAG = "order_pipeline/origin"
"""Who started a run that Dagster's daemon did not: a command, by its name."""


def origin_tags(command: str) -> Mapping[str, str]:
    """The tags of a run that a command makes in its own process.

    The label of the code location is what the UI's run list filters by; the timeline needs more and does not show them.
    """
    return {ORIGIN_TAG: command, REPOSITORY_LABEL_TAG: f"{SINGLETON_REPOSITORY_NAME}@{CODE_LOCATION}"}


def note_found(instance: dg.DagsterInstance, run_id: str, *, changes: bool) -> None:
    """Say on the run whether a step found anything; once it has, no later step takes that back."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.tags.get(FOUND_TAG) != CHANGES:
        instance.add_run_tags(run_id, {FOUND_TAG: CHANGES if changes else NOTHING})
