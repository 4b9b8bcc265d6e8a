"""kill -9 of the UI with all its processes in the middle of a run, then the UI again: the run is finished by itself.

Everything is real: the fake in a process of its own, `order-pipeline ui` with its daemon, and a run that it launched.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, as_environment, free_port
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.shared_demo import PROJECT

DAYS, ORDERS = 2, 25
WORLD = DemoWorld(days=DAYS, orders=ORDERS, seed=7, port=0)
LAUNCH = """
mutation($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { ... on LaunchRunSuccess { run { runId } } }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { runId parentRunId status } } } }"
PARAMETERS = {
    "selector": {
        "repositoryName": "__repository__",
        "repositoryLocationName": "order_pipeline",
        "jobName": "kibo_job",
    },
    "runConfigData": {},
    "executionMetadata": {
        "tags": [
            {"key": "dagster/asset_partition_range_start", "value": WORLD.window.start.isoformat()},
            {"key": "dagster/asset_partition_range_end", "value": "2026-01-14"},
        ]
    },
}


@pytest.fixture
def sandbox():
    with SandboxProcess(days=DAYS, orders=ORDERS, channels=["kibo", "scanorders", "skroutz"]) as process:
        yield RunningSandbox(process.url)


@contextmanager
def running_ui(sandbox, data_dir) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """`order-pipeline ui`, and a client of its API. At the end all its processes are killed without a warning."""
    port = free_port()
    environment = as_environment(sandbox.settings_groups(WORLD), with_demo_locations(data_dir)) | {
        "PYTHONPATH": str(PROJECT)
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "order_pipeline", "ui", "--port", str(port)],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=9), timeout=120, base_url=address) as client:
            client.headers["Origin"] = address
            client.get("/server_info").raise_for_status()
            yield process, client
    finally:
        group = [*psutil.Process(process.pid).children(recursive=True), process]
        for member in group:
            member.kill()
        for member in group:
            member.wait()


def asked(client, query, **variables):
    return client.post("/graphql", json={"query": query, "variables": variables}).raise_for_status().json()["data"]


def runs(client):
    return {run["runId"]: run for run in asked(client, RUNS)["runsOrError"]["results"]}


def wait_until(reached, process):
    """Ask until it is so; a UI that ends before, or three minutes without it, is a failure."""
    end = time.monotonic() + 180
    while not reached():
        assert process.poll() is None
        assert time.monotonic() < end


@pytest.mark.slow
def test_a_run_that_was_killed_with_the_ui_is_started_again_by_the_next_ui(sandbox, tmp_path):
    faults = f"{sandbox.url}/control/faults"
    stall = {"api": "kibo", "route": "GET /api/v2/order*", "nth": [4], "kind": "stall", "seconds": 3600, "times": 1}
    httpx.post(faults, json=stall).raise_for_status()
    with running_ui(sandbox, tmp_path) as (process, client):
        first = asked(client, LAUNCH, parameters=PARAMETERS)["launchRun"]["run"]["runId"]
        wait_until(lambda: httpx.get(faults).json()[0]["hits"] > 0, process)
        assert runs(client)[first]["status"] == "STARTED"
    httpx.delete(faults)

    with running_ui(sandbox, tmp_path) as (process, client):
        wait_until(lambda: runs(client)[first]["status"] == "FAILURE", process)
        wait_until(lambda: {run["status"] for run in runs(client).values()} == {"FAILURE", "SUCCESS"}, process)
        [second] = [run for run in runs(client).values() if run["runId"] != first]
        assert (second["parentRunId"], second["status"]) == (first, "SUCCESS")

    everything = "select count(*), count(distinct record_id) from raw.kibo_orders"
    assert Lake(Settings(data_dir=tmp_path)).query(everything).rows == [(DAYS * ORDERS,) * 2]
