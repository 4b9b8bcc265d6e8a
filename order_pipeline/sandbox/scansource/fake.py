"""A strict, stateful fake of ScanSource (docs/apis/scansource.md section 12): both generations, both authentications.

Here are the channel, its routes and its control routes. The books are in `data.py`, the answers in `views.py` and
`bills.py`, the gateway's refusals in `gate.py`, the operations in `orders.py` and `products.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from order_pipeline.sandbox.scansource.data import Books, plan_orders
from order_pipeline.sandbox.scansource.gate import CLIENT_ID, CLIENT_SECRET, SCOPE, SUBSCRIPTION_KEY, Gate, refusal
from order_pipeline.sandbox.scansource.items import make_items
from order_pipeline.sandbox.scansource.orders import OrderDesk
from order_pipeline.sandbox.scansource.products import ProductDesk
from order_pipeline.sandbox.scansource.query import BadRequest
from order_pipeline.sandbox.scansource.switches import ScanSourceSwitches
from order_pipeline.sandbox.shared.catalogue import catalogue
from order_pipeline.sandbox.shared.channel import UNLIMITED, Channel, World

CUSTOMER_NUMBER = "1000047110"
FUTURE_DAYS = 3
"""Days after the clock's start whose orders are planned too, and appear as the clock reaches them."""

Handler = Callable[[Request], Awaitable[Response]]


class ScanSourceChannel(Channel):
    """The distributor with one customer: `/scsc/...` is the current generation, `/api/...` wants the key alone."""

    name: ClassVar[str] = "scansource"
    switches_type: ClassVar[type] = ScanSourceSwitches

    switches: ScanSourceSwitches

    def __init__(self, world: World, switches: ScanSourceSwitches) -> None:
        super().__init__(world, switches)
        self.gate = Gate(world.clock, lambda: self.switches)
        self.books = Books(make_items(catalogue(), world.seed))
        self._orders = OrderDesk(self.books, world.clock.now, lambda: self.switches)
        self._products = ProductDesk(self.books, world.clock.now, lambda: self.switches)
        self.reset()
        self.app = Starlette(routes=self._routes())
        self.control_routes = [
            Route("/touch/{number}", self._touch, methods=["POST"]),
            Route("/refill", self._refill, methods=["POST"]),
        ]

    def reset(self) -> None:
        """The seeded orders again, and a fresh quota."""
        super().reset()
        days = self.world.days + FUTURE_DAYS
        self.books.replace_orders(
            plan_orders(
                list(self.books.items.values()),
                seed=self.world.seed,
                orders=self.world.orders_per_day * days,
                first_day=self.world.first_day,
                days=days,
                customer_numbers=(CUSTOMER_NUMBER,),
            )
        )
        self.gate.reset()

    def revoke_tokens(self) -> None:
        """Every token issued so far answers 401 from now on."""
        self.gate.tokens.revoke_all()

    def connection(self, url: str) -> dict[str, Any]:
        """The pipeline's `scansource` settings for this fake's current generation."""
        return {
            "enabled": True,
            "preset": "sandbox",
            "generation": "current",
            "base_url": url,
            "token_url": f"{url}/login/oauth2/v2.0/token",
            "scope": SCOPE,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "subscription_key": SUBSCRIPTION_KEY,
            "customer_numbers": [CUSTOMER_NUMBER],
            "paths": {},
            "rate": UNLIMITED,
        }

    def ledger(self) -> dict[str, Any]:
        """What the books hold as of now: what a complete extraction must have."""
        now = self.world.clock.now()
        entered = [order for order in self.books.orders.values() if order.entered_at <= now]
        return {
            "orders": len(entered),
            "order_ids": [order.number for order in entered],
            "lines": sum(len(order.lines) for order in entered),
            "invoices": sum(len(order.invoiced_deliveries(now)) for order in entered),
            "tokens_issued": self.gate.tokens.issued,
        }

    async def _touch(self, request: Request) -> Response:
        """Change an order so that only LastChanged and the detail show it."""
        self.books.touch(request.path_params["number"], self.world.clock.now(), "touched")
        return JSONResponse({"touched": True})

    async def _refill(self, _request: Request) -> Response:
        """Give a fresh quota."""
        self.gate.reset()
        return JSONResponse({"refilled": True})

    def _routes(self) -> list[Route]:
        current: dict[str, Handler] = {
            "/scsc/salesorder/v1/list": self._orders.list_orders,
            "/scsc/salesorder/v1/summary": self._orders.summarise_orders,
            "/scsc/salesorder/v1/detail": self._orders.show_order,
            "/scsc/salesorder/v1/tracking": self._orders.track_order,
            "/scsc/salesorder/v1/serials": self._orders.list_serials,
            "/scsc/invoice/v1/list": self._orders.list_invoices,
            "/scsc/invoice/v1/summary": self._orders.summarise_invoices,
            "/scsc/invoice/v1/detail": self._orders.show_invoice,
            "/scsc/invoice/v1/pdf": self._orders.print_invoice,
            "/scsc/product/v2/search": self._products.search,
            "/scsc/product/v2/detail": self._products.show,
            "/scsc/customer/v1/{customerNumber}": self._products.check_customer,
        }
        older: dict[str, Handler] = {
            "/api/salesorder/list/{customerNumber}": self._orders.list_orders,
            "/api/salesorder/summary/{customerNumber}": self._orders.summarise_orders,
            "/api/salesorder/detail": self._orders.show_order,
            "/api/salesorder/tracking": self._orders.track_order,
            "/api/salesorder/serials": self._orders.list_serials,
            "/api/invoice/list/{customerNumber}": self._orders.list_invoices,
            "/api/invoice/summary/{customerNumber}": self._orders.summarise_invoices,
            "/api/invoice/detail/{customerNumber}/{invoiceNumber}": self._orders.show_invoice,
            "/api/invoice/pdf/{customerNumber}/{invoiceNumber}": self._orders.print_invoice,
            "/api/product/search": self._products.search,
            "/api/product/detail": self._products.show,
            "/api/customer/{customerNumber}": self._products.check_customer,
        }
        posts: dict[str, Handler] = {
            "/scsc/product/v2/pricing": self._products.price,
            "/scsc/product/v2/availability": self._products.availability,
            "/api/product/pricing": self._products.price,
            "/api/product/availability": self._products.availability,
        }
        return [
            Route("/login/oauth2/v2.0/token", self.gate.issue_token, methods=["POST"]),
            *(Route(path, self._guarded(handler), methods=["GET"]) for path, handler in (current | older).items()),
            *(Route(path, self._guarded(handler), methods=["POST"]) for path, handler in posts.items()),
            *(Route(path, _never_written, methods=["POST", "PUT", "DELETE"]) for path in _WRITING_PATHS),
            Route("/{path:path}", _no_such_resource),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """The handler behind the gateway; `/api` asks for no token."""

        async def answer(request: Request) -> Response:
            refused = self.gate.refuse(request, token_needed="/scsc/" in request.url.path)
            if refused is not None:
                return refused
            try:
                return await handler(request)
            except BadRequest as error:
                return error.answer()

        return answer


_WRITING_PATHS = tuple(
    f"/scsc/salesorder/v1/{operation}" for operation in ("create", "createAsync", "cancel", "shipquote", "vrd")
)


async def _never_written(_request: Request) -> Response:
    """The fake refuses what the pipeline must not do."""
    return refusal(405, "The sandbox takes no orders: the pipeline only reads.")


async def _no_such_resource(_request: Request) -> Response:
    """The gateway's answer to a path that it does not have."""
    return refusal(404, "Resource not found")
