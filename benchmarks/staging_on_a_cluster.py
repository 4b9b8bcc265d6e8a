"""The same days of core, staged by threads and by 1, 2 and 4 workers, on PostgreSQL and an S3 server of this machine.

The raw rows are received once; each line builds all days anew. `stage s` is the map alone, `publish s` the transaction
with what comes before it. Workers are processes of one thread each, so two of them are worth two threads at best, and
no more than the machine has processors: the store and the database run there too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.publish_at_distance import postgres
from benchmarks.s3_at_a_distance import BUCKET, KEY, SECRET, distant_store

WORKERS = (1, 2, 4)
THREADS = (1, 2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.staging_on_a_cluster", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000, help="of Kibo, in ten days")
    parser.add_argument("--milliseconds", type=float, default=30, help="each answer of the store is late by so much")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is shown")
    given = parser.parse_args()
    print(f"{given.orders} orders, {given.milliseconds:g} ms a request, median of {given.runs}, load", end=" ")
    print(f"{os.getloadavg()[0]:.0f} on {os.cpu_count()} processors\n")
    print(f"{'staged by':12} {'stage s':>8} {'publish s':>10}  (least to most)")
    for name, runs in measured_places(given.orders, given.milliseconds, given.runs):
        staged, published = ([run[which] for run in runs] for which in (0, 1))
        print(
            f"{name:12} {median(staged):8.2f} {median(published):10.2f}  ({min(staged):.2f} to {max(staged):.2f})",
            flush=True,
        )
    return 0


def measured_places(orders: int, milliseconds: float, runs: int) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Seconds of staging and of publishing, of every run, place by place; one run before them warms up."""
    with distant_store() as store, postgres() as url, tempfile.TemporaryDirectory() as directory:
        lake = _received(Path(directory), store.endpoint, url(), orders)
        store.answer_after(milliseconds)
        for count in THREADS:
            yield f"{count} threads" if count > 1 else "1 thread", _built_often(lake, {"threads": count}, runs)
        for count in WORKERS:
            home = Path(directory) / f"cluster-{count}"
            home.mkdir()
            with _cluster(home, count) as cluster:
                place = {"cluster": cluster.address}
                yield f"{count} workers" if count > 1 else "1 worker", _built_often(lake, place, runs)
        lake.close()


def _cluster(home: Path, workers: int) -> AbstractContextManager[Any]:
    """A scheduler and workers that end with the block, so that they take no memory from the next place."""
    from order_pipeline_tests.warehouse.core.clusters import cluster_running

    key = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    return cluster_running(home, workers=workers, environment=key)


def _built_often(lake: Any, place: dict[str, Any], runs: int) -> list[tuple[float, float]]:
    return [_built(lake, place) for _ in range(runs + 1)][1:]


def _received(directory: Path, endpoint: str, url: str, orders: int) -> Any:
    from pydantic import SecretStr

    from order_pipeline.lake_settings import LakeSettings
    from order_pipeline.s3_settings import S3Settings
    from order_pipeline.settings import Settings
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline.warehouse.migrations import migrate
    from order_pipeline_tests.warehouse.core.months import MONTH, receive_days

    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=directory / "data",
        lake=LakeSettings(
            catalog=f"postgres:{url}", data_path=f"s3://{BUCKET}/staging/", build_chunk_bytes=orders * 5_000 // 10
        ),
        s3=S3Settings(endpoint=endpoint, key_id=SecretStr(KEY), secret=SecretStr(SECRET)),
    )
    lake = Lake(settings)
    migrate(lake)
    receive_days(lake, "kibo", MONTH[:10], orders // 10)
    return lake


def _built(lake: Any, place: dict[str, Any]) -> tuple[float, float]:
    """Seconds of staging and of publishing all days."""
    from order_pipeline.warehouse.core import build as build_module
    from order_pipeline.warehouse.lake.connection import Lake
    from order_pipeline_tests.warehouse.core.months import MONTH
    from order_pipeline_tests.warehouse.kibo_orders import build

    limits = lake.settings.lake.model_copy(update={"build_threads": place.get("threads", 1)})
    there = Lake(lake.settings.model_copy(update={"lake": limits, "cluster": place.get("cluster", "")}))
    seconds = {"stage_group": 0.0, "publish": 0.0}
    originals = {name: getattr(build_module, name) for name in seconds}

    def timed(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return originals[name](*arguments)
            finally:
                seconds[name] += time.perf_counter() - began

        return call

    for name in seconds:
        setattr(build_module, name, timed(name))
    try:
        build(there, *MONTH[:10])
    finally:
        for name, original in originals.items():
            setattr(build_module, name, original)
        there.close()
    return seconds["stage_group"], seconds["publish"]


if __name__ == "__main__":
    sys.exit(main())
