"""Runs jobs one after the other with a progress line on the terminal: what `run`, `demo` and `replay` share.

A channel that fails is reported, and the next one runs. Dagster and the definitions take two seconds to import, so this
is done when a command runs, and not to read its options.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from order_pipeline.channels import registry
from order_pipeline.channels.base import Window
from order_pipeline.cli.output import message_console
from order_pipeline.cli.visible import PlainConsole
from order_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster import AssetKey

    from order_pipeline.orchestration.launch import JobOutcome
    from order_pipeline.orchestration.resource import PipelineResource


MOST_FAILED_SLICES = 2


class JobProgress:
    """One line a job: what it is doing now, and how many records it has handled. Plain lines without a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            SpinnerColumn("dots" if console.encoding.startswith("utf") else "line"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[records]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bars.add_task("starting", total=None, records="")

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def advance(self, what: str, done: int) -> None:
        """Show what is being done; called from asset bodies."""
        self._bars.update(self._task, description=what, records=f"{done:,} records" if done else "")

    def finished(self, outcome: JobOutcome, seconds: float) -> None:
        """Leave one line about a job that ended, above the bar."""
        mark = "[green]done[/]" if outcome.success else "[bold red]failed[/]"
        self.console.print(f"{mark}  {outcome.job:<16} {seconds:6.1f} s   run {outcome.run_id[:8]}")
        for failure in outcome.failures:
            self.console.print(f"        {failure.step}: {failure.message}", markup=False, style="red")
        for check in outcome.failed_checks:
            self.console.print(f"        check: {check}", markup=False, style="yellow")


@contextmanager
def terminal_apart_from_step_output() -> Iterator[Console]:
    """A console on a copy of stderr: Dagster redirects the process's own stderr while a step runs."""
    if not sys.stderr.isatty():
        yield message_console
        return
    copied = os.dup(sys.stderr.fileno())
    with os.fdopen(copied, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as copy:
        yield PlainConsole(file=copy, force_terminal=True)


def materialise(
    settings: Settings,
    sources: Sequence[str],
    window: Window,
    *,
    emit: bool,
    families: Sequence[str] = (),
    command: str = "order-pipeline",
) -> list[JobOutcome]:
    """Run each channel's job over the window, then the emission; how each went, in that order.

    A window longer than a slice goes in several runs, the newest days first, and their picks go out before the older
    days are read. A channel whose runs fail twice in a row is left: its older days would meet the same fault.
    The staging views come first when their SQL is new. Of channels that have `families` only those named are read.
    `command` stands on every run as its origin: as it was typed, without what is a secret or personal.
    """
    from order_pipeline.orchestration.jobs import EMISSION_JOB, VIEWS_JOB, assets_of_families, source_job_name
    from order_pipeline.orchestration.partitions import slices

    with open_job_runner(settings, command) as runner:
        outcomes = [runner.run(VIEWS_JOB)] if runner.pipeline.deploy_models().created else []
        failed_in_a_row = dict.fromkeys(sources, 0)
        parts = slices(window, settings.schedule.slice_days)
        for part in parts:
            for source in (name for name in sources if failed_in_a_row[name] < MOST_FAILED_SLICES):
                chosen = assets_of_families(registry.channels()[source], families)
                outcome = runner.run(source_job_name(source), part, chosen)
                failed_in_a_row[source] = 0 if outcome.success else failed_in_a_row[source] + 1
                outcomes.append(outcome)
            if emit and part in {parts[0], parts[-1]}:
                outcomes.append(runner.run(EMISSION_JOB))
    return outcomes


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs in this process, with a progress line on the terminal."""

    progress: JobProgress
    pipeline: PipelineResource
    execute: Callable[[str, Window | None, Sequence[AssetKey] | None], JobOutcome]

    def run(self, job_name: str, window: Window | None = None, assets: Sequence[AssetKey] | None = None) -> JobOutcome:
        """Run one job, or only some of its assets, over the window as one run, and leave a line about it."""
        self.progress.advance(f"{job_name}: starting", 0)
        started = time.monotonic()
        outcome = self.execute(job_name, window, assets)
        self.progress.finished(outcome, time.monotonic() - started)
        return outcome


@contextmanager
def open_job_runner(settings: Settings, command: str) -> Iterator[JobRunner]:
    """Open the Dagster instance and the definitions; `command` stands on the runs as their origin."""
    from order_pipeline.definitions import build_definitions
    from order_pipeline.orchestration.instance import open_instance
    from order_pipeline.orchestration.launch import run_job
    from order_pipeline.orchestration.resource import PipelineResource

    with terminal_apart_from_step_output() as console, JobProgress(console) as progress:
        progress.advance("opening the Dagster instance", 0)
        pipeline = PipelineResource(settings, progress.advance)
        with open_instance(settings) as instance:
            definitions = build_definitions(settings, pipeline=pipeline)
            yield JobRunner(progress, pipeline, partial(run_job, definitions, instance, command=command))
