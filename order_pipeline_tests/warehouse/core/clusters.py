"""A dask scheduler and its workers as processes of a test; they end with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process whose output goes to a file; killed at the end, for nobody waits for one that goes on."""
    with log.open("ab") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as child:
        try:
            yield child
        finally:
            child.kill()


@dataclass(slots=True)
class Cluster:
    """A scheduler, and its workers of one thread each.

    Attributes:
        address: of the scheduler.
        log: what all its processes say.
        workers: their processes.
    """

    address: str
    log: Path
    environment: Mapping[str, str]
    scheduler: subprocess.Popen[bytes]
    stack: ExitStack
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, options: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a worker in the log's directory; it may take seconds until the scheduler knows it."""
        place = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.log.parent)]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, *place, *options]
        self.workers.append(self.stack.enter_context(running(command, self.environment, self.log)))
        return self.workers[-1]


@contextmanager
def cluster_running(
    directory: Path,
    *,
    workers: int,
    environment: Mapping[str, str] | None = None,
    scheme: str = "tcp",
    options: Sequence[str] = (),
) -> Iterator[Cluster]:
    """A cluster on a free port, all its processes with these variables besides their own environment."""
    port = free_port()
    log = directory / "cluster.log"
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        f"{scheme}://127.0.0.1",
        "--port",
        str(port),
    ]
    with ExitStack() as stack:
        scheduler = stack.enter_context(running([*command, "--no-dashboard", *options], variables, log))
        cluster = Cluster(f"{scheme}://127.0.0.1:{port}", log, variables, scheduler, stack)
        for _ in range(workers):
            cluster.add_worker(options)
        yield cluster


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
