"""A strict fake of Kibo's order search (docs/apis/kibo.md section 12): token endpoint, search, one order by id.

Both headers are enforced, and so are the parameter tables. Where the truth is not known a switch decides. Here are
routes, tokens, pages and error bodies; the request is read in `search.py`, orders live in `store.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_pipeline.sandbox.kibo.control import control_routes
from order_pipeline.sandbox.kibo.orders import LOCATIONS, MANUFACTURERS, OUR_LOCATIONS, Order
from order_pipeline.sandbox.kibo.search import CODES, Moment, SearchError, SearchQuery, read_query
from order_pipeline.sandbox.kibo.store import KiboStore
from order_pipeline.sandbox.kibo.values import PayloadSwitches
from order_pipeline.sandbox.shared.channel import UNLIMITED, Channel, World
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.sandbox.shared.injection import FAULT_KEY
from order_pipeline.sandbox.shared.oauth import TokenDesk, TokenRefusedError, basic_of, bearer_of
from order_pipeline.sandbox.shared.rate import RateGate

API_KEY = "sandbox-kibo-key"
API_SECRET = "sandbox-kibo-secret"  # noqa: S105
WRONG_BY = 7
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class KiboSwitches(PayloadSwitches):
    """What the vendor does not say about requests and answers, and what a test wants to see go wrong.

    total_count: beside `collection`, absent, or wrong (too many by seven).
    no_rows: an empty body, or an empty collection.
    window_end: whether the end of a window of dates belongs to it.
    page_cap: the server silently gives at most so many rows a page.
    error_body: what an error's body is. token_refusal: the status for a bad token.
    requests_per_second: above it `rate_refusal`, as the gateway words it, with `retry_after` as header when set.
    permitted_manufacturers: others are refused as not authorised; None: all are permitted.
    """

    total_count: Literal["on", "off", "wrong"] = "on"
    no_rows: Literal["empty_body", "empty_collection"] = "empty_body"
    window_end: Literal["inclusive", "exclusive"] = "inclusive"
    page_cap: int | None = None
    error_body: Literal["json", "html", "empty"] = "json"
    token_refusal: Literal[401, 403] = 401
    token_life_seconds: float = 3600.0
    requests_per_second: int | None = None
    rate_refusal: Literal[403, 429] = 403
    retry_after: str | None = None
    permitted_manufacturers: tuple[int, ...] | None = None


class KiboChannel(Channel):
    """The order management system; its orders age as the sandbox clock advances."""

    name: ClassVar[str] = "kibo"
    switches_type: ClassVar[type] = KiboSwitches
    orders_divisor: ClassVar[int] = 1
    switches: KiboSwitches

    def __init__(self, world: World, switches: KiboSwitches) -> None:
        super().__init__(world, switches)
        self._clock = world.clock
        self.store = KiboStore(world)
        self.tokens = TokenDesk(world.clock, "kibo")
        self.gate = RateGate(world.clock)
        self.control_routes = control_routes(self.store, self.moment)
        self.app = Starlette(
            routes=[
                Route("/api/v2/order/", self._search, methods=["GET"]),
                Route("/api/v2/order", self._search, methods=["GET"]),
                Route("/api/v2/order/{order_id}", self._one_order, methods=["GET"]),
                Route("/oauthserver/oauth2/token", self._token, methods=["POST"]),
            ],
            exception_handlers={SearchError: self._answer_search_error, HTTPException: self._answer_http_error},
        )

    def moment(self) -> Moment:
        """Now, and how payloads are written."""
        return Moment(self._clock.now(), self.switches)

    def revoke_tokens(self) -> None:
        """Every token is refused from now on; a client may take a new one."""
        self.tokens.revoke_all()

    def reset(self) -> None:
        """The seeded orders; tokens stay valid."""
        super().reset()
        self.store.reset()

    def connection(self, url: str) -> dict[str, Any]:
        """The pipeline's `kibo` settings for this fake."""
        return {
            "enabled": True,
            "base_url": f"{url}/api/v2",
            "token_url": f"{url}/oauthserver/oauth2/token",
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "manufacturer_ids": [str(number) for number in MANUFACTURERS],
            # The floor of the sandbox picks at two of the three locations; the third is somebody else's.
            "locations": [str(number) for number in OUR_LOCATIONS],
            "other_locations": [str(number) for number in LOCATIONS if number not in OUR_LOCATIONS],
            "extra_headers": {},
            "rate": UNLIMITED,
        }

    def ledger(self) -> dict[str, Any]:
        """Which orders exist by now, and how many by day and by manufacturer: what a complete extraction must find."""
        orders = self.store.existing(self.moment())
        by_day = Counter(str(order.created_at.date()) for order in orders)
        by_manufacturer = Counter(str(order.manufacturer) for order in orders)
        return {
            "orders": len(orders),
            "order_ids": [str(order.order_id) for order in orders],
            "by_day": by_day,
            "by_manufacturer": by_manufacturer,
        }

    async def _token(self, request: Request) -> Response:
        if basic_of(request.headers.get("authorization")) != (API_KEY, API_SECRET):
            return oauth_error(401, "invalid_client")
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind != "application/x-www-form-urlencoded":
            return oauth_error(400, "invalid_request")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            return oauth_error(400, "unsupported_grant_type")
        life = self.switches.token_life_seconds
        token = self.tokens.issue(API_KEY, life)
        answer = {"access_token": token.value, "token_type": "Bearer", "expires_in": int(life)}
        return Response(msgspec.json.encode(answer), media_type=JSON)

    def _admit(self, request: Request) -> Response | None:
        """Let a call in (None), or say why not: rate, token, key."""
        switches = self.switches
        if not self.gate.admits(switches.requests_per_second):
            return self._too_fast()
        headers = request.headers
        try:
            self.tokens.check(bearer_of(headers.get("authorization")))
        except TokenRefusedError as refused:
            return self._error(switches.token_refusal, 5004, f"the access token is {refused.reason}")
        if headers.get("api-key") != API_KEY:
            return self._error(403, 5004, "the API-Key header is missing or not the key of this token")
        return None

    def _too_fast(self) -> Response:
        headers = {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS"}
        if self.switches.retry_after is not None:
            headers["Retry-After"] = self.switches.retry_after
        body = "<h1>403 Developer Over Queries Per Second</h1>"
        return Response(body, self.switches.rate_refusal, headers, media_type="text/html")

    async def _search(self, request: Request) -> Response:
        refused = self._admit(request)
        if refused is not None:
            return refused
        query_string = request.scope["query_string"].decode("latin-1")
        query = read_query(parse_qsl(query_string, keep_blank_values=True))
        permitted = self.switches.permitted_manufacturers
        if permitted is not None and not query.values.get("manufacturerID", frozenset()) <= set(permitted):
            return self._error(403, 5004, "this key may not read that manufacturer's orders")
        moment = self.moment()
        fault: Fault | None = request.scope.get("state", {}).get(FAULT_KEY)
        filters = query.of_account() if fault is not None and fault.kind == "filter_ignored" else query
        rows = self.store.search(filters, moment, inclusive_end=self.switches.window_end == "inclusive")
        page = self._page(rows, query, fault)
        body = self._page_body(page, rows, query, fault)
        if fault is not None and page:
            self._disturb(page, fault, moment)
        return Response(body, media_type=JSON)

    def _page(self, rows: Sequence[Order], query: SearchQuery, fault: Fault | None) -> list[Order]:
        size = min(query.per_page, self.switches.page_cap or query.per_page)
        first = (query.page - 1) * size
        if fault is not None and fault.kind == "duplicate_page":
            first = max(0, first - size)
        elif fault is not None and fault.kind == "shifted_page":
            first = max(0, first + fault.shift)
        elif fault is not None and fault.kind == "empty_page":
            return []
        return list(rows[first : first + size])

    def _page_body(
        self, page: Sequence[Order], rows: Sequence[Order], query: SearchQuery, fault: Fault | None
    ) -> bytes:
        if not page and self.switches.no_rows == "empty_body":
            return b""
        moment = self.moment()
        write = self.store.condensed_record if query.condensed else self.store.record
        records = b",".join([write(order, moment) for order in page])
        if self.switches.total_count == "off":
            return b'{"collection":[%b]}' % records
        total = len(rows) + (WRONG_BY if self.switches.total_count == "wrong" else 0)
        if fault is not None and fault.kind == "wrong_total":
            total += fault.shift
        return b'{"collection":[%b],"totalCount":%d}' % (records, total)

    def _disturb(self, page: Sequence[Order], fault: Fault, moment: Moment) -> None:
        """Change what the next page will show, after this page was answered."""
        if fault.kind == "insert_record":
            for _ in range(max(1, fault.shift)):
                self.store.insert_near(page[0].created_at, moment)
        elif fault.kind == "change_record":
            self.store.cancel(page[len(page) // 2], moment)

    async def _one_order(self, request: Request) -> Response:
        refused = self._admit(request)
        if refused is not None:
            return refused
        text = request.path_params["order_id"]
        if not text.isdecimal() or int(text) < 1:
            raise SearchError(5013, "an order id is a positive integer")
        moment = self.moment()
        order = self.store.find(int(text), moment)
        if order is None:
            raise SearchError(5002, "there is no such order")
        return Response(self.store.record(order, moment), media_type=JSON)

    def _error(self, status: int, code: int, message: str) -> Response:
        """An error in the body that the switch asks for; its form is not documented."""
        form = self.switches.error_body
        if form == "empty":
            return Response(status_code=status)
        if form == "html":
            return Response(
                f"<html><body><h1>{status} {CODES[code][1]}</h1></body></html>", status, media_type="text/html"
            )
        body = {"code": code, "status": CODES[code][1], "message": message}
        return Response(msgspec.json.encode(body), status, media_type=JSON)

    async def _answer_search_error(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, SearchError)  # noqa: S101  (registered for this class only)
        return self._error(CODES[error.code][0], error.code, error.message)

    async def _answer_http_error(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class only)
        code = {404: 5002, 405: 5005}.get(error.status_code, 5003)
        return self._error(error.status_code, code, error.detail)


def oauth_error(status: int, error: str) -> Response:
    """A token endpoint's refusal."""
    return Response(msgspec.json.encode({"error": error}), status, media_type=JSON)
