"""A real HTTP/1.1 server on loopback whose every reply is scripted, misbehaviour included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(slots=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """`cut` sends only that many bytes of the body and closes; `drop` closes unanswered; `stall` never answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: int | None = None
    drop: bool = False
    stall: bool = False
    wait_for: asyncio.Event | None = None


Handler = Callable[[Received], Answer]


def in_turn(*answers: Answer) -> Handler:
    """Give the answers one after the other; the last one for ever."""
    queue = list(answers)
    return lambda _: queue.pop(0) if len(queue) > 1 else queue[0]


class ScriptedServer:
    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.received: list[Received] = []
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        request = Received(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)
        self.received.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self.handler(request)
            if answer.stall:
                await asyncio.Event().wait()
            if answer.wait_for:
                await answer.wait_for.wait()
        finally:
            self.in_flight -= 1
        if answer.drop:
            return False
        lines = [f"HTTP/1.1 {answer.status} Status", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        shown = answer.body if answer.cut is None else answer.body[: answer.cut]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin1") + shown)
        await writer.drain()
        return answer.cut is None
