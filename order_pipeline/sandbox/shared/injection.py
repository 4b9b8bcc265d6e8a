"""Carries scripted faults out and records every call: an ASGI layer around each channel's app.

A dropped connection is a real one: the socket is closed below HTTP, as when a line breaks. `faults.py` says which call
is hit; the channels say what a page or a token is.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from order_pipeline.sandbox.shared.channel import Channel
from order_pipeline.sandbox.shared.faults import PAGING_KINDS, Fault, FaultBook

TRANSPORT_KEY = "sandbox.transport"
FAULT_KEY = "sandbox.fault"
DROPPED = "dropped"
SLOW_CHUNKS = 10
LOOK_SECONDS = 0.01
SCRIPTED_DROP_MESSAGES = frozenset(
    f"ASGI callable returned without {lacking}." for lacking in ("starting response", "completing response")
)
"""What the server logs as an error of ours when a scripted fault drops an answer."""
HTML_PAGE = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"


class DroppableProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's HTTP protocol, with the connection's transport put where the fault layer finds it."""

    def connection_made(self, transport: Any) -> None:
        """Add the transport to the state that uvicorn copies into every request's scope."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT_KEY: transport}


@dataclass(slots=True)
class CallRecord:
    """One call as it was answered. `status` is a number, or `dropped`; `query` is as sent."""

    method: str
    path: str
    query: str
    status: str
    fault: str | None


@dataclass(slots=True)
class CallLog:
    """Counts of all calls by (method, route, status), and the last thousand calls one by one."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    recent: deque[CallRecord] = field(default_factory=lambda: deque[CallRecord](maxlen=1000))

    def reset(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.recent.clear()

    def total(self, route: str = "", status: str | None = None) -> int:
        """Calls whose `METHOD /route` contains `route`, and whose status is `status` when given."""
        return sum(
            count
            for (method, path, answered), count in self.counts.items()
            if route in f"{method} {path}" and status in (None, answered)
        )

    def describe(self) -> dict[str, Any]:
        """Both as JSON."""
        counts = [
            {"method": method, "route": route, "status": status, "count": count}
            for (method, route, status), count in sorted(self.counts.items())
        ]
        return {"counts": counts, "recent": [asdict(record) for record in self.recent]}


class FaultLayer:
    """The ASGI app around a channel: one fault at most a call, then the record."""

    def __init__(self, channel: Channel, book: FaultBook, log: CallLog) -> None:
        self._channel = channel
        self._app: ASGIApp = channel.app
        self._book = book
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, spoiled or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"][len(scope.get("root_path", "")) :]
        fault = self._book.next_fault(self._channel.name, f"{scope['method']} {path}")
        status = DROPPED

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await (self._spoil(fault, scope, receive, watch) if fault else self._app(scope, receive, watch))
        finally:
            self._record(scope, path, status, fault)

    def _record(self, scope: Scope, path: str, status: str, fault: Fault | None) -> None:
        identifier = self._channel.identifier
        route = "/".join("{id}" if identifier.fullmatch(part) else part for part in path.split("/"))
        self._log.counts[scope["method"], route, status] += 1
        query = scope["query_string"].decode("latin-1")
        self._log.recent.append(CallRecord(scope["method"], path, query, status, fault.kind if fault else None))

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind in PAGING_KINDS:
            scope["state"][FAULT_KEY] = fault
            await self._app(scope, receive, send)
        elif fault.kind == "expire_token":
            self._channel.revoke_tokens()
            await self._app(scope, receive, send)
        elif fault.kind in ("status", "html"):
            await drain(receive)
            await send_answer(fault, send)
        elif fault.kind == "drop_before":
            await drain(receive)
            transport_of(scope).abort()
        elif fault.kind == "stall":
            await self._stall(fault.seconds)
            await self._app(scope, receive, send)
        else:
            start, body = await capture(self._app, scope, receive)
            await self._spoil_answer(fault, scope, send, start, body)

    async def _stall(self, seconds: float) -> None:
        """Wait so long, or until the faults are lifted: who scripts a stall need not guess how long others take."""
        resets, clock = self._book.resets, asyncio.get_running_loop().time
        end = clock() + seconds
        # Faults are lifted from any thread, so there is no event of this loop to wait for.
        while self._book.resets == resets and (left := end - clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, LOOK_SECONDS))

    async def _spoil_answer(self, fault: Fault, scope: Scope, send: Send, start: Message, body: bytes) -> None:
        """The effect has happened and the true answer is known; spoil what the client sees of it."""
        kept = body[: int(len(body) * fault.keep)]
        if fault.kind == "drop_after":
            transport_of(scope).abort()
        elif fault.kind == "status_after":
            await send_answer(fault, send)
        elif fault.kind == "truncated_json":
            await send_whole(start, kept, send)
        elif fault.kind == "cut_body":
            await send(with_length(start, len(body)))
            await send({"type": "http.response.body", "body": kept, "more_body": True})
            transport_of(scope).close()  # not abort: what was written must arrive before the end does
        elif fault.kind == "stall_after":
            await self._stall(fault.seconds)
            await send_whole(start, body, send)
        else:
            await dribble(start, body, fault.seconds, send)


async def drain(receive: Receive) -> None:
    """Read the request's body to its end, as a server that refuses late does."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def capture(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """Run the app and keep its answer: the start message and the whole body."""
    start: Message = {}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    return start, b"".join(parts)


def with_length(start: Message, length: int) -> Message:
    """The start message with `content-length` set to `length`."""
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    return {**start, "headers": [*headers, (b"content-length", str(length).encode())]}


async def send_whole(start: Message, body: bytes, send: Send) -> None:
    """Send an answer in one piece."""
    await send(with_length(start, len(body)))
    await send({"type": "http.response.body", "body": body})


async def dribble(start: Message, body: bytes, seconds: float, send: Send) -> None:
    """Send the true answer in pieces that take `seconds` together."""
    await send(with_length(start, len(body)))
    size = max(1, -(-len(body) // SLOW_CHUNKS))
    for offset in range(0, len(body), size):
        await asyncio.sleep(seconds / SLOW_CHUNKS)
        await send({"type": "http.response.body", "body": body[offset : offset + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def send_answer(fault: Fault, send: Send) -> None:
    """Answer what the fault scripts, in place of the channel's own answer."""
    is_html = fault.kind == "html"
    status = 200 if is_html else fault.status
    body = fault.body if fault.body is not None else HTML_PAGE if is_html else f'{{"error":"scripted {status}"}}'
    content_type = fault.content_type or ("text/html" if is_html else "application/json")
    headers = [(b"content-type", content_type.encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", retry_after_text(fault.retry_after).encode()))
    await send_whole({"type": "http.response.start", "status": status, "headers": headers}, body.encode(), send)


def retry_after_text(scripted: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """The header's text: `date:+5` becomes an HTTP date five seconds ahead, anything else is sent as it stands."""
    if scripted.startswith("date:"):
        moment = now() + timedelta(seconds=float(scripted.removeprefix("date:")))
        return format_datetime(moment, usegmt=True)
    return scripted


def transport_of(scope: Scope) -> Any:
    """The connection below this request.

    Raises:
        RuntimeError: when the app does not run under `SandboxServer`, where no connection can be dropped.
    """
    transport = scope.get("state", {}).get(TRANSPORT_KEY)
    if transport is None:
        raise RuntimeError("dropping a connection needs SandboxServer: there is no transport in this scope")
    return transport
