"""The health endpoint of `serve`: asks each service at the moment of the question, and tells what it found.

A process that lives is not healthy for that: the webserver and the receiver must answer over HTTP, and every daemon of
Dagster must have given a sign of life since its process began.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_pipeline.cli.supervisor import Service
from order_pipeline.serving.connections import BACKLOG, ConnectionLimits, limited_protocol
from order_pipeline.serving.same_origin import AllowedHosts

ANSWER_SECONDS = 3.0
LONGEST_SILENCE = timedelta(minutes=5)
"""Each daemon gives a sign of life twice a minute; a slow tick may keep one from it for a while."""
Question = Callable[[datetime], str]
"""Given when the process started: an empty text where it does its work, else what is wrong."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A service, and how to ask whether it does its work."""

    service: Service
    ask: Question


def ask_over_http(url: str) -> Question:
    """Whether the address answers with success."""

    def ask(_started_at: datetime) -> str:
        try:
            answer = httpx.get(url, timeout=ANSWER_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            return f"{url} does not answer ({type(error).__name__})"
        return "" if answer.is_success else f"{url} answers {answer.status_code}"

    return ask


def ask_daemons(read: Callable[[], dict[str, datetime | None]]) -> Question:
    """Whether every daemon that `read` names was heard of since its process started, and lately."""

    def ask(started_at: datetime) -> str:
        try:
            heard = read()
        except Exception as error:  # noqa: BLE001 - whatever keeps us from knowing is told
            return f"Dagster's store cannot be read ({type(error).__name__})"
        oldest = max(started_at, datetime.now(UTC) - LONGEST_SILENCE)
        silent = sorted(name for name, at in heard.items() if at is None or at < oldest)
        return f"silent: {', '.join(silent)}" if silent else ""

    return ask


def health_of(watched: Watched) -> dict[str, Any]:
    """How one service stands: whether it does its work, and if not, why."""
    service = watched.service
    guardian_id, started_at = service.guardian_id, service.started_at
    told = {"started_at": started_at, "ends": service.ends, "last_end": service.last_end}
    if guardian_id is None or started_at is None:
        return {"healthy": False, "detail": "does not run; it is started again", **told}
    wrong = watched.ask(started_at)
    return {"healthy": not wrong, "detail": wrong, **told}


def build_health_app(services: Sequence[Watched], hosts: AllowedHosts) -> Starlette:
    """GET /health: 200 when every service does its work, else 503; the body names each with what is wrong.

    Under a host name that is not ours it answers 421: a page of another site must not read it by DNS rebinding.
    """

    def health(request: Request) -> Response:
        if not hosts.let_in(request.headers):
            return Response(status_code=421)
        found = {each.service.name: health_of(each) for each in services}
        healthy = all(each["healthy"] for each in found.values())
        body = msgspec.json.encode({"healthy": healthy, "services": found})
        return Response(body, status_code=200 if healthy else 503, media_type="application/json")

    return Starlette(routes=[Route("/health", health, methods=["GET"])])


@contextmanager
def serving_health(services: Sequence[Watched], host: str, port: int, names: Sequence[str] = ()) -> Iterator[None]:
    """The endpoint in a thread, until the end of the block; it is asked under `host` and these names."""
    config = uvicorn.Config(
        build_health_app(services, AllowedHosts.of([host, *names], addresses=True)),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        http=limited_protocol(ConnectionLimits()),
        backlog=BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(ANSWER_SECONDS)
