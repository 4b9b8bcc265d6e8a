"""Our road beside its peers: the same orders, the same fake, real HTTP; parity is asserted before a time is printed.

Each workload has a fake of its own in another process. Of each tool one run is a warm-up; the others are taken in turn,
so that a drift of the machine meets all. A tool whose tables do not hold what the fake has gets no time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.kibo_steps import DAYS, TODAY
from benchmarks.measuring import Measured, measure
from benchmarks.side_by_side.results import Row, markdown, write
from benchmarks.side_by_side.tools import Tool, available_tools
from benchmarks.side_by_side.truth import Counts, Truth
from benchmarks.side_by_side.workloads import WORKLOADS, Workload, change_orders, set_faults
from order_pipeline.sandbox.process import SandboxProcess


class NotTheSameError(RuntimeError):
    """A tool's tables do not hold what the fake has."""


def run_workload(workload: Workload, tools: Sequence[Tool], runs: int) -> list[Row]:
    """Every tool's timed runs of the workload."""
    # dlt's paginator ends at an empty list; the other form of the API's last page, no body at all, would end its run.
    switches = {"kibo": {"size": "lean", "no_rows": "empty_collection"}}
    with SandboxProcess(orders=workload.orders // DAYS, days=DAYS, channels=["kibo"], switches=switches) as sandbox:
        httpx.post(f"{sandbox.url}/control/kibo/warm", timeout=600).raise_for_status()
        truth = Truth.of_fake(sandbox.url, DAYS, TODAY)
        timed: dict[Tool, list[Measured]] = {tool: [] for tool in tools}
        failures: dict[Tool, str] = {}
        for number in range(runs + 1):
            for tool in tools:
                if tool in failures:
                    continue
                try:
                    measured = run_tool(workload, tool, sandbox.url, truth)
                except (NotTheSameError, RuntimeError) as error:
                    failures[tool] = f"no time: {str(error).splitlines()[0][:120]}"
                    print(f"{workload.name}: {tool.name}: {error}", flush=True)
                    continue
                if number:
                    timed[tool].append(measured)
                kind = f"run {number}" if number else "warm-up"
                print(f"{workload.name}: {tool.name}: {kind}: {measured.seconds:.2f} s", flush=True)
    return [Row(workload, tool, timed[tool], failures.get(tool, "")) for tool in tools]


def run_tool(workload: Workload, tool: Tool, url: str, truth: Truth) -> Measured:
    """One timed run in a new directory, its tables compared with the truth.

    Raises:
        NotTheSameError: they differ.
        RuntimeError: the tool failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = ["-m", "benchmarks.kibo_steps", "--step", tool.step, url, directory]
        if workload.is_second and tool.count:
            measure(tool.name, command)
        changed = truth.order_ids[: int(len(truth.order_ids) * workload.changed_share)]
        undo = change_orders(url, changed)
        set_faults(url, workload.faults)
        try:
            measured = measure(tool.name, command)
        finally:
            set_faults(url, ())
            undo()
        if tool.count:
            wanted = Counts(len(truth.order_ids), truth.items, len(changed))
            if (found := tool.count(Path(directory))) != wanted:
                raise NotTheSameError(f"its tables hold {found}, and the fake has {wanted}")
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.side_by_side", description=__doc__)
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--workload", action="append", choices=names, help="one or more; all without it")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each tool, after one warm-up")
    parser.add_argument("--orders", type=int, help="orders of each workload, for a trial of the benchmark itself")
    parser.add_argument("--results", type=Path, help="write the page and the plot into this directory")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for workload in WORKLOADS:
        if arguments.workload and workload.name not in arguments.workload:
            continue
        asked = replace(workload, orders=arguments.orders) if arguments.orders else workload
        rows += run_workload(asked, available_tools(), arguments.runs)
        if arguments.results:
            write(rows, arguments.results)
    print(markdown(rows))
    return 1 if any(row.failure for row in rows if row.tool.step == "road") else 0


if __name__ == "__main__":
    raise SystemExit(main())
