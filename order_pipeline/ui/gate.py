"""The gate before the Dagster UI: an ASGI application that lets a request through to another one, or answers itself.

In this order: our host, no page of another site, a login where there is one, and for everything that may change
something our own page, JSON and an editor. What a GraphQL document does is judged where it is executed (`webserver`).
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from order_pipeline.serving.same_origin import (
    AllowedHosts,
    is_followed_from_elsewhere,
    is_foreign_subresource,
    is_same_origin,
    names_an_origin,
)
from order_pipeline.ui import login
from order_pipeline.ui.visitors import Role, Visitors

ROLE = "order_pipeline.role"
"""The key of an ASGI scope under which the gate notes the visitor's role."""
ALIVE_PATH = "/alive"
GRAPHQL_PATH = "/graphql"
_READING = {"GET", "HEAD"}
_POLICY_VIOLATED = 1008  # RFC 6455 section 7.4.1
_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Gate:
    """Lets through to `inner` what may pass.

    Args:
        inner: the application behind the gate. It finds the role in the scope, under `ROLE`.
        hosts: the names under which it is reached.
        visitors: who may what.
    """

    def __init__(self, inner: ASGIApp, hosts: AllowedHosts, visitors: Visitors) -> None:
        self._inner = inner
        self._hosts = hosts
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection of any kind."""
        if scope["type"] == "http":
            await self._http(Request(scope, receive), _with_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(HTTPConnection(scope), receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _http(self, request: Request, send: Send) -> None:
        answer = self._refuse_origin(request) or await self._answer_login(request)
        if answer is None:
            answer = self._refuse_visitor(request)
        await (answer or self._inner)(request.scope, request.receive, send)

    async def _websocket(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        """A handshake carries the cookies, and no browser keeps a foreign page from it: `Origin` alone tells."""
        role = self._visitors.role_of(connection) if self._hosts.let_in(connection.headers) else None
        is_own = is_same_origin(connection.headers, is_websocket=True) or self._is_program(connection)
        if role is None or not is_own:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATED})
            return
        connection.scope[ROLE] = role
        await self._inner(connection.scope, receive, send)

    def _refuse_origin(self, request: Request) -> Response | None:
        if not self._hosts.let_in(request.headers):
            return _refused(421, "This host name is not one of ours; ORDER_PIPELINE_UI__ALLOWED_HOSTS lists them.")
        if request.method in _READING:
            foreign = is_foreign_subresource(request.headers)
            return _refused(403, "A page of another site may not load this.") if foreign else None
        if request.method != "POST":
            return _refused(405, "This method is not taken.", {"Allow": "GET, HEAD, POST"})
        if not is_same_origin(request.headers) and not self._is_program(request):
            return _refused(403, "What changes something is taken from a page of this server alone.")
        return None

    async def _answer_login(self, request: Request) -> Response | None:
        path = request.url.path
        if path == login.LOGIN_PATH and request.method in _READING:
            role = self._visitors.role_of(request)
            return login.show_who_is_in(role) if role else login.ask_to_log_in(self._visitors, "/", status=200)
        if path not in {login.LOGIN_PATH, login.LOGOUT_PATH} or request.method != "POST":
            return None
        if _media_type(request) != login.FORM_TYPE:
            return _refused(415, f"The login takes {login.FORM_TYPE}.")
        return await login.log_in(request, self._visitors) if path == login.LOGIN_PATH else self._log_out(request)

    def _log_out(self, request: Request) -> Response:
        return login.log_out(request, self._visitors)

    def _refuse_visitor(self, request: Request) -> Response | None:
        path, is_reading = request.url.path, request.method in _READING
        if path == ALIVE_PATH and is_reading:
            return None
        role = self._visitors.role_of(request)
        if role is None:
            return self._send_to_login(request)
        request.scope[ROLE] = role
        if is_reading:
            return None
        if _media_type(request) != "application/json":
            return _refused(415, "What changes something is taken as application/json alone.")
        if role is Role.VIEWER and path != GRAPHQL_PATH:
            return _refused(403, "This login may look, and change nothing.")
        return None

    def _send_to_login(self, request: Request) -> Response:
        if request.method not in _READING or "text/html" not in request.headers.get("accept", ""):
            return _refused(401, "Log in first.", {"WWW-Authenticate": "Bearer"})
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if is_followed_from_elsewhere(request.headers):
            return login.load_once_more(path)
        return login.ask_to_log_in(self._visitors, path)

    def _is_program(self, connection: HTTPConnection) -> bool:
        """Whether a program with a token asks, and no browser."""
        return not names_an_origin(connection.headers) and self._visitors.role_of_bearer(connection) is not None


def _media_type(request: Request) -> str:
    """The type alone, in lower case; an empty text where the header is missing or stands there twice."""
    given = request.headers.getlist("content-type")
    return given[0].partition(";")[0].strip().lower() if len(given) == 1 else ""


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": "refused", "detail": detail}, status, headers)


def _with_headers(send: Send) -> Send:
    """Add what keeps other sites from framing a page or reading a reply."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
