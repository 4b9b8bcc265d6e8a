"""A year of all channels from the fakes into core, through Dagster, at default settings: what a first backfill costs.

The fakes run in a process of their own and answer over loopback; the pipeline runs as `order-pipeline run` does, with a
Dagster instance of its own. The table says where the time went: before the first call (Dagster plans an event for every
asset and day), reading, building core, and writing Dagster's events. `memory` is the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

CHANNELS = ("skroutz", "kibo", "scansource")
DELIVERY_SECONDS = 3600


@dataclass
class Stopwatch:
    """Wall and processor seconds by what they were spent on."""

    spent: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the block's time."""
        wall, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            spent = self.spent.setdefault(what, [0.0, 0.0])
            spent[0] += time.perf_counter() - wall
            spent[1] += time.process_time() - processor

    def timed(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted."""

        def call(*arguments: Any, **options: Any) -> Any:
            with self.on(what):
                return function(*arguments, **options)

        return call


def backfill(url: str, data_dir: str, days: int, channels: list[str]) -> dict[str, object]:
    """Read and build the last days of the channels; what it cost."""
    from order_pipeline.channels.base import Window
    from order_pipeline.cli.demo_world import overridden
    from order_pipeline.cli.materialise import materialise
    from order_pipeline.reference.item_locations import DEMO_FILE
    from order_pipeline.settings import Settings

    today = datetime.now(UTC).date()
    window = Window(today - timedelta(days=days - 1), today + timedelta(days=1))
    groups = httpx.post(f"{url}/control/connections", timeout=60, trust_env=False).raise_for_status().json()
    groups["schedule"] = {"first_day": window.start.isoformat()}
    settings = overridden(Settings(data_dir=Path(data_dir), witness_dir="none"), groups)
    locations = Path(data_dir) / "reference" / "item_locations.csv"
    locations.parent.mkdir(parents=True)
    shutil.copyfile(DEMO_FILE, locations)
    deliver_webhooks(url, settings, channels)
    watch = Stopwatch()
    watch_pipeline(watch)
    started = time.perf_counter()
    outcomes = materialise(settings, channels, window, emit=False)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "failed": [f"{each.step}: {each.message[:300]}" for outcome in outcomes for each in outcome.failures],
        "runs": len(outcomes),
        "spent": watch.spent,
        **stored(settings, Path(data_dir)),
    }


def deliver_webhooks(url: str, settings: Any, channels: list[str]) -> None:
    """Have the fakes that push their orders put them into the inbox, as they would have over the year."""
    from order_pipeline.cli.demo_sandbox import WEBHOOK_TOKEN, running_receiver
    from order_pipeline.cli.demo_world import free_port, overridden
    from order_pipeline.orchestration.resource import PipelineResource

    receiver = {
        "host": "127.0.0.1",
        "port": free_port(),
        "secret_path_token": WEBHOOK_TOKEN,
        "allowed_sources": [],
        "trusted_proxies": [],
    }
    settings = overridden(settings, {"webhooks": receiver})
    PipelineResource(settings).prepare_stores()
    pushing = httpx.get(f"{url}/control/", timeout=60, trust_env=False).raise_for_status().json()["send_webhooks"]
    with running_receiver(settings):
        for name in set(pushing) & set(channels):
            target = f"http://127.0.0.1:{receiver['port']}/webhooks/{name}/{WEBHOOK_TOKEN}"
            answer = httpx.post(
                f"{url}/control/{name}/webhooks", json={"url": target}, timeout=DELIVERY_SECONDS, trust_env=False
            )
            print(f"{name}: {answer.raise_for_status().json()['delivered']:,} webhooks", file=sys.stderr, flush=True)


def watch_pipeline(watch: Stopwatch) -> None:
    """Count the time of the parts: they are the same whatever starts the run."""
    from dagster._core.instance.runs.run_domain import RunDomain
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    from order_pipeline.cli.materialise import JobRunner
    from order_pipeline.orchestration.resource import PipelineResource

    PipelineResource.fetch = watch.timed("fetch", PipelineResource.fetch)
    PipelineResource.build_core = watch.timed("core", PipelineResource.build_core)
    RunDomain.create_run = watch.timed("planned events", RunDomain.create_run)
    JobRunner.run = watch.timed("all", JobRunner.run)
    for kind in {SqliteEventLogStorage, *SqliteEventLogStorage.__subclasses__()}:
        for name in {"store_event", "store_event_batch"} & vars(kind).keys():
            setattr(kind, name, watch.timed("events", getattr(kind, name)))


def stored(settings: Any, data_dir: Path) -> dict[str, object]:
    """What is there afterwards, and what was asked for it."""
    from order_pipeline.warehouse.lake.connection import Lake

    lake = Lake(settings)
    (orders,) = lake.query("SELECT count(*) FROM core.orders").rows[0]
    (days,) = lake.query("SELECT count(*) FROM core.builds").rows[0]
    (owed,) = lake.query("SELECT count(DISTINCT (source, order_day)) FROM raw.stale_partitions").rows[0]
    (calls,) = lake.query("SELECT sum(calls)::BIGINT FROM raw.fetches").rows[0]
    lake.close()
    size = {
        "Dagster MB": _megabytes(data_dir / "dagster_home"),
        "lake MB": _megabytes(data_dir / "lake"),
        "catalog MB": _megabytes(data_dir / "catalog.sqlite"),
    }
    return {"orders": orders, "days built": days, "days owed": owed, "calls": calls, **size}


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--orders", type=int, default=20, help="orders a day of each channel")
    parser.add_argument("--channels", default=",".join(CHANNELS), help="by comma, in the order in which they are read")
    parser.add_argument("--keep", metavar="DIR", help="an empty directory for the stores, which stay there")
    parser.add_argument("--step", nargs=2, metavar=("URL", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    channels = arguments.channels.split(",")
    if arguments.step:
        url, data_dir = arguments.step
        print(json.dumps(backfill(url, data_dir, arguments.days, channels)))
        return
    from order_pipeline.sandbox.process import SandboxProcess

    today = datetime.now(UTC).date() + timedelta(days=1)  # of the fakes: their last orders are of yesterday
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as made,
        SandboxProcess(orders=arguments.orders, days=arguments.days, today=today.isoformat()) as sandbox,
    ):
        print(f"the fakes are there after {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        print(report(run_step(sandbox.url, arguments.keep or made, arguments)))


def run_step(url: str, data_dir: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The backfill in a process of its own, whose progress goes to this terminal."""
    command = [sys.executable, "-m", "benchmarks.year_backfill", "--step", url, data_dir]
    options = ["--days", str(arguments.days), "--channels", arguments.channels]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the backfill ended with {process.returncode}: {output[-2000:]}")
    facts: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return {**facts, "cpu s": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}


def report(facts: dict[str, Any]) -> str:
    """The figures as text."""
    spent = facts.pop("spent")
    lines = [
        f"wall {facts.pop('seconds'):.0f} s, processor {facts.pop('cpu s'):.0f} s, memory {facts.pop('memory'):.0f} MB",
        *(f"  {what:16} {wall:8.1f} s wall {processor:8.1f} s processor" for what, (wall, processor) in spent.items()),
        *(f"  FAILED {failure}" for failure in facts.pop("failed")),
        ", ".join(f"{name} {value:,}" for name, value in facts.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
