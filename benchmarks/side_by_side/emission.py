"""Pick lines to the ScanOrders fake: how long each emitter takes, and what it makes of replies that are lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import Measured, measure
from benchmarks.publish_at_distance import postgres
from benchmarks.side_by_side.emitters import (
    DRT,
    DRT_LEDGER,
    OURS,
    OURS_ONE_CALL,
    Emitter,
    Outcome,
    ScanOrdersFake,
    available,
    lines_in_doubt,
    outcome,
)
from benchmarks.side_by_side.in_turn import NotTheSameError, findings, take_in_turn
from benchmarks.side_by_side.sections import Findings
from order_pipeline.sandbox.process import SandboxProcess

LOST_SHARE = 0.1
MOST_LINES_ONE_BY_ONE = 2_000
"""Ours with one call at a time has two durable steps a line; more lines tell nothing new and take long."""


@contextmanager
def scanorders_fake() -> Iterator[tuple[ScanOrdersFake, Callable[[], str]]]:
    """The fake, and what makes an empty PostgreSQL database."""
    with SandboxProcess(orders=1, days=1, channels=["scanorders"]) as process, postgres() as new_database:
        yield ScanOrdersFake(process.url), new_database


def run_emission(part: str, lines: int, runs: int) -> Findings:
    """Every emitter's timed runs; none has a time unless each line was accepted once."""
    one_call = [OURS_ONE_CALL] if lines <= MOST_LINES_ONE_BY_ONE else []
    emitters = available(OURS, *one_call, DRT, DRT_LEDGER)
    with scanorders_fake() as (fake, new_database):

        def timed(emitter: Emitter) -> Measured:
            measured, found = send(fake, emitter, lines, new_database)
            if found != Outcome(accepted=lines):
                raise NotTheSameError(f"of {lines} lines: {found}")
            return measured

        tools = {emitter.name: lambda emitter=emitter: timed(emitter) for emitter in emitters}
        taken = take_in_turn(part, tools, runs)
    return findings(taken, {emitter.name: emitter.gives for emitter in emitters}, OURS.name)


def send(
    fake: ScanOrdersFake,
    emitter: Emitter,
    lines: int,
    new_database: Callable[[], str],
    *,
    lost_share: float = 0,
    times: int = 1,
) -> tuple[Measured, Outcome]:
    """Send all lines, `times` after each other, to a fake whose ledger is empty; the last run, and the accounts."""
    fake.reset()
    fake.lose_replies(lost_share)
    with tempfile.TemporaryDirectory() as directory:
        command = fake.command(emitter, directory, lines, new_database)
        *_, measured = [measure(emitter.name, command) for _ in range(times)]
        return measured, outcome(fake.accepted(), lines_in_doubt(Path(directory)), lines)


def run_lost_replies(part: str, lines: int) -> Findings:
    """One reply in ten is lost after its effect; then each emitter is run once more, as a schedule would."""
    rows: list[list[str]] = []
    with scanorders_fake() as (fake, new_database):
        for emitter in available(OURS, DRT, DRT_LEDGER):
            _, found = send(fake, emitter, lines, new_database, lost_share=LOST_SHARE, times=2)
            rows.append([emitter.name, *map(str, (lines, found.accepted, found.twice, found.lost, found.in_doubt))])
            print(f"{part}: {emitter.name}: {found}", flush=True)
    return Findings(("emitter", "lines", "accepted", "accepted again", "lost", "shown to a person"), rows)
