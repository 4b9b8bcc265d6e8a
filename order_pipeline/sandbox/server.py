"""All fakes on one loopback port: `/kibo`, `/scanorders`, ... , `/control` and `/health`.

`SandboxServer` runs in a thread of the caller (tests), `serve` in the foreground (command line). For measurements use
`process.SandboxProcess`, so that the fake and the measured client do not share an interpreter.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from order_pipeline.sandbox.registry import CHANNELS
from order_pipeline.sandbox.shared.channel import Channel, World
from order_pipeline.sandbox.shared.clock import DEFAULT_TODAY, SandboxClock
from order_pipeline.sandbox.shared.control import ControlArea, json_answer
from order_pipeline.sandbox.shared.faults import Fault, FaultBook, load_faults
from order_pipeline.sandbox.shared.injection import SCRIPTED_DROP_MESSAGES, CallLog, DroppableProtocol, FaultLayer

ChannelKind = TypeVar("ChannelKind", bound=Channel)
LOOPBACK = "127.0.0.1"
START_TIMEOUT_SECONDS = 30.0


def is_no_scripted_drop(record: logging.LogRecord) -> bool:
    """Keeps out of the log what a script did on purpose: an answer that was dropped, before or in the middle."""
    return record.getMessage() not in SCRIPTED_DROP_MESSAGES


class SandboxServer:
    """The sandbox, ready to run: `with SandboxServer(seed=7) as server: server.url`.

    Args:
        seed: of all data and of fault rates; the same seed gives the same bytes.
        orders: orders a day in each channel.
        days: complete days before `today` that have orders.
        port: 0 takes a free one.
        today: where business time starts (00:00 UTC of that day).
        faults: scripted faults in force from the start.
        switches: by channel name, the channel's switches that differ from their defaults.
        channels: which channels run; None: all in the registry.
        state_directory: where channels keep what they must remember across restarts; None: nowhere.
        by_share: `orders` are those of the busiest channel, and the others have their usual share of them.
        real_time: business time goes with the real time from `today` on, and orders appear and change by themselves.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        orders: int = 600,
        days: int = 7,
        port: int = 0,
        today: date = DEFAULT_TODAY,
        faults: Sequence[Fault] = (),
        switches: Mapping[str, Mapping[str, Any]] | None = None,
        channels: Sequence[str] | None = None,
        state_directory: Path | None = None,
        by_share: bool = False,
        real_time: bool = False,
    ) -> None:
        self.clock = SandboxClock(today, real_time=real_time)
        self.faults = FaultBook(seed, faults)
        self._faults_at_start = tuple(faults)
        self.world = World(seed, orders, days, self.clock, self.faults, state_directory)
        chosen = CHANNELS if channels is None else {name: CHANNELS[name] for name in channels}
        settings = switches or {}
        self.channels: dict[str, Channel] = {
            name: fake.build(
                replace(self.world, orders_per_day=fake.share_of(orders) if by_share else orders),
                settings.get(name, {}),
            )
            for name, fake in chosen.items()
        }
        self.calls: dict[str, CallLog] = {name: CallLog() for name in self.channels}
        self.app = self._build_app()
        self._port = port
        self._socket: socket.socket | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def _build_app(self) -> Starlette:
        control = ControlArea(self.world, self.channels, self.calls)
        mounts = [
            Mount(f"/{name}", app=FaultLayer(channel, self.faults, self.calls[name]))
            for name, channel in self.channels.items()
        ]
        return Starlette(routes=[*mounts, Mount("/control", routes=control.routes()), Route("/health", self._health)])

    async def _health(self, _request: Request) -> Response:
        return json_answer({"status": "ok", "channels": list(self.channels)})

    def channel(self, kind: type[ChannelKind]) -> ChannelKind:
        """The running channel of this class.

        Raises:
            LookupError: if it does not run here.
        """
        for channel in self.channels.values():
            if isinstance(channel, kind):
                return channel
        raise LookupError(f"no {kind.__name__} runs here; there are {', '.join(self.channels)}")

    @property
    def port(self) -> int:
        """The port it listens on; known once it was bound."""
        if self._socket is None:
            raise RuntimeError("the sandbox is not running: use it as a context manager, or serve()")
        return self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def channel_url(self, name: str) -> str:
        """The base address of one channel."""
        return f"{self.url}/{name}"

    def bind(self) -> None:
        """Take the port; who calls from now on waits for `serve`, and is not refused.

        Loopback only: the fakes hold invented data, but also open control routes.

        Raises:
            OSError: if the port is taken.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, self._port))
            listener.listen()
        except OSError:
            listener.close()
            raise
        self._socket = listener

    def serve(self) -> None:
        """Answer calls in this thread until the process is told to stop."""
        if self._socket is None:
            self.bind()
        with contextlib.suppress(KeyboardInterrupt):  # how a person ends it; uvicorn has shut down by then
            self._new_uvicorn().run(sockets=self._sockets())

    def _new_uvicorn(self) -> uvicorn.Server:
        config = uvicorn.Config(
            self.app,
            http=DroppableProtocol,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            date_header=False,  # a fake whose answers are dated sends the sandbox's date itself
        )
        logging.getLogger("uvicorn.error").addFilter(is_no_scripted_drop)
        return uvicorn.Server(config)

    def _sockets(self) -> list[socket.socket]:
        return [self._socket] if self._socket else []

    def start(self) -> None:
        """Answer calls in a thread of this process; returns when the port answers.

        Raises:
            RuntimeError: if it did not start.
        """
        self.bind()
        running = self._uvicorn = self._new_uvicorn()
        thread = self._thread = threading.Thread(
            target=running.run, kwargs={"sockets": self._sockets()}, name="sandbox", daemon=True
        )
        thread.start()
        self._await_listening(running, thread)

    @staticmethod
    def _await_listening(running: uvicorn.Server, thread: threading.Thread) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
        while not running.started:
            if not thread.is_alive() or time.monotonic() > give_up_at:
                raise RuntimeError("the sandbox did not start; see the log above for uvicorn's reason")
            thread.join(0.005)

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._uvicorn is not None and self._thread is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True
            self._thread.join(START_TIMEOUT_SECONDS)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def reset(self) -> None:
        """Faults, call counts, data, ledgers, switches and business time as at the start; tokens stay valid."""
        self.clock.reset()
        self.faults.reset()
        self.faults.add(*self._faults_at_start)
        for name, channel in self.channels.items():
            channel.reset()
            self.calls[name].reset()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(port: int = 8700, seed: int = 7, orders: int = 600, days: int = 7, faults_file: Path | None = None) -> None:
    """Run the sandbox in the foreground until it is interrupted, and say how to reach it.

    Raises:
        FaultScriptError: if `faults_file` cannot be used.
        OSError: if the port is taken.
    """
    faults = load_faults(faults_file) if faults_file else []
    server = SandboxServer(seed=seed, orders=orders, days=days, port=port, faults=faults)
    server.bind()
    announce(server)
    server.serve()


def announce(server: SandboxServer) -> None:
    """Print where the sandbox answers; the first line is `sandbox <url>`."""
    world = server.world
    lines = [
        f"sandbox {server.url}",
        f"  health   {server.url}/health",
        f"  control  {server.url}/control/",
        *(f"  channel  {server.channel_url(name)}" for name in server.channels),
        f"  data     {world.orders_per_day} orders a day, {world.days} days from {world.first_day}, seed {world.seed}",
        f"  today    {world.clock.today} (POST /control/advance moves it), {len(server.faults.describe())} faults",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
