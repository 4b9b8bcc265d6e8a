"""Chunks staged by the workers of a dask scheduler: the same rows, and plain words where a cluster is not fit."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from distributed import LocalCluster
from distributed.scheduler import KilledWorker
from pydantic import SecretStr, ValidationError

from order_pipeline.cluster_settings import ClusterTls
from order_pipeline.s3_settings import S3Settings
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core import build as build_module
from order_pipeline.warehouse.core import cluster
from order_pipeline.warehouse.core.build import CoreResult
from order_pipeline.warehouse.core.cluster import ClusterError, WorkersEndedError, answer, cluster_executor
from order_pipeline.warehouse.core.stage import stage_chunk
from order_pipeline.warehouse.core.worker_machine import describe_machine
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlModelError
from order_pipeline_tests.warehouse.core.clusters import free_port
from order_pipeline_tests.warehouse.core.test_chunks import (
    Recording,
    assert_same_result,
    everything_built,
    other,
)
from order_pipeline_tests.warehouse.kibo_orders import build, kibo_order, receive

__all__ = ["other"]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers, all of them threads of this process."""
    started: Any = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        dashboard_address=None,  # pyright: ignore[reportArgumentType]
        silence_logs=logging.CRITICAL,
    )
    with started as local:
        yield local.scheduler_address


def on_cluster(lake: Lake, address: str) -> Lake:
    """The same lake, staged at another place."""
    return Lake(lake.settings.model_copy(update={"cluster": address}))


@pytest.mark.costly
def test_a_cluster_gives_the_same_rows_as_threads(lake: Lake, other: Lake, scheduler: str) -> None:
    built_here = build(lake)
    staged = list[tuple[int, int]]()
    built_there = build(on_cluster(other, scheduler), progress=lambda *done: staged.append(done))
    assert_same_result(built_there, built_here)
    assert everything_built(other) == everything_built(lake)
    chunks = len(staged)
    assert staged == [(number, chunks) for number in range(1, chunks + 1)]
    assert chunks > 3


@pytest.mark.costly
def test_what_travels_can_be_pickled_and_holds_no_key_and_no_directory_of_ours(tmp_path: Path, lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    secret = "kanari-secret-of-the-bucket"
    keyed = S3Settings(key_id=SecretStr("kanari-key"), secret=SecretStr(secret))
    there = Lake(lake.settings.model_copy(update={"cluster": "tcp://127.0.0.1:1", "s3": keyed}))
    recording = Recording()
    build(there, executor=recording)
    travels = pickle.dumps(recording.tasks)
    assert secret.encode() not in travels
    assert b"kanari-key" not in travels
    assert str(lake.settings.data_dir.resolve() / "tmp").encode() not in travels
    assert len(travels) < 1_000_000
    there.close()


@pytest.mark.costly
def test_a_chunk_that_is_staged_again_gives_the_same_bytes(lake: Lake) -> None:
    """A worker that was given up may still write over the files of the one that took its place."""
    receive(lake, [kibo_order(number) for number in range(1, 30)])
    recording = Recording()
    build(lake, executor=recording)
    before = {path: path.read_bytes() for path in Path(lake.data_path, "core").rglob("*-0-*.parquet")}
    assert len(before) >= 5
    stage_chunk(recording.tasks[0])
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.costly
def test_a_scheduler_that_is_not_there_is_named_with_what_to_do(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    receive(lake, [kibo_order(1)])
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ClusterError, match=f"The scheduler at {address} did not answer") as raised:
        build(on_cluster(lake, address))
    assert "dask scheduler" in raised.value.next_step
    assert lake.query("SELECT count(*) FROM core.failed_days").rows == [(0,)]


def open_cluster(lake: Lake, address: str) -> str:
    with pytest.raises(ClusterError) as raised, cluster_executor(on_cluster(lake, address).settings, lake.data_path):
        pass
    return str(raised.value)


def test_workers_of_another_version_are_refused(lake: Lake, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def changing(marker: str) -> Any:
        """Another one each time, here and there."""
        machine = describe_machine(marker)
        return replace(machine, versions={**machine.versions, "duckdb": f"1.5.{uuid4().hex}"})

    monkeypatch.setattr(cluster, "describe_machine", changing)
    told = open_cluster(lake, scheduler)
    assert "runs other versions than this process: duckdb 1.5." in told
    assert "Install the same version" in told


def test_workers_without_this_program_are_refused(lake: Lake, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(marker: str) -> Any:
        if marker:
            raise ModuleNotFoundError("No module named 'order_pipeline'")
        return describe_machine(marker)

    monkeypatch.setattr(cluster, "describe_machine", missing)
    assert "cannot run this program: No module named 'order_pipeline'" in open_cluster(lake, scheduler)


def test_workers_that_do_not_see_a_local_data_path_are_refused(
    lake: Lake, scheduler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cluster, "_marker", lambda _: nullcontext(str(tmp_path / "on another machine")))
    told = open_cluster(lake, scheduler)
    assert f"does not see the lake's files in {lake.data_path}" in told
    assert "ORDER_PIPELINE_LAKE__DATA_PATH" in told


@pytest.mark.costly
def test_a_chunk_that_ends_its_workers_is_staged_in_halves(
    lake: Lake, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that needs more memory than a worker has."""
    receive(lake, [kibo_order(number) for number in range(1, 9)])

    class _Worker:
        address = "tcp://10.0.0.7:40123"

    def too_large(task: Any) -> Any:
        if task.share is None and any(rows.files for rows in task.raw):
            raise KilledWorker("chunk", _Worker(), 3)  # pyright: ignore[reportArgumentType]
        return stage_chunk(task)

    monkeypatch.setattr(build_module, "stage_chunk", too_large)
    monkeypatch.setattr(cluster, "RETRIES", 0)
    result: CoreResult = build(on_cluster(lake, scheduler))
    assert result.halvings == 1
    assert result.rows["orders"] == 8


@pytest.mark.costly
def test_a_lost_scheduler_ends_the_build_and_blames_no_day(
    lake: Lake, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(lake, [kibo_order(1)])

    submit = cluster._ClusterExecutor.submit

    def losing(executor: cluster._ClusterExecutor, *arguments: Any) -> Any:
        future = submit(executor, *arguments)
        executor._client.close(timeout=1)
        return future

    monkeypatch.setattr(cluster._ClusterExecutor, "submit", losing)
    with pytest.raises(ClusterError, match=r"The connection to the scheduler at .* was lost"):
        build(on_cluster(lake, scheduler))
    assert lake.query("SELECT count(*) FROM core.failed_days").rows == [(0,)]


def test_what_a_record_may_have_caused_is_an_answer_and_the_network_is_not() -> None:
    def fails(error: Exception) -> None:
        raise error

    refused = SqlModelError("a record")
    assert answer(fails, refused).error is refused
    with pytest.raises(duckdb.IOException):
        answer(fails, duckdb.IOException("the network"))


def test_an_error_says_what_to_do_where_its_text_alone_is_shown() -> None:
    assert str(ClusterError("Gone.", "Start it.")) == "Gone. | next: Start it."
    assert "ORDER_PIPELINE_LAKE__BUILD_MEMORY_LIMIT" in str(WorkersEndedError("A chunk ended 4 workers."))


TLS = ClusterTls(ca_file=Path("ca.pem"), cert_file=Path("cert.pem"), key_file=Path("key.pem"))


@pytest.mark.parametrize(
    ("address", "tls", "refused"),
    [
        ("", ClusterTls(), None),
        ("tcp://scheduler:8786", ClusterTls(), None),
        ("tls://scheduler:8786", TLS, None),
        ("tls://scheduler:8786", ClusterTls(), "belong together"),
        ("tcp://scheduler:8786", TLS, "belong together"),
        ("tls://scheduler:8786", TLS.model_copy(update={"key_file": None}), "belong together"),
        ("scheduler:8786", ClusterTls(), "give a scheduler's address"),
        ("tcp://scheduler", ClusterTls(), "give a scheduler's address"),
    ],
)
def test_an_address_and_its_certificates_belong_together(
    tmp_path: Path, address: str, tls: ClusterTls, refused: str | None
) -> None:
    with pytest.raises(ValidationError, match=refused) if refused else nullcontext():
        made = Settings(_env_file=None, data_dir=tmp_path, cluster=address, cluster_tls=tls)  # pyright: ignore[reportCallIssue]
        assert made.cluster == address
