"""How much Dagster's own store grows: simulated hours of the schedules against the fakes, and a year computed of it.

An hour is what the schedules start by default: each channel once over 14 days and an emission after it, four emissions
by the clock, one read-back. Nothing changes at the fakes, so every run is one that found nothing. Then the pruning runs
as of a later day, and what is left is counted. Runs are made in this process: the daemon adds some 10 kB a run.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, overridden
from order_pipeline.definitions import build_definitions
from order_pipeline.orchestration.history import prune_history
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.jobs import EMISSION_JOB, READ_BACK_JOB, VIEWS_JOB, source_job_name
from order_pipeline.orchestration.launch import run_job
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline_tests.demo_locations import with_demo_locations

DAYS = 14
DAEMON_BYTES = 10_000


def stored_bytes(home: Path) -> Counter[str]:
    """Bytes by table of the store's databases; all runs' own files are counted together."""
    found = Counter[str]()
    for file in home.rglob("*.db"):
        name = "files of runs" if len(file.stem) == len("00000000-0000-0000-0000-000000000000") else file.stem
        with sqlite3.connect(file) as connection:
            for table, size in connection.execute(
                "SELECT coalesce(tbl_name, stat.name), sum(pgsize) FROM dbstat AS stat"
                " LEFT JOIN sqlite_schema AS known ON known.name = stat.name GROUP BY 1"
            ):
                found[f"{name}: {table}"] += size
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dagster_history", description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="simulated hours")
    parser.add_argument("--orders", type=int, default=10, help="orders a day of each channel")
    arguments = parser.parse_args()
    world = DemoWorld(days=DAYS, orders=arguments.orders, seed=7, port=0)
    with tempfile.TemporaryDirectory() as directory, SandboxServer(days=DAYS, orders=arguments.orders) as server:
        data_dir = with_demo_locations(Path(directory))
        settings = overridden(Settings(data_dir=data_dir), RunningSandbox(server.url).settings_groups(world))
        measure(settings, world, arguments.hours)


def measure(settings: Settings, world: DemoWorld, hours: int) -> None:
    """Run the hours, print bytes a run by job and by table, prune, and compute the year."""
    home = settings.data_dir / "dagster_home"
    channels = [channel.name for channel in settings.enabled_channels()]
    definitions = build_definitions(settings)
    by_job, runs = Counter[str](), Counter[str]()
    with open_instance(settings) as instance:

        def run(job: str) -> None:
            window = world.window if job not in {EMISSION_JOB, READ_BACK_JOB, VIEWS_JOB} else None
            before = stored_bytes(home).total()
            assert run_job(definitions, instance, job, window).success, job
            by_job[job] += stored_bytes(home).total() - before
            runs[job] += 1

        for job in [VIEWS_JOB, *map(source_job_name, channels), EMISSION_JOB]:
            run(job)
        by_job.clear(), runs.clear()
        filled = stored_bytes(home)
        for _ in range(hours):
            for channel in channels:
                run(source_job_name(channel))
                run(EMISSION_JOB)
            for _ in range(4):
                run(EMISSION_JOB)
            run(READ_BACK_JOB)
        grown = stored_bytes(home) - filled
        for job, size in by_job.most_common():
            print(f"{job:<18} {runs[job]:>4} runs, {size / runs[job] / 1e3:>7.0f} kB each")
        for table, size in grown.most_common(10):
            print(f"  {table:<42} {size / runs.total() / 1e3:>7.1f} kB a run")
        a_day = grown.total() + DAEMON_BYTES * runs.total()
        print(
            f"{a_day / hours * 24 / 1e6:.0f} MB a day, {a_day / hours * 24 * 365 / 1e9:.1f} GB a year without pruning"
        )
        now, history = datetime.now(UTC), settings.history
        prune_history(instance, history, now + timedelta(days=1, hours=12))
        settled = (stored_bytes(home) - filled).total() + DAEMON_BYTES * runs.total()
        idle = prune_history(instance, history, now + timedelta(days=history.keep_idle_days + 1))
        old = prune_history(instance, history, now + timedelta(days=history.keep_days + 1))
        standing = stored_bytes(home)["index: event_logs"] / DAYS
        print(
            f"pruned: {idle.runs} idle runs after {history.keep_idle_days} days, then {old.runs}; {old.kept} stand",
            end="",
        )
        print(f" for {DAYS} days with {standing / 1e3:.0f} kB a day")
        for kept_days, found in (
            (history.keep_idle_days + 1, "no run finds"),
            (history.keep_days + 1, "every run finds"),
        ):
            year = a_day / hours * 24 + settled / hours * 24 * kept_days + standing * 365
            print(f"after a year, if {found} something: {year / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
