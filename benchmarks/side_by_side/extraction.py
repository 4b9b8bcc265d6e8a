"""Orders from the Kibo fake into the tables of each tool, in turn; the tables are compared with what the fake holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.kibo_steps import TODAY
from benchmarks.measuring import Measured, measure
from benchmarks.side_by_side.in_turn import NotTheSameError, findings, take_in_turn
from benchmarks.side_by_side.sections import Findings
from benchmarks.side_by_side.tools import (
    DLT_AS_DOCUMENTED,
    DLT_SAME_OUTPUTS,
    DLT_TUNED,
    DOWNLOAD,
    OUR_DAGSTER_RUN,
    OUR_ROAD,
    PLAIN,
    Tool,
    available,
)
from benchmarks.side_by_side.truth import Contents, compare, contents_of_fake
from benchmarks.side_by_side.workloads import Workload, change_orders, set_faults
from order_pipeline.sandbox.process import SandboxProcess


def run_workload(workload: Workload, runs: int) -> Findings:
    """Every tool's timed runs of the workload."""
    dagster = [OUR_DAGSTER_RUN] if workload.with_dagster else []
    documented = [DLT_AS_DOCUMENTED] if workload.with_dlt_as_documented else []
    peers = [PLAIN, *documented, DLT_TUNED, DLT_SAME_OUTPUTS]
    tools = available(DOWNLOAD, OUR_ROAD, *dagster, *peers)
    with kibo_fake(workload.orders, workload.days) as url:
        truth = contents_of_fake(url, workload.days, TODAY)
        taken = take_in_turn(
            workload.name,
            {tool.name: lambda tool=tool: run_tool(workload, tool, url, truth) for tool in tools},
            runs,
        )
    return findings(taken, {tool.name: tool.gives for tool in tools}, OUR_ROAD.name)


@contextmanager
def kibo_fake(orders: int, days: int) -> Iterator[str]:
    """A fake with so many orders in so many days, all of them drawn beforehand; its address."""
    # dlt's paginator ends at an empty list; the other form of the API's last page, no body at all, would end its run.
    switches = {"kibo": {"size": "lean", "no_rows": "empty_collection"}}
    with SandboxProcess(orders=orders // days, days=days, channels=["kibo"], switches=switches) as sandbox:
        httpx.post(f"{sandbox.url}/control/kibo/warm", timeout=600).raise_for_status()
        yield sandbox.url


def command_of(tool: Tool, url: str, directory: str, days: int) -> list[str]:
    """Arguments of Python that do the tool's work."""
    return ["-m", "benchmarks.kibo_steps", "--days", str(days), "--step", tool.step, url, directory]


def run_tool(workload: Workload, tool: Tool, url: str, truth: Contents) -> Measured:
    """One timed run in a new directory, its tables compared with the truth.

    Raises:
        NotTheSameError: they differ.
        RuntimeError: the tool failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = command_of(tool, url, directory, workload.days)
        if workload.is_second and tool.contents:
            measure(tool.name, command)
        order_ids = truth.order_ids
        changed = order_ids[: int(len(order_ids) * workload.changed_share)]
        undo = change_orders(url, changed)
        set_faults(url, workload.faults)
        try:
            measured = measure(tool.name, command)
        finally:
            set_faults(url, ())
            undo()
        if tool.contents:
            wanted = truth.with_changed_city(changed) if changed else truth
            if difference := compare(wanted, tool.contents(Path(directory))):
                raise NotTheSameError(f"{difference}, compared with what the fake has")
    return measured
