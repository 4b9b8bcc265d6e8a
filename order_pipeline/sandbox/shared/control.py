"""The control area, outside every channel's API: what a test or a person does to the sandbox itself.

    GET    /control/                     what runs: channels, clock, switches
    POST   /control/connections          by channel, the pipeline's settings that lead to it; issues tokens
    POST   /control/advance              {"days": 1} or hours, minutes, seconds: move business time forward
    GET    /control/faults               faults in force, with counts; POST adds one or a list; DELETE resets all
    GET    /control/calls[/{channel}]    counts by route and status, the last calls; DELETE forgets them
    GET    /control/ledger/{channel}     what the channel accepted
    POST   /control/switches/{channel}   {"switch": value}: turn switches
    POST   /control/tokens/{channel}/revoke
    POST   /control/reset/{channel}      back to the seeded state
    *      /control/{channel}/...        what a channel adds for itself

Faults never hit this area and its calls are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from order_pipeline.sandbox.shared.channel import Channel, SwitchError, World
from order_pipeline.sandbox.shared.faults import FaultScriptError, parse_faults
from order_pipeline.sandbox.shared.injection import CallLog


def json_answer(content: Any, status: int = 200) -> Response:
    """JSON by msgspec, which knows dates and dataclasses."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def json_body(request: Request) -> Any:
    """The request's JSON.

    Raises:
        HTTPException: 400, when it is none.
    """
    try:
        return msgspec.json.decode(await request.body())
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error


class ControlArea:
    """The handlers behind `/control`."""

    def __init__(self, world: World, channels: Mapping[str, Channel], logs: Mapping[str, CallLog]) -> None:
        self._world = world
        self._channels = channels
        self._logs = logs

    def routes(self) -> list[BaseRoute]:
        """All routes of the area, those of the channels included."""
        own = [
            Route("/", self.overview),
            Route("/connections", self.connections, methods=["POST"]),
            Route("/advance", self.advance, methods=["POST"]),
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/calls", self.calls, methods=["GET", "DELETE"]),
            Route("/calls/{channel}", self.calls, methods=["GET", "DELETE"]),
            Route("/ledger/{channel}", self.ledger),
            Route("/switches/{channel}", self.switches, methods=["GET", "POST"]),
            Route("/tokens/{channel}/revoke", self.revoke, methods=["POST"]),
            Route("/reset/{channel}", self.reset, methods=["POST"]),
        ]
        added = [
            Mount(f"/{name}", routes=list(channel.control_routes))
            for name, channel in self._channels.items()
            if channel.control_routes
        ]
        return [*own, *added]

    def _channel(self, request: Request) -> Channel:
        name = request.path_params["channel"]
        if name not in self._channels:
            raise HTTPException(404, f"no channel {name}; there are {', '.join(self._channels)}")
        return self._channels[name]

    async def overview(self, _request: Request) -> Response:
        """What runs."""
        world = self._world
        switches = {name: asdict(channel.switches) for name, channel in self._channels.items()}
        span = {"seed": world.seed, "orders_per_day": world.orders_per_day, "days": world.days}
        return json_answer(
            {
                **span,
                "first_day": world.first_day,
                "now": world.clock.now(),
                "switches": switches,
                "send_webhooks": [name for name, channel in self._channels.items() if channel.sends_webhooks],
            }
        )

    async def connections(self, request: Request) -> Response:
        """How the pipeline reaches each channel: settings by channel."""
        url = f"{request.url.scheme}://{request.url.netloc}"
        return json_answer({name: channel.connection(f"{url}/{name}") for name, channel in self._channels.items()})

    async def advance(self, request: Request) -> Response:
        """Move business time forward."""
        try:
            now = self._world.clock.advance(**await json_body(request))
        except (TypeError, ValueError) as error:
            raise HTTPException(400, str(error)) from error
        return json_answer({"now": now})

    async def faults(self, request: Request) -> Response:
        """Show, add or reset faults."""
        book = self._world.faults
        if request.method == "DELETE":
            book.reset()
        elif request.method == "POST":
            try:
                book.add(*parse_faults(await json_body(request)))
            except FaultScriptError as error:
                raise HTTPException(400, str(error)) from error
        return json_answer(book.describe())

    async def calls(self, request: Request) -> Response:
        """Show or forget the calls of one channel or of all."""
        chosen = [self._channel(request).name] if "channel" in request.path_params else list(self._logs)
        if request.method == "DELETE":
            for name in chosen:
                self._logs[name].reset()
        return json_answer({name: self._logs[name].describe() for name in chosen})

    async def ledger(self, request: Request) -> Response:
        """What the channel accepted."""
        return json_answer(self._channel(request).ledger())

    async def switches(self, request: Request) -> Response:
        """Show or turn switches."""
        channel = self._channel(request)
        if request.method == "POST":
            try:
                channel.configure(**await json_body(request))
            except (SwitchError, TypeError, ValueError) as error:
                raise HTTPException(400, str(error)) from error
        return json_answer(asdict(channel.switches))

    async def revoke(self, request: Request) -> Response:
        """Make every token of the channel worthless."""
        self._channel(request).revoke_tokens()
        return json_answer({"revoked": True})

    async def reset(self, request: Request) -> Response:
        """The channel as it was at the start; business time stays where it is."""
        self._channel(request).reset()
        return json_answer({"reset": True})
