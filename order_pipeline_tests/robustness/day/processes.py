"""The processes of a simulated day that can be told something: the daemon, the webhook receiver, who gets alerts."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from order_pipeline_tests.shared_demo import PROJECT
from order_pipeline_tests.waiting import wait_until

LOOK_SECONDS = 0.05


class DaemonEndedError(RuntimeError):
    """The daemon ended by itself; its log says why."""


class DaemonProcess:
    """The daemon with all its children: started, led step by step, and killed as one."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """What it is started with, and where its standard error goes."""
        self._environment = dict(environment)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed."""
        return self._process is not None

    def start(self) -> None:
        """Start it as the leader of a process group of its own."""
        command = [sys.executable, "-W", "ignore", "-m", "order_pipeline_tests.robustness.day.daemon"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def step(self, is_to_die: Callable[[], bool]) -> dict[str, Any] | None:
        """One step of all daemons; what it says, or None: the moment to die came, and it is dead.

        Raises:
            DaemonEndedError: it ended, and nobody had asked for that.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not selector.select(LOOK_SECONDS):
                if is_to_die():
                    self.kill()
                    return None
        line = process.stdout.readline()
        if line:
            return json.loads(line)
        if is_to_die():
            self.kill()
            return None
        raise DaemonEndedError(f"the daemon ended with {process.wait()}:\n{self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        """SIGKILL to the daemon and everything that it started; harmless when it is dead."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process = None


@contextmanager
def running_receiver(environment: Mapping[str, str], url: str, log: Path) -> Iterator[None]:
    """`order-pipeline webhooks serve` until the end of the block; it outlives the daemon, as a service of its own."""
    command = [sys.executable, "-m", "order_pipeline", "webhooks", "serve"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=dict(environment), stdout=output, stderr=output)
    try:
        wait_until(lambda: _is_ready(url) or process.poll() is not None)
        assert process.poll() is None, f"the receiver did not start: {log.read_text()[-2000:]}"
        yield
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class AlertInbox:
    """Who gets the alerts: what came when, by the simulated clock. Armed, it dies of the next one before it answers."""

    url: str
    now: Callable[[], datetime]
    received: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])
    is_armed: bool = False
    has_struck: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def take(self, text: str) -> bool:
        """Note the message; False: the sender is to be killed while it waits for the answer."""
        self.received.append((self.now(), text))
        if not self.is_armed:
            return True
        self.is_armed, self.has_struck = False, True
        self.released.wait(60)
        return False


@contextmanager
def receiving_alerts(now: Callable[[], datetime]) -> Iterator[AlertInbox]:
    """A real HTTP server on loopback, as a chat's incoming webhook is one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if inbox.take(body["text"]):
                self.send_response(200)
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library calls it
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox = AlertInbox(f"http://127.0.0.1:{server.server_port}/services/day", now)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        inbox.released.set()
        server.shutdown()
        server.server_close()
