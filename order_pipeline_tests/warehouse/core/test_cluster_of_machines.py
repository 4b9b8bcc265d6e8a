"""What several machines would be, on one: PostgreSQL, an S3 server, a scheduler and two workers as processes.

A worker is killed, a coordinator is killed, two coordinators meet: every order is in core once, all raw is built, and
no file is left that no table has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from order_pipeline.lake_settings import LakeSettings
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core import build as build_module
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline_tests.object_store import KEY, SECRET, Bucket
from order_pipeline_tests.warehouse.core.clusters import Cluster, cluster_running
from order_pipeline_tests.warehouse.core.months import CHANNELS, MONTH, receive_days
from order_pipeline_tests.warehouse.kibo_orders import project

FIRST_DAYS = MONTH[:4]
ORDERS_A_DAY = 2
CHUNK_BYTES = 12_000
"""Of payloads; an order of Kibo has 5 KB."""
NEW_DAY = MONTH[-1] + timedelta(days=1)
_KILLED = """
import os, signal
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.kibo_orders import project

build_core(
    Lake(Settings(_env_file=None)), "kibo", [], "killed", project=project(),
    progress=lambda done, of: os.kill(os.getpid(), signal.SIGKILL),
)
"""


@pytest.fixture(scope="module")
def bucket(new_bucket: Callable[[], Bucket]) -> Bucket:
    return new_bucket()


@pytest.fixture(scope="module")
def cluster(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers whose only secret is the bucket's key, in their own environment."""
    key = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with cluster_running(tmp_path_factory.mktemp("cluster"), workers=2, environment=key) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def lake(
    bucket: Bucket, cluster: Cluster, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lake]:
    """A lake with raw rows of two channels, of which nothing is built yet."""
    lake = Lake(_settings(bucket, cluster, postgres_url, tmp_path_factory.mktemp("coordinator")))
    migrate(lake)
    for channel in CHANNELS:
        receive_days(lake, channel, FIRST_DAYS, ORDERS_A_DAY)
    yield lake
    lake.close()


def _settings(bucket: Bucket, cluster: Cluster, postgres_url: str, directory: Path) -> Settings:
    lake = LakeSettings(catalog=f"postgres:{postgres_url}", data_path=bucket.data_path, build_chunk_bytes=CHUNK_BYTES)
    return Settings(_env_file=None, data_dir=directory, lake=lake, s3=bucket.s3, cluster=cluster.address)  # pyright: ignore[reportCallIssue]


def build(lake: Lake, channel: str, days: Sequence[date] = (), **options: Any) -> CoreResult:
    return build_core(lake, channel, days, "build", project=project(), **options)


def assert_whole(lake: Lake, bucket: Bucket, days: Sequence[date]) -> None:
    """Each order of both channels is in core once, core owes nothing, and every file of core is a table's."""
    found = lake.query(
        "SELECT source, order_day, count(*), count(DISTINCT order_id) FROM core.orders GROUP BY ALL"
    ).rows
    assert sorted(found) == sorted((channel, day, ORDERS_A_DAY, ORDERS_A_DAY) for channel in CHANNELS for day in days)
    assert lake.query("SELECT count(*) FROM raw.stale_partitions").rows == [(0,)]
    assert lake.query("SELECT count(*) FROM core.prices").rows == [(len(CHANNELS) * len(days) * ORDERS_A_DAY,)]
    assert unowned(lake, bucket) == []


def unowned(lake: Lake, bucket: Bucket) -> list[str]:
    """Names of core's files in the bucket that no snapshot of the catalog has.

    Where pyarrow removes a file it leaves an empty object for its directory.
    """
    with lake.snapshot() as connection:
        known = connection.execute("SELECT path FROM __ducklake_metadata_lake.ducklake_data_file").fetchall()
    names = {name.rsplit("/", 1)[-1] for name in bucket.names() if "/core/" in name and not name.endswith("/")}
    return sorted(names - {path.rsplit("/", 1)[-1] for (path,) in known})


def test_a_backfill_of_two_channels_survives_the_end_of_a_worker(lake: Lake, bucket: Bucket, cluster: Cluster) -> None:
    chunks = Counter[str]()

    def kill_one(done: int, of: int) -> None:
        chunks["kibo"] = of
        if done == 1:
            cluster.workers[0].kill()

    built = build(lake, "kibo", progress=kill_one)
    assert cluster.workers[0].wait() == -signal.SIGKILL
    assert (built.days, built.halvings) == (tuple(FIRST_DAYS), 0)
    assert chunks["kibo"] > 2
    build(lake, "skroutz")
    assert_whole(lake, bucket, FIRST_DAYS)
    assert SECRET not in cluster.log.read_text()


@pytest.mark.slow
def test_a_month_of_two_channels_arrives_whole(lake: Lake, bucket: Bucket, cluster: Cluster) -> None:
    cluster.add_worker()
    for channel in CHANNELS:
        receive_days(lake, channel, MONTH[len(FIRST_DAYS) :], ORDERS_A_DAY)
        built = build(lake, channel)
        assert set(MONTH[len(FIRST_DAYS) :]) <= set(built.days)
    assert_whole(lake, bucket, MONTH)


def test_a_killed_coordinator_leaves_nothing_that_its_next_build_does_not_mend(
    lake: Lake, bucket: Bucket, cluster: Cluster
) -> None:
    receive_days(lake, "kibo", [NEW_DAY], 8)
    variables = bucket.environment() | {
        "ORDER_PIPELINE_LAKE__CATALOG": lake.catalog,
        "ORDER_PIPELINE_LAKE__BUILD_CHUNK_BYTES": str(CHUNK_BYTES),
        "ORDER_PIPELINE_DATA_DIR": str(lake.settings.data_dir),
        "ORDER_PIPELINE_CLUSTER": cluster.address,
    }
    killed = subprocess.run([sys.executable, "-c", _KILLED], env=os.environ | variables, check=False)
    assert killed.returncode == -signal.SIGKILL
    of_the_day = f"SELECT count(*), count(DISTINCT order_id) FROM core.orders WHERE order_day = '{NEW_DAY}'"
    assert lake.query(of_the_day).rows == [(0, 0)]
    _wait_until_idle(cluster)
    assert unowned(lake, bucket)
    build(lake, "kibo")
    assert lake.query(of_the_day).rows == [(8, 8)]
    assert unowned(lake, bucket) == []


def test_two_coordinators_at_once_on_the_same_new_day_store_it_once_and_stage_it_once_each(
    lake: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    day = NEW_DAY + timedelta(days=1)
    receive_days(lake, "skroutz", [day], ORDERS_A_DAY)
    staged = list[str]()
    stage_group = build_module.stage_group

    def counting(*arguments: Any) -> Any:
        staged.append("once")
        return stage_group(*arguments)

    monkeypatch.setattr(build_module, "stage_group", counting)
    other = Lake(lake.settings.model_copy(update={"data_dir": tmp_path}))
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(build, each, "skroutz", [day], most_owed=0) for each in (lake, other)]:
            done.result()
    other.close()
    assert len(staged) == 2
    for table in ("orders", "order_lines", "prices"):
        found = lake.query(f"SELECT count(*) FROM core.{table} WHERE source = 'skroutz' AND order_day = '{day}'")
        assert found.rows == [(ORDERS_A_DAY,)], table
    assert unowned(lake, bucket) == []


def _wait_until_idle(cluster: Cluster) -> None:
    """Until no worker is at what it had begun, for which nobody waits any more."""
    connected: Any = Client(cluster.address, set_as_default=False)
    with connected as client:
        while any(client.run(lambda dask_worker: dask_worker.state.executing_count).values()):
            pass
