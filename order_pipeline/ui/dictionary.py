"""The dictionary beside Dagster's UI, to be served behind the gate alone; made once, when it is first asked for."""

from __future__ import annotations

import threading

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from order_pipeline.dictionary.page import dictionary_page
from order_pipeline.warehouse.sql.project import SqlProject

DICTIONARY_PATH = "/dictionary"
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest stands in the page itself
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}


class DictionaryPage:
    """The page, made at the first request: it takes about two seconds, and the program's tables stay as they are."""

    def __init__(self) -> None:
        self._page = ""
        self._making = threading.Lock()

    def application(self) -> Starlette:
        """The one route."""
        return Starlette(routes=[Route(DICTIONARY_PATH, self._show)])

    async def _show(self, _request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(self._made), headers=_HEADERS)

    def _made(self) -> str:
        with self._making:
            self._page = self._page or dictionary_page(SqlProject())
        return self._page


def with_dictionary(ui: ASGIApp) -> ASGIApp:
    """Another application with the dictionary beside it."""
    page = DictionaryPage().application()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "http" and scope.get("path") == DICTIONARY_PATH
        await (page if is_asked else ui)(scope, receive, send)

    return serve
