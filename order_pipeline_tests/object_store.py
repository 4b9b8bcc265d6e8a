"""An S3 server for the tests that need one: one server a session, one bucket a test or module."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from pydantic import SecretStr

from order_pipeline.s3_settings import S3Settings

KEY = "AKIACANARYOFTESTS0000"
SECRET = "kanari'secret/of+tests"


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket: the data path of a lake in it, and the settings that lead there."""

    data_path: str
    s3: S3Settings

    def environment(self) -> dict[str, str]:
        """The same as variables, for a child process."""
        return {
            "ORDER_PIPELINE_LAKE__DATA_PATH": self.data_path,
            "ORDER_PIPELINE_S3__ENDPOINT": str(self.s3.endpoint),
            "ORDER_PIPELINE_S3__KEY_ID": KEY,
            "ORDER_PIPELINE_S3__SECRET": SECRET,
        }

    def names(self) -> list[str]:
        """The keys of all objects."""
        boto3 = pytest.importorskip("boto3")
        store = boto3.client("s3", **client_options(str(self.s3.endpoint)))
        pages = store.get_paginator("list_objects_v2").paginate(Bucket=self.data_path.split("/")[2])
        return [each["Key"] for page in pages for each in page.get("Contents", [])]


def client_options(endpoint: str) -> dict[str, str]:
    """What boto3 takes to reach the server."""
    return {
        "endpoint_url": endpoint,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "region_name": "us-east-1",
    }


@pytest.fixture(scope="session")
def new_bucket() -> Iterator[Callable[[], Bucket]]:
    """Makes an empty bucket. Tests that ask for it are skipped where the server is missing."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    boto3 = pytest.importorskip("boto3")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", **client_options(endpoint))

    def make() -> Bucket:
        name = f"lake-{uuid4().hex}"
        client.create_bucket(Bucket=name)
        settings = S3Settings(endpoint=endpoint, key_id=SecretStr(KEY), secret=SecretStr(SECRET))
        return Bucket(f"s3://{name}/orders/", settings)

    yield make
    server.stop()
