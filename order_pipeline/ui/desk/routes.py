"""The desk as an ASGI application, to be served behind the gate alone: the page, its two files, and the actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from order_pipeline.recovery.stores import StoresDisagreeError
from order_pipeline.redaction.errors import told
from order_pipeline.settings import Settings
from order_pipeline.story.tell import Told, tell_stories
from order_pipeline.story.waiting import read_waiting
from order_pipeline.story.words import moment
from order_pipeline.ui.desk.actions import Action, ActionRefusedError, carry_out
from order_pipeline.ui.gate import ROLE
from order_pipeline.ui.visitors import Role
from order_pipeline.warehouse.lake.connection import LakeError

DESK_PATH = "/desk"
_FOLDER = Path(__file__).parent
_MOST_BYTES = 16_384
_LONGEST_NUMBER = 200
_UNREADABLE = (LakeError, StoresDisagreeError, SQLAlchemyError)
"""A store is missing, busy, down or not the one that belongs here."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


class Desk:
    """The pages of the desk.

    Args:
        settings: they name the stores.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
        )
        templates.filters["moment"] = moment
        self._page = templates.get_template("page.html")

    def application(self) -> Starlette:
        """The routes, below `DESK_PATH`."""
        return Starlette(
            routes=[
                Route(DESK_PATH, self._show),
                Route(f"{DESK_PATH}/actions", self._act, methods=["POST"]),
                Route(f"{DESK_PATH}/page.css", lambda _: FileResponse(_FOLDER / "page.css")),
                Route(f"{DESK_PATH}/page.js", lambda _: FileResponse(_FOLDER / "page.js")),
            ]
        )

    async def _show(self, request: Request) -> Response:
        number = request.query_params.get("number", "")[:_LONGEST_NUMBER].strip()
        may_change = request.scope.get(ROLE) == Role.EDITOR
        try:
            shown = await run_in_threadpool(self._facts, number)
        except _UNREADABLE as error:
            return self._answer({"number": number, "may_change": may_change, "problem": _in_words(error)}, 503)
        return self._answer({"number": number, "may_change": may_change, **shown}, 200)

    def _facts(self, number: str) -> dict[str, Any]:
        if number:
            return {"told": tell_stories(self._settings, number)}
        return {"waiting": read_waiting(self._settings)}

    def _answer(self, facts: dict[str, Any], status: int) -> Response:
        empty: dict[str, Any] = {"told": Told([], 0), "waiting": None, "problem": ""}
        return HTMLResponse(self._page.render(empty | facts), status, _HEADERS)

    async def _act(self, request: Request) -> Response:
        if request.scope.get(ROLE) != Role.EDITOR:
            return JSONResponse({"detail": "This login may look, and change nothing."}, 403)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                return JSONResponse({"detail": "That is too much."}, 413)
        try:
            asked = Action.model_validate_json(bytes(body))
        except ValidationError as error:
            fields = sorted({str(each["loc"][0]) if each["loc"] else "the request" for each in error.errors()})
            return JSONResponse({"detail": f"Fill in: {', '.join(fields)}. Nothing was changed."}, 422)
        try:
            said = await run_in_threadpool(carry_out, self._settings, asked)
        except ActionRefusedError as error:
            return JSONResponse({"detail": str(error)}, 409)
        except _UNREADABLE as error:
            return JSONResponse({"detail": f"{_in_words(error)} Nothing was changed."}, 503)
        return JSONResponse({"said": said})


def _in_words(error: Exception) -> str:
    """The message and the next step, as the command line prints them."""
    return " ".join(part for part in (told(error).partition(" | next: ")[0], getattr(error, "next_step", "")) if part)


def with_desk(ui: ASGIApp, settings: Settings) -> ASGIApp:
    """Dagster's application with the desk beside it."""
    desk = Desk(settings).application()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        is_desk = scope["type"] == "http" and (path == DESK_PATH or path.startswith(f"{DESK_PATH}/"))
        await (desk if is_desk else ui)(scope, receive, send)

    return serve
