"""A strict fake of Skroutz's orders API (docs/apis/skroutz.md 14): one order by its code, actions, webhooks.

There is no list. Fetching a voucher changes the order, as on the real host, so that a test can prove that nobody does.
Here are routes and access; orders are drawn in `orders.py`, live in `life.py`, are acted on in `actions.py`, and their
webhooks leave through `sender.py`, when `POST /control/skroutz/webhooks` asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any, ClassVar, Literal

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_pipeline.sandbox.shared.channel import UNLIMITED, Channel, World
from order_pipeline.sandbox.shared.control import json_answer, json_body
from order_pipeline.sandbox.shared.oauth import bearer_of
from order_pipeline.sandbox.shared.rate import RateGate
from order_pipeline.sandbox.skroutz.actions import Desk, RefusedError
from order_pipeline.sandbox.skroutz.life import OrderBook
from order_pipeline.sandbox.skroutz.orders import FILES, LOCATIONS
from order_pipeline.sandbox.skroutz.sender import Delivery, Round, SenderLedger

FIRST_TOKEN = "sandbox-skroutz-token-1"  # noqa: S105
ACCEPT = "application/vnd.skroutz+json; version=3.0"
JSON_TYPE = "application/json; charset=utf-8"
ORDER_PATH = "/merchants/ecommerce/orders/{code}"


@dataclass(frozen=True, slots=True)
class SkroutzSwitches:
    """What the contract leaves open, or a test wants.

    `without_accept`: status when the vendor's Accept header is missing (undocumented). `over_limit`: the answer above
    `requests_per_second`: the removed page's 403 with `message`, or 429.
    """

    without_accept: int = 406
    requests_per_second: int | None = None
    over_limit: Literal["403", "429"] = "403"


class SkroutzChannel(Channel):
    """One shop: its orders, its one token, its webhooks."""

    name: ClassVar[str] = "skroutz"
    switches_type: ClassVar[type] = SkroutzSwitches
    identifier: ClassVar[re.Pattern[str]] = re.compile(r"(DEMO-.*|\d{6}-\d+)(\.pdf)?")
    sends_webhooks: ClassVar[bool] = True
    switches: SkroutzSwitches

    def __init__(self, world: World, switches: SkroutzSwitches) -> None:
        super().__init__(world, switches)
        self._tokens_made = 1
        self._gate = RateGate(world.clock)
        self._start_over()
        self.control_routes = [
            Route("/webhooks", self._send_webhooks, methods=["POST"]),
            Route("/token", self._hand_out_token, methods=["POST"]),
            Route("/codes", self._list_codes, methods=["GET"]),
        ]
        self.app = Starlette(
            routes=[
                Route(ORDER_PATH, self._read, methods=["GET"]),
                Route(f"{ORDER_PATH}/invoices", self._upload_invoice, methods=["POST"]),
                *self._action_routes(),
                Route("/vouchers/{code}.pdf", self._voucher, methods=["GET"]),
                Route("/{kind:str}/{rest:path}", self._other_file, methods=["GET"]),
            ],
            exception_handlers={RefusedError: self._refused, HTTPException: self._http_error},
        )

    def _action_routes(self) -> list[Route]:
        acts: dict[str, Callable[[str, dict[str, Any]], None]] = {
            # Looked up at the call: `reset` puts another desk in place.
            "accept": lambda code, sent: self.desk.accept(code, sent),  # noqa: PLW0108
            "reject": lambda code, sent: self.desk.reject(code, sent),  # noqa: PLW0108
            "tracking_details": lambda code, sent: self.desk.give_tracking(code, sent),  # noqa: PLW0108
            "set_as_ready": lambda code, _: self.desk.set_ready(code, ready=True),
            "set_as_not_ready": lambda code, _: self.desk.set_ready(code, ready=False),
        }
        for kind in ("creation", "voucher_update", "extension", "cancellation"):
            acts[f"trigger_webhook_request/{kind}"] = self._trigger(kind)
        return [Route(f"{ORDER_PATH}/{suffix}", self._action(act), methods=["POST"]) for suffix, act in acts.items()]

    def _start_over(self) -> None:
        self.book = OrderBook(self.world)
        self.desk = Desk(self.world, self.book)
        self.sent = SenderLedger()
        self.voucher_fetches: list[str] = []
        self.file_fetches = 0

    @property
    def token(self) -> str:
        """The one token that works; a new one kills the old one."""
        return f"sandbox-skroutz-token-{self._tokens_made}"

    def revoke_tokens(self) -> None:
        """Somebody made a new token in the panel."""
        self._tokens_made += 1

    def reset(self) -> None:
        """The seeded orders again; the token stays."""
        super().reset()
        self._start_over()

    def connection(self, url: str) -> dict[str, Any]:
        """The pipeline's `skroutz` settings for this shop, with the token that works now."""
        return {
            "enabled": True,
            "base_url": url,
            "token": self.token,
            "account": "demo",
            "locations": [location["label"] for location in LOCATIONS],
            "reread_most_orders": 100_000,
            "rate": UNLIMITED,
        }

    def ledger(self) -> dict[str, Any]:
        """Orders by state, webhooks by fate, and the files that nobody should have fetched."""
        self.book.settle()
        states: dict[str, int] = {}
        for order in self.book.orders.values():
            states[order["state"]] = states.get(order["state"], 0) + 1
        return {
            "orders": len(self.book.orders),
            "states": states,
            "events": {"made": self.book.made, "due": len(self.book.due), **self.sent.describe()},
            "voucher_fetches": self.voucher_fetches,
            "file_fetches": self.file_fetches,
            "invoice_uploads": self.desk.uploads,
        }

    def _trigger(self, kind: str) -> Callable[[str, dict[str, Any]], None]:
        return lambda code, _: self.desk.trigger(code, kind)

    async def _read(self, request: Request) -> Response:
        self._admit(request)
        order = self.desk.find(request.path_params["code"])
        if request.query_params.get("action_options") == "1":
            order = {**order, "reschedule_options": [], "relocate_options": []}
        return self._answer(request, {"order": order})

    def _action(self, act: Callable[[str, dict[str, Any]], None]) -> Any:
        async def run(request: Request) -> Response:
            self._admit(request)
            body = await request.body()
            if body and request.headers.get("content-type") != JSON_TYPE:
                raise RefusedError(400, "bad_request", f"A body is sent as {JSON_TYPE}")
            try:
                sent = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
            except msgspec.DecodeError as error:
                raise RefusedError(400, "bad_request", "The body is not a JSON object") from error
            act(request.path_params["code"], sent)
            return self._answer(request, {"success": True})

        return run

    async def _upload_invoice(self, request: Request) -> Response:
        self._admit(request)
        async with request.form(max_part_size=20_000_000) as form:
            part = form.get("invoice_file")
            content = await part.read() if isinstance(part, UploadFile) else None
            kind = (part.content_type or "") if isinstance(part, UploadFile) else ""
        self.desk.upload_invoice(request.path_params["code"], content, kind)
        return self._answer(request, {"success": True})

    async def _voucher(self, request: Request) -> Response:
        code = request.path_params["code"]
        self.voucher_fetches.append(code)
        self.desk.voucher_was_fetched(code)
        return Response(b"%PDF-1.4 voucher", media_type="application/pdf")

    async def _other_file(self, request: Request) -> Response:
        if request.path_params["kind"] not in ("uploads", "notes"):
            raise HTTPException(404)
        self.file_fetches += 1
        return Response(b"%PDF-1.4", media_type="application/pdf")

    def _admit(self, request: Request) -> None:
        limit = self.switches.requests_per_second
        if not self._gate.admits(limit):
            raise HTTPException(int(self.switches.over_limit), f"API rate limit exceeded for the token. Limit: {limit}")
        if bearer_of(request.headers.get("authorization")) != self.token:
            raise RefusedError(401, "EcommerceMerchantUnauthorized", "Unauthorized")
        if request.headers.get("accept", "").replace(" ", "") != ACCEPT.replace(" ", ""):
            raise RefusedError(self.switches.without_accept, "bad_request", "Missing vendor Accept header")

    def _answer(self, request: Request, content: dict[str, Any], status: int = 200) -> Response:
        body = msgspec.json.encode(content).replace(FILES.encode(), _own_address(request).encode())
        headers = {
            "cache-control": "no-cache",
            "content-type": JSON_TYPE,
            "date": format_datetime(self.world.clock.now(), usegmt=True),
        }
        return Response(body, status, headers)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)  # noqa: S101  (registered for this class only)
        return self._answer(request, error.body, error.status)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class only)
        if error.status_code == 404:
            return self._answer(
                request, {"errors": [{"code": "RecordNotFound", "messages": ["The resource does not exist"]}]}, 404
            )
        return self._answer(request, {"message": error.detail}, error.status_code)

    async def _send_webhooks(self, request: Request) -> Response:
        """Send what is due as the body, a `Delivery`, says; answer with the ledger."""
        try:
            delivery = msgspec.convert(await json_body(request), Delivery)
        except msgspec.ValidationError as error:
            raise HTTPException(400, str(error)) from error
        events = self.book.take_due(delivery.most)
        await Round(delivery, self.sent, _own_address(request), self.world.seed).send(events)
        return json_answer({"taken": len(events), **self.sent.describe()})

    async def _hand_out_token(self, _request: Request) -> Response:
        return json_answer({"token": self.token})

    async def _list_codes(self, _request: Request) -> Response:
        """What the shop's panel would export: every code that exists by now."""
        self.book.settle()
        return json_answer({"codes": sorted(self.book.orders)})


def _own_address(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/{SkroutzChannel.name}"
