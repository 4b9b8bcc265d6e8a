"""A lake whose files lie in an object store: found by settings alone, its key in nobody's sight."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr, ValidationError

from order_pipeline.cli.sql_shell import shell_init
from order_pipeline.lake_settings import LakeSettings
from order_pipeline.redaction.secrets import hide_secrets_of
from order_pipeline.s3_settings import S3Settings
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build_files import remove_abandoned, remove_unpublished
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.init_file import init_text
from order_pipeline.warehouse.lake.instance import open_instance
from order_pipeline.warehouse.lake.object_store import ObjectStore, ObjectStoreError
from order_pipeline.warehouse.lake.safe_reading import lock_in
from order_pipeline_tests.object_store import KEY, SECRET, Bucket

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def bucket(new_bucket: Callable[[], Bucket]) -> Bucket:
    return new_bucket()


@pytest.fixture(scope="module")
def settings(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a lake with one table and two rows."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), lake=LakeSettings(data_path=bucket.data_path), s3=bucket.s3
    )
    lake = Lake(settings)
    lake.connect().close()
    with lake.transaction("a table") as connection:
        connection.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.t AS SELECT unnest([1, 2]) AS number")
    lake.close()
    return settings


def test_what_is_written_lies_in_the_bucket_and_is_read_back(settings: Settings, bucket: Bucket) -> None:
    assert any(name.startswith("orders/raw/t/") for name in bucket.names())
    assert Lake(settings).query("SELECT sum(number) FROM raw.t").rows == [(3,)]


def test_files_of_the_bucket_are_listed_and_removed_with_the_same_key(settings: Settings, bucket: Bucket) -> None:
    system, path = Lake(settings).files.file_system()
    with system.open_output_stream(f"{path}core/left.parquet") as file:
        file.write(b"of a killed build")
    assert "orders/core/left.parquet" in bucket.names()
    system.delete_file(f"{path}core/left.parquet")
    assert "orders/core/left.parquet" not in bucket.names()


def test_what_a_killed_build_left_in_the_bucket_goes_by_its_id(settings: Settings, bucket: Bucket) -> None:
    lake = Lake(settings)
    system, path = lake.files.file_system()
    killed, other = "a" * 32, "b" * 32
    directory = f"{path}core/orders/source=kibo/order_day=2026-01-05"
    for name in (f"{killed}-1-0.parquet", f"{killed}-2-0.parquet", f"{other}-1-0.parquet", "ducklake-1.parquet"):
        with system.open_output_stream(f"{directory}/{name}") as file:
            file.write(b"rows")
    assert remove_unpublished(lake, {killed}) == 2
    assert remove_abandoned(lake) == 0, "it may run still, on another machine"
    assert remove_abandoned(lake, now=datetime.now(UTC) + timedelta(days=2)) == 1
    left = [name for name in bucket.names() if "/order_day=" in name and name.endswith(".parquet")]
    assert left == ["orders/core/orders/source=kibo/order_day=2026-01-05/ducklake-1.parquet"], "none of ours"
    lake.close()


def test_a_query_with_nothing_else_in_reach_reads_the_bucket(settings: Settings, bucket: Bucket) -> None:
    with closing(Lake(settings).connect(read_only=True)) as connection:
        lock_in(connection, bucket.data_path)
        assert connection.execute("SELECT count(*) FROM lake.raw.t").fetchone() == (2,)
        with pytest.raises(duckdb.PermissionException):
            connection.execute("SELECT * FROM 's3://another-bucket/file.parquet'")


def test_the_key_is_shown_nowhere(settings: Settings) -> None:
    hide_secrets_of(settings)
    lake = Lake(settings)
    with closing(lake.connect()) as connection:
        shown = str(connection.execute("FROM duckdb_secrets()").fetchall())
        shown += str(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    lake.close()
    texts = {
        "DuckDB": shown,
        "lake.sql": init_text(settings),
        "the shell's file": shell_init(settings, None, settings.data_dir),
        "a task's text": repr(lake.files),
    }
    assert [where for where, text in texts.items() if SECRET in text or SECRET.replace("'", "''") in text] == []
    assert pickle.loads(pickle.dumps(lake.files)) == lake.files, "it goes to who stages a chunk"


def test_a_store_that_refuses_is_told_without_the_key(settings: Settings, bucket: Bucket) -> None:
    nowhere = bucket.data_path.replace("lake-", "elsewhere-")
    with closing(Lake(settings).connect(read_only=True)) as connection, pytest.raises(duckdb.Error) as failed:
        connection.execute(f"SELECT * FROM '{nowhere}file.parquet'")
    assert SECRET not in str(failed.value)


def test_without_a_key_the_environment_is_asked(
    settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = bucket.s3.model_copy(update={"key_id": None, "secret": None})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    lake = Lake(settings.model_copy(update={"s3": without}))
    assert "aws" in lake.files.extensions
    assert lake.query("SELECT sum(number) FROM raw.t").rows == [(3,)]
    with duckdb.connect() as anybody:  # a notebook
        anybody.execute(init_text(settings))
        assert anybody.execute("SELECT sum(number) FROM lake.raw.t").fetchone() == (3,)


def test_without_any_key_it_says_what_to_set(
    settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    without = S3Settings(endpoint=bucket.s3.endpoint)
    lake = Lake(settings.model_copy(update={"s3": without}))
    with pytest.raises(ObjectStoreError, match="No key for the object store of s3://") as failed:
        lake.query("SELECT 1")
    assert "ORDER_PIPELINE_S3__KEY_ID" in failed.value.next_step
    monkeypatch.setattr("order_pipeline.warehouse.lake.object_store.find_spec", lambda _: None)
    with pytest.raises(ObjectStoreError, match="duckdb-extension-aws=="):
        lake.query("SELECT 1")


def test_a_directory_and_another_scheme_need_none_of_it() -> None:
    assert ObjectStore("/data/lake/", S3Settings()).extensions == []
    assert ObjectStore("/data/lake/", S3Settings()).memory_statements == []
    assert ObjectStore("gs://bucket/lake/", S3Settings()).extensions == ["httpfs"]


def write_three_partitions(bucket: Bucket, spill: Path, *, is_told: bool) -> None:
    """As a chunk of three days is written, in less memory than one file takes by httpfs's own defaults."""
    files = ObjectStore(bucket.data_path, bucket.s3)
    rows = "SELECT range AS number, hash(range) AS noise, range % 3 AS day FROM range(30000)"
    with closing(open_instance(spill, memory_limit="60MB", threads=1, extensions=files.extensions)) as connection:
        files.reach(connection)
        if not is_told:
            connection.execute("RESET GLOBAL s3_uploader_max_filesize")
        connection.execute(
            f"COPY ({rows}) TO '{bucket.data_path}wide' (FORMAT parquet, PARTITION_BY (day), OVERWRITE_OR_IGNORE true)"
        )


def test_many_files_are_written_in_little_memory(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(duckdb.OutOfMemoryException):
        write_three_partitions(bucket, tmp_path, is_told=False)
    write_three_partitions(bucket, tmp_path, is_told=True)
    assert len([name for name in bucket.names() if "/wide/day=" in name]) == 3


@pytest.mark.parametrize(
    ("given", "host", "is_encrypted", "style"),
    [
        ({}, None, True, "vhost"),
        ({"endpoint": "minio.example:9000"}, "minio.example:9000", True, "path"),
        ({"endpoint": "http://127.0.0.1:9000"}, "127.0.0.1:9000", False, "path"),
        ({"endpoint": "minio.example:9000", "use_ssl": False}, "minio.example:9000", False, "path"),
        ({"endpoint": "https://s3.example/", "url_style": "vhost"}, "s3.example", True, "vhost"),
    ],
)
def test_an_endpoint_says_where_the_store_is(given: dict, host: str | None, is_encrypted: bool, style: str) -> None:
    s3 = S3Settings(**given)
    assert (s3.host, s3.is_encrypted, s3.style) == (host, is_encrypted, style)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"endpoint": "ftp://host"}, "give a host"),
        ({"endpoint": "host/path"}, "give a host"),
        ({"key_id": SecretStr("AKIA")}, "belong together"),
        ({"session_token": SecretStr("token")}, "needs key_id"),
    ],
)
def test_half_a_key_or_a_strange_endpoint_is_refused(given: dict, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        S3Settings(**given)


def test_a_data_path_gets_the_slash_that_every_path_below_it_needs() -> None:
    assert LakeSettings(data_path="s3://bucket/orders").data_path == "s3://bucket/orders/"
