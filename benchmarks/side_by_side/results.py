"""The figures as Markdown and as a plot: medians with ranges, and the machine that they were taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import pygal

from benchmarks.measuring import Measured, median_of
from benchmarks.side_by_side.tools import DOWNLOAD, OUR_ROAD, Tool
from benchmarks.side_by_side.workloads import Workload

NAME = "side_by_side"


@dataclass(frozen=True, slots=True)
class Row:
    """All timed runs of a tool in a workload, or why there is none."""

    workload: Workload
    tool: Tool
    runs: Sequence[Measured]
    failure: str = ""

    @property
    def seconds(self) -> float | None:
        """The median run's seconds."""
        return median_of(self.runs).seconds if self.runs else None


def machine() -> str:
    """The machine and the versions, in a sentence."""
    versions = ", ".join(f"{name} {found}" for name in ("duckdb", "dlt", "drt-core") if (found := _version(name)))
    memory = psutil.virtual_memory().total / 1024**3
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}, {versions}; load average at the end"
        f" {os.getloadavg()[0]:.1f}."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def markdown(rows: Sequence[Row]) -> str:
    """A table for each workload."""
    parts = [
        "# Our road beside its peers\n",
        f"`python -m benchmarks.side_by_side`, {machine()}\n",
        "The fake runs in a process of its own. Each tool runs as a process of its own into a new directory: one",
        "warm-up, then the timed runs in turn. Seconds are of the work, without imports: the median, and the range.",
        "A tool's time is shown only when its tables hold exactly the orders and shipped items that the fake has.",
    ]
    for workload in dict.fromkeys(row.workload for row in rows):
        of_workload = [row for row in rows if row.workload is workload]
        ours = next((row.seconds for row in of_workload if row.tool is OUR_ROAD), None)
        parts += [
            f"\n## {workload.name}\n",
            f"{workload.about}\n",
            "| tool | gives | median s | range s | beside ours | CPU s | peak MB | runs |",
            "|---|---|---:|---:|---:|---:|---:|---:|",
            *(_line(row, ours) for row in of_workload),
        ]
    return "\n".join(parts) + "\n"


def _line(row: Row, ours: float | None) -> str:
    if not row.runs:
        return f"| {row.tool.name} | {row.tool.gives} | {row.failure} | | | | | 0 |"
    middle, seconds = median_of(row.runs), [run.seconds for run in row.runs]
    times = f"{middle.seconds:.2f} | {min(seconds):.2f} to {max(seconds):.2f}"
    beside = f"{middle.seconds / ours:.2f}" if ours else ""
    return (
        f"| {row.tool.name} | {row.tool.gives} | {times} | {beside}"
        f" | {middle.processor_seconds:.1f} | {max(run.peak_megabytes for run in row.runs):.0f} | {len(seconds)} |"
    )


def write(rows: Sequence[Row], directory: Path) -> None:
    """The tables as a page and the plot beside it, without the bare download; both are named after the benchmark."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath(NAME).with_suffix(".md").write_text(
        markdown(rows) + f"\n![seconds by tool]({NAME}.svg)\n", encoding="utf-8"
    )
    workloads = list(dict.fromkeys(row.workload for row in rows))
    chart = pygal.HorizontalBar(
        title="Seconds, median (shorter is better)",
        x_labels=[workload.name for workload in workloads],
        js=[],
        legend_at_bottom=True,
    )
    for tool in dict.fromkeys(row.tool for row in rows):
        if tool is not DOWNLOAD:
            found = {row.workload.name: row.seconds for row in rows if row.tool is tool}
            chart.add(tool.name, [found.get(workload.name) for workload in workloads])
    chart.render_to_file(str(directory.joinpath(NAME).with_suffix(".svg")))
