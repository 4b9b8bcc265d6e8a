"""Runs of several tools in turn: one warm-up each, then the timed ones, so that a drift of the machine meets all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.measuring import Measured, median_of
from benchmarks.side_by_side.sections import Findings

SLOW_SECONDS = 60.0
"""A tool whose first run takes longer is not asked again: that run is its time, and the page says that it is one."""


class NotTheSameError(RuntimeError):
    """A tool left something else than the fake has."""


@dataclass(slots=True)
class Taken:
    """The timed runs of a tool, or why there are none; `is_done`: it is not asked again."""

    runs: list[Measured] = field(default_factory=list)
    failure: str = ""
    is_done: bool = False


def take_in_turn(part: str, tools: Mapping[str, Callable[[], Measured]], runs: int) -> dict[str, Taken]:
    """Every tool's timed runs; one that fails, leaves something else than it should, or is slow is not asked again."""
    taken = {name: Taken() for name in tools}
    for number in range(runs + 1):
        for name, run in tools.items():
            if taken[name].is_done:
                continue
            try:
                measured = run()
            except (NotTheSameError, RuntimeError) as error:
                taken[name] = Taken(failure=f"no time: {str(error).splitlines()[0][:120]}", is_done=True)
                print(f"{part}: {name}: {error}", flush=True)
                continue
            taken[name].is_done = not number and measured.seconds > SLOW_SECONDS
            if number or taken[name].is_done:
                taken[name].runs.append(measured)
            print(f"{part}: {name}: {f'run {number}' if number else 'warm-up'}: {measured.seconds:.2f} s", flush=True)
    return taken


def findings(taken: Mapping[str, Taken], gives: Mapping[str, str], base: str) -> Findings:
    """The runs as a table; `gives` says of each tool what it leaves behind."""
    medians = {name: median_of(each.runs).seconds for name, each in taken.items() if each.runs}
    return Findings(
        columns=("tool", "gives", "median s", "range s", "beside ours", "CPU s", "peak MB", "runs"),
        rows=[_row(name, gives[name], each, medians.get(base)) for name, each in taken.items()],
        base=base,
        medians=medians,
        runs={name: [round(run.seconds, 3) for run in each.runs] for name, each in taken.items()},
        failures=[f"{name}: {each.failure}" for name, each in taken.items() if each.failure],
    )


def _row(name: str, gives: str, taken: Taken, ours: float | None) -> list[str]:
    if not taken.runs:
        return [name, gives, taken.failure, "", "", "", "", "0"]
    middle, seconds = median_of(taken.runs), [run.seconds for run in taken.runs]
    return [
        name,
        gives,
        f"{middle.seconds:.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{middle.seconds / ours:.2f}" if ours else "",
        f"{middle.processor_seconds:.1f}",
        f"{max(run.peak_megabytes for run in taken.runs):.0f}",
        str(len(seconds)),
    ]
