"""When each order passed each stage on its way to the floor, and the tables of `benchmarks.order_to_pick`."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from order_pipeline.orchestration.inbox_job import BUILT_AFTER

STAGES = ("noticed", "run started", "raw", "core", "planned", "sent")
RUN = """
query($id: ID!) {
  runOrError(runId: $id) { ... on Run {
    creationTime startTime
    eventConnection { events {
      ... on ExecutionStepOutputEvent { metadataEntries { label ... on FloatMetadataEntry { floatValue } } } } } } }
}
"""


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When a run was asked for, when it began, and when core had what it landed."""

    noticed: datetime
    started: datetime | None
    core: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """One order: seconds from its webhook's answer until each stage, as far as it came; why it stopped."""

    code: str
    seconds: dict[str, float]
    reason: str

    @classmethod
    def of(cls, code: str, answered: datetime, landed: Any, picked: Any, runs: Mapping[str, RunTimes]) -> Way:
        """From rows of the inbox and the outbox, and the run that landed the event."""
        run = runs.get(landed.landed_run_id) if landed is not None else None
        moments = {
            "noticed": run and run.noticed,
            "run started": run and run.started,
            "raw": landed and landed.landed_at,
            "core": run and run.core,
            "planned": picked and picked.planned_at,
            "sent": picked and picked.sent_at,
        }
        seconds = {stage: (moment - answered).total_seconds() for stage, moment in moments.items() if moment}
        return cls(code, seconds, str((picked and picked.reason) or ("no line" if picked is None else "")))


def run_times(dagster: httpx.Client, run_ids: Collection[str]) -> dict[str, RunTimes]:
    """Ask Dagster about the runs."""
    return {run_id: _run_times(dagster, run_id) for run_id in run_ids}


def _run_times(dagster: httpx.Client, run_id: str) -> RunTimes:
    answer = dagster.post("/graphql", json={"query": RUN, "variables": {"id": run_id}}).raise_for_status()
    run = answer.json()["data"]["runOrError"]
    entries = [entry for event in run["eventConnection"]["events"] for entry in event.get("metadataEntries", ())]
    built = [entry["floatValue"] for entry in entries if entry["label"] == BUILT_AFTER]
    core = run["startTime"] + built[0] if built else None
    return RunTimes(_moment(run["creationTime"]), _moment(run["startTime"]), _moment(core))


def _moment(seconds: float | None) -> Any:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def print_round(console: Console, ways: Sequence[Way]) -> None:
    """The distribution of each stage, where the time goes, and the orders that did not get to the floor."""
    sent = [way for way in ways if "sent" in way.seconds]
    table = Table(
        "answered to", "median s", "p95 s", "longest s", "shortest s", "of it since the stage before, median s"
    )
    before: list[float] = [0.0] * len(sent)
    for stage in STAGES:
        reached = [way.seconds.get(stage) for way in sent]
        known = [each for each in reached if each is not None]
        if not known:
            table.add_row(stage, *["not known"] * 5)
            continue
        steps = [now - then for now, then in zip(reached, before, strict=True) if now is not None]
        figures = (statistics.median(known), percentile(known, 0.95), max(known), min(known), statistics.median(steps))
        table.add_row(stage, *(f"{figure:.1f}" for figure in figures))
        before = [then if now is None else now for now, then in zip(reached, before, strict=True)]
    console.print(table)
    for way in ways:
        if "sent" not in way.seconds:
            console.print(f"  {way.code} was not sent: {way.reason}", highlight=False)
    console.print("  seconds, in order of arrival: " + ", ".join(f"{way.seconds['sent']:.1f}" for way in sent))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all did not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
