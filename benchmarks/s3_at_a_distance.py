"""An S3 server of this machine (moto) whose every answer is late, as those of a store at a distance are.

`serve` runs it in a process of its own: `distant_store` starts one and tells how many requests it has had.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from order_pipeline_tests.warehouse.core.clusters import free_port

BUCKET = "lake"
KEY, SECRET = "key-of-benchmarks", "secret-of-benchmarks"


@dataclass(frozen=True, slots=True)
class DistantStore:
    """A running server; `endpoint` is its address."""

    endpoint: str

    def answer_after(self, milliseconds: float) -> None:
        """From now on each answer is late by so much."""
        self._ask(f"/_delay/{milliseconds}")

    def requests(self) -> int:
        """How many requests it has had, these questions apart."""
        return int(self._ask("/_requests"))

    def _ask(self, path: str, method: str = "GET") -> str:
        request = urllib.request.Request(self.endpoint + path, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()


@contextmanager
def distant_store() -> Generator[DistantStore]:
    """A server with an empty bucket, not late yet, for the block."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.s3_at_a_distance", str(port)]) as process:
        try:
            store = DistantStore(f"http://127.0.0.1:{port}")
            _wait_for(store)
            store._ask(f"/{BUCKET}", "PUT")  # noqa: SLF001 - its own module
            yield store
        finally:
            process.kill()


def _wait_for(store: DistantStore, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            store.requests()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def serve(port: int) -> None:
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app  # pyright: ignore[reportPrivateImportUsage]
    from werkzeug.serving import WSGIRequestHandler, run_simple

    store = DomainDispatcherApplication(create_backend_app)
    state = {"seconds": 0.0, "requests": 0}

    def application(environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environment["PATH_INFO"]
        if path.startswith("/_"):
            if path.startswith("/_delay/"):
                state["seconds"] = float(path.rpartition("/")[2]) / 1000
            body = str(int(state["requests"])).encode()
            start("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        state["requests"] += 1
        time.sleep(state["seconds"])
        return store(environment, start)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
