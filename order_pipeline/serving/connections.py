"""Limits of an HTTP server's connections, so that who sends half a request keeps nobody else out.

uvicorn waits for the end of a request's headers as long as it takes, and takes as many connections as come. When the
process has no descriptors left, nobody gets in. Here headers have a time and connections a limit, of one address and of
all, and a newcomer takes the place of the oldest connection that asks for nothing.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

KEPT_DESCRIPTORS = 64
"""Descriptors of the process that no connection gets: its stores, files and standard streams need some."""
BACKLOG = 128
"""Connections that the system holds for us; so many are accepted before the first of them is looked at."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections, and how long one may take to say what it wants.

    Attributes:
        most: connections at once; fewer where the process may not have so many descriptors.
        most_of_one_address: of them from one address.
        header_seconds: from the first byte of a request, or from the connection's begin, to the end of its headers.
        is_proxy: whether an address is a proxy's, whose connections are those of many senders.
    """

    most: int = 400
    most_of_one_address: int = 100
    header_seconds: float = 10.0
    is_proxy: Callable[[str], bool] = lambda _address: False


def limited_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """Uvicorn's own protocol within the limits: the `http` of a `uvicorn.Config`."""
    pool = _Pool(limits, min(limits.most, descriptors_to_spare()))

    class Limited(_LimitedConnection):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            made = cast("Callable[..., asyncio.Protocol]", AutoHTTPProtocol)
            inner = made(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
            super().__init__(inner, pool)

    return Limited


def descriptors_to_spare() -> int:
    """How many connections this process has descriptors for; its limit is raised as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_000_000 if hard == resource.RLIM_INFINITY else max(hard - KEPT_DESCRIPTORS - BACKLOG, hard // 4, 1)


class _Pool:
    """The open connections, the oldest first."""

    def __init__(self, limits: ConnectionLimits, most: int) -> None:
        self.limits = limits
        self._most = most
        self._open: dict[_LimitedConnection, str] = {}

    def let_in(self, connection: _LimitedConnection, address: str) -> bool:
        """Whether there is room, or could be made; then the connection counts until `forget`."""
        neighbours = [each for each, of in self._open.items() if of == address]
        if len(neighbours) >= self.limits.most_of_one_address and not self.limits.is_proxy(address):
            has_room = self._make_room(neighbours)
        else:
            has_room = len(self._open) < self._most or self._make_room(list(self._open))
        if has_room:
            self._open[connection] = address
        return has_room

    def forget(self, connection: _LimitedConnection) -> None:
        self._open.pop(connection, None)

    def _make_room(self, among: list[_LimitedConnection]) -> bool:
        """End the oldest connection without a request; one that never had any goes before those that are kept."""
        idle = [each for each in among if each.is_waiting()]
        victim = next((each for each in idle if not each.has_asked), idle[0] if idle else None)
        if victim is None:
            return False
        victim.end()
        return True


class _LimitedConnection(asyncio.Protocol):
    """Passes all events to uvicorn's protocol, and ends a connection that does not say what it wants."""

    def __init__(self, inner: asyncio.Protocol, pool: _Pool) -> None:
        self._inner = inner
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_in = False
        self.has_asked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._is_in = self._pool.let_in(self, peer[0] if isinstance(peer, tuple) else "")
        if not self._is_in:
            self._transport.abort()
            return
        self._inner.connection_made(transport)
        self._look_at_clock()

    def data_received(self, data: bytes) -> None:
        if not self._is_in:
            return
        self._inner.data_received(data)
        if self._transport is not None and self._transport.get_protocol() is not self:  # now a WebSocket
            self._leave()
            return
        self.has_asked = self.has_asked or not self.is_waiting()
        self._look_at_clock()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._is_in else None

    def pause_writing(self) -> None:
        if self._is_in:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._is_in:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        was_in = self._is_in
        self._leave()
        if was_in:
            self._inner.connection_lost(exc)

    def is_waiting(self) -> bool:
        """Whether no request is being answered: none came yet, or the last one was answered."""
        cycle: Any = getattr(self._inner, "cycle", None)
        return cycle is None or bool(cycle.response_complete)

    def end(self) -> None:
        """Close at once; the place is free from now on."""
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def _look_at_clock(self) -> None:
        """Started by the first byte of a request and by the connection itself, stopped by the end of the headers."""
        if not self.is_waiting():
            self._stop_clock()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._pool.limits.header_seconds, self._end_if_waiting)

    def _end_if_waiting(self) -> None:
        self._timer = None
        if self.is_waiting():
            self.end()

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        self._pool.forget(self)
        self._stop_clock()
