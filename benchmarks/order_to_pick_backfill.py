"""A backfill of a channel that goes on and on, beside what `benchmarks.order_to_pick` measures."""

from __future__ import annotations

import httpx

from order_pipeline.cli.demo_world import DemoWorld

LAUNCH = """
mutation($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { ... on LaunchRunSuccess { run { runId } } }
}
"""
UNFINISHED = """
query($job: String!) { runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED], pipelineName: $job}) {
    ... on Runs { results { runId } } } }
"""


def keep_backfilling(dagster: httpx.Client, channel: str, world: DemoWorld) -> None:
    """Start the channel's job over all days, unless one is under way."""
    query = {"query": UNFINISHED, "variables": {"job": f"{channel}_job"}}
    if dagster.post("/graphql", json=query).json()["data"]["runsOrError"]["results"]:
        return
    window = world.window
    tags = {
        "dagster/asset_partition_range_start": window.start.isoformat(),
        "dagster/asset_partition_range_end": world.today.isoformat(),
    }
    parameters = {
        "selector": {
            "repositoryName": "__repository__",
            "repositoryLocationName": "order_pipeline",
            "jobName": f"{channel}_job",
        },
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }
    query = {"query": LAUNCH, "variables": {"parameters": parameters}}
    dagster.post("/graphql", json=query).raise_for_status()
