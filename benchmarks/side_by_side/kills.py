"""Processes killed at random moments and run again: what is lost, what is there twice, what is wrong.

The moments are drawn with a seed, as shares of the work of a run that nobody disturbs; starting Python and importing
come before. A run that ended before its moment is not counted as killed, and another moment is drawn.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kibo_steps import DAYS, TODAY
from benchmarks.measuring import Measured, measure
from benchmarks.side_by_side.emission import scanorders_fake, send
from benchmarks.side_by_side.emitters import (
    DRT,
    DRT_LEDGER,
    OURS,
    Emitter,
    Outcome,
    available,
    lines_in_doubt,
    outcome,
)
from benchmarks.side_by_side.extraction import command_of, kibo_fake
from benchmarks.side_by_side.sections import Findings
from benchmarks.side_by_side.tools import DLT_AS_DOCUMENTED, DLT_TUNED, OUR_ROAD, PLAIN, Tool
from benchmarks.side_by_side.tools import available as available_tools
from benchmarks.side_by_side.truth import Contents, Difference, compare, contents_of_fake

MOST_MISSES = 5
"""So often in turn may a run end before it is killed; then the tool is too quick for this volume."""
MOST_RUNS = 3
"""After a kill; a tool that is not whole then is not waited for."""


class TooQuickError(RuntimeError):
    """The runs end before they can be killed."""


def moments(name: str, seed: int, undisturbed: Measured) -> Iterator[float]:
    """Seconds after the start of the process, without end: the same for a tool, a seed and a duration."""
    draw = random.Random(f"{seed}:{name}")
    start = undisturbed.process_seconds - undisturbed.seconds
    while True:
        yield start + draw.uniform(0, 1) * undisturbed.seconds


def is_killed_after(seconds: float, command: Sequence[str]) -> bool:
    """Run the command and kill it after so long; False: it had ended before."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() == -signal.SIGKILL
    return False


def kill_one(
    at: Iterator[float], parent: Path, command_in: Callable[[Path], Sequence[str]]
) -> tuple[Path, Sequence[str]]:
    """Start anew in directories of `parent`, until a run was killed at its moment; its directory and command.

    Raises:
        TooQuickError: too many runs ended before.
    """
    for number in range(MOST_MISSES):
        directory = parent / str(number)
        directory.mkdir()
        command = command_in(directory)
        if is_killed_after(next(at), command):
            return directory, command
    raise TooQuickError(f"{MOST_MISSES} runs in turn ended before they could be killed: give more orders or lines")


@dataclass(frozen=True, slots=True)
class Recovery:
    """A kill and what followed: what was wrong after the next run, and which run left all whole; None: none did."""

    after_next: Difference
    next_failed: bool
    whole_after: int | None


def run_extraction_kills(orders: int, kills: int, seed: int) -> Findings:
    """Each tool killed so often while it fills an empty directory, then run again until all is there."""
    rows: list[list[str]] = []
    failures: list[str] = []
    with kibo_fake(orders, DAYS) as url:
        truth = contents_of_fake(url, DAYS, TODAY)
        for tool in available_tools(OUR_ROAD, PLAIN, DLT_AS_DOCUMENTED, DLT_TUNED):
            try:
                recoveries = [*_recoveries(tool, url, truth, kills, seed)]
            except RuntimeError as error:
                failures.append(f"{tool.name}: {error}")
                continue
            rows.append([tool.name, *recovery_cells(recoveries)])
    columns = ("tool", "kills", "next run failed", "whole after the next run", "rows lost then", "rows twice then")
    return Findings(
        (*columns, "rows with other values then", "whole after two", "never whole"), rows, failures=failures
    )


def recovery_cells(recoveries: Sequence[Recovery]) -> list[str]:
    """The sums of a tool, as the table has them."""
    after_next = [each.after_next for each in recoveries]
    whole = [each.whole_after for each in recoveries]
    cells = (
        len(recoveries),
        sum(each.next_failed for each in recoveries),
        whole.count(1),
        sum(each.lost for each in after_next),
        sum(each.twice for each in after_next),
        sum(each.changed for each in after_next),
        whole.count(1) + whole.count(2),
        whole.count(None),
    )
    return [f"{cell:,}" for cell in cells]


def _recoveries(tool: Tool, url: str, truth: Contents, kills: int, seed: int) -> Iterator[Recovery]:
    with tempfile.TemporaryDirectory() as directory:
        undisturbed = measure(tool.name, command_of(tool, url, directory, DAYS))
    at = moments(tool.name, seed, undisturbed)
    for number in range(1, kills + 1):
        with tempfile.TemporaryDirectory() as parent:
            directory, command = kill_one(at, Path(parent), lambda there: command_of(tool, url, str(there), DAYS))
            recovery = recover(tool, command, directory, truth)
        print(f"{tool.name}: kill {number}: {recovery}", flush=True)
        yield recovery


def recover(tool: Tool, command: Sequence[str], directory: Path, truth: Contents) -> Recovery:
    """Run again until the tables are whole, or often enough."""
    contents = tool.contents or (lambda _: Contents())
    differences: list[Difference] = []
    failed: list[bool] = []
    for number in range(1, MOST_RUNS + 1):
        failed.append(
            bool(subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=False).returncode)
        )
        differences.append(compare(truth, contents(directory)))
        if not differences[-1]:
            return Recovery(differences[0], failed[0], number)
    return Recovery(differences[0], failed[0], None)


def run_emission_kills(lines: int, kills: int, seed: int) -> Findings:
    """Each emitter killed so often while it sends, then run again once, as a schedule or a person would."""
    rows: list[list[str]] = []
    failures: list[str] = []
    with scanorders_fake() as (fake, new_database):
        for emitter in available(OURS, DRT, DRT_LEDGER):
            undisturbed, _ = send(fake, emitter, lines, new_database)
            at = moments(emitter.name, seed, undisturbed)

            def command_in(directory: Path, emitter: Emitter = emitter) -> Sequence[str]:
                fake.reset()
                return fake.command(emitter, str(directory), lines, new_database)

            found: list[Outcome] = []
            sent_before: list[int] = []
            for number in range(1, kills + 1):
                with tempfile.TemporaryDirectory() as parent:
                    try:
                        directory, command = kill_one(at, Path(parent), command_in)
                    except TooQuickError as error:
                        failures.append(f"{emitter.name}: {error}")
                        break
                    sent_before.append(fake.accepted().total())
                    measure(emitter.name, command)
                    found.append(outcome(fake.accepted(), lines_in_doubt(directory), lines))
                print(f"{emitter.name}: kill {number} after {sent_before[-1]} lines: {found[-1]}", flush=True)
            rows.append([emitter.name, *outcome_cells(found, sent_before)])
    columns = ("emitter", "kills", "lines accepted before the kill", "accepted again", "lost", "shown to a person")
    return Findings((*columns, "kills with a line accepted again"), rows, failures=failures)


def outcome_cells(found: Sequence[Outcome], sent_before: Sequence[int]) -> list[str]:
    """The sums of an emitter, as the table has them."""
    return [
        str(len(found)),
        f"{min(sent_before, default=0):,} to {max(sent_before, default=0):,}",
        f"{sum(each.twice for each in found):,}",
        f"{sum(each.lost for each in found):,}",
        f"{sum(each.in_doubt for each in found):,}",
        str(sum(bool(each.twice) for each in found)),
    ]
