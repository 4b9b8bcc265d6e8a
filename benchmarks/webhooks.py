"""The webhook receiver under load: answers within 100 ms at 200 webhooks a second, every one of them durable.

    python -m benchmarks.webhooks [--rate 200] [--seconds 60]

The receiver is a process of its own (uvicorn, SQLite with synchronous=FULL in a temporary folder of the working
directory's disk); the load comes from this one, over loopback, open loop: each webhook has its due time, and its
latency counts from there, so a stalled receiver cannot hide by slowing the sender. Bodies are orders of the Skroutz
fake. Afterwards the inbox is compared with the answers. The last part sends as fast as the receiver answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel

SERVE = (
    "from order_pipeline.settings import load_settings; from order_pipeline.webhooks.server import serve;"
    " serve(load_settings())"
)
BURST = 4000
SENDERS = 32


@dataclass(slots=True)
class Load:
    """What was sent and how it was answered; latencies in milliseconds."""

    answers: Counter[str] = field(default_factory=Counter[str])
    latencies: list[float] = field(default_factory=list[float])
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """The latency that `share` of all answers did not exceed."""
        return statistics.quantiles(self.latencies, n=1000, method="inclusive")[round(share * 1000) - 1]


def bodies(count: int) -> list[bytes]:
    """So many different webhooks of the fake."""
    server = SandboxServer(seed=11, orders=max(1, count // 8), days=4, channels=["skroutz"])
    channel = server.channels["skroutz"]
    assert isinstance(channel, SkroutzChannel)
    events = channel.book.take_due()
    return [
        event.body.replace(b"{", b'{"n":%d,' % number, 1)
        for number in range(count)
        for event in [events[number % len(events)]]
    ]


@contextmanager
def receiver(folder: Path) -> Generator[tuple[str, OperationsStore]]:
    """A receiver in a process of its own; yields its webhook URL and its store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "ORDER_PIPELINE_DATA_DIR": str(folder),
        "ORDER_PIPELINE_WEBHOOKS__PORT": str(port),
        "ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN": token,
    }
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/ready", process)
        store = OperationsStore(f"sqlite:///{folder / 'operations.sqlite'}")
        yield f"http://127.0.0.1:{port}/webhooks/skroutz/{token}", store
        store.close()
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the receiver answers 200.

    Raises:
        RuntimeError: it ended instead.
    """
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("the receiver did not start")


class Poster:
    """Posts over kept connections, by hand: a full HTTP client would cost more processor time than the receiver."""

    def __init__(self, url: str, load: Load) -> None:
        parts = httpx.URL(url)
        self._where = (parts.host, parts.port or 80)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.host}\r\nUser-Agent: Skroutz OrderNotifier v1\r\n"
            "Content-Type: application/json; charset=utf-8\r\nContent-Length: "
        ).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._load = load

    async def post(self, body: bytes, due: float) -> None:
        """Post one body and note answer and latency, counted from the due time."""
        try:
            answer = await self._exchange(body)
        except (OSError, asyncio.IncompleteReadError) as error:
            answer = type(error).__name__
        self._load.answers[answer] += 1
        self._load.latencies.append((time.perf_counter() - due) * 1000)

    async def _exchange(self, body: bytes) -> str:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._where)
        writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        self._idle.append((reader, writer))
        return head.split(b" ", 2)[1].decode()

    def close(self) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()


async def steady(url: str, events: list[bytes], rate: float) -> Load:
    """Post the events at a steady rate, however long the answers take."""
    load = Load()
    poster = Poster(url, load)
    async with asyncio.TaskGroup() as group:
        started = time.perf_counter()
        for number, body in enumerate(events):
            due = started + number / rate
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            group.create_task(poster.post(body, due))
    load.seconds = time.perf_counter() - started
    poster.close()
    return load


async def flat_out(url: str, events: list[bytes]) -> Load:
    """Post the events as fast as they are answered, from several senders."""
    load = Load()
    poster = Poster(url, load)
    waiting = iter(events)

    async def sender() -> None:
        for body in waiting:
            await poster.post(body, time.perf_counter())

    started = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    load.seconds = time.perf_counter() - started
    poster.close()
    return load


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=200.0, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    count = int(arguments.rate * arguments.seconds)
    events = bodies(count + BURST)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, receiver(Path(folder)) as (url, store):
        loads = {
            f"{arguments.rate:.0f}/s for {arguments.seconds:.0f} s": asyncio.run(
                steady(url, events[:count], arguments.rate)
            ),
            f"{BURST} flat out, {SENDERS} senders": asyncio.run(flat_out(url, events[count:])),
        }
        counts = inbox.counts(store, "skroutz")
    table = Table("load", "answers", "per second", "p50 ms", "p99 ms", "p99.9 ms", "max ms")
    for name, load in loads.items():
        figures = [f"{load.percentile(share):.1f}" for share in (0.5, 0.99, 0.999)]
        rate = f"{len(load.latencies) / load.seconds:.0f}"
        table.add_row(name, str(dict(load.answers)), rate, *figures, f"{max(load.latencies):.1f}")
    console = Console(width=140)
    console.print(table)
    answered = sum(load.answers["200"] for load in loads.values())
    console.print(
        f"answered 200: {answered}; in the inbox: {counts.pending}, delivered more than once: {counts.repeated}; "
        f"body about {sum(map(len, events)) // len(events)} bytes; "
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
