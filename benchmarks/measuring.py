"""Runs a step as a process of its own and accounts for it: seconds of work, seconds in all, peak memory, processor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished step. `seconds` is what the step said of its own work, imports excluded; `facts` is the rest."""

    name: str
    seconds: float
    process_seconds: float
    processor_seconds: float
    peak_megabytes: float
    facts: dict[str, Any] = field(default_factory=dict)


def measure(name: str, arguments: Sequence[str]) -> Measured:
    """Run `python *arguments`, whose last output line is a JSON object with at least `seconds`.

    Raises:
        RuntimeError: the step failed; its output is in the message.
    """
    command = [sys.executable, "-m", "benchmarks.small_parent", *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    *lines, taken = ended.stdout.strip().splitlines() or [""]
    if ended.returncode or not lines:
        raise RuntimeError(f"The step {name!r} ended with {ended.returncode}: {ended.stdout[-2000:]}")
    facts = json.loads(lines[-1])
    return Measured(name, seconds=facts.pop("seconds"), **json.loads(taken), facts=facts)


def median_of(runs: Sequence[Measured]) -> Measured:
    """The run in the middle by `seconds`."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def table(rows: Sequence[Measured], base: Measured) -> str:
    """The rows as text, each with its ratio to `base`."""
    header = f"{'step':34} {'work s':>8} {'x base':>7} {'process s':>10} {'cpu s':>7} {'peak MB':>8}  facts"
    lines = [header]
    for row in rows:
        facts = ", ".join(f"{name} {value}" for name, value in row.facts.items())
        ratio = row.seconds / base.seconds
        lines.append(
            f"{row.name:34} {row.seconds:8.2f} {ratio:7.2f} {row.process_seconds:10.2f} {row.processor_seconds:7.2f}"
            f" {row.peak_megabytes:8.0f}  {facts}"
        )
    return "\n".join(lines)
