"""The receiver's HTTP side: who may post, what is answered. It stores bytes and never touches the lake.

The answers (only 200 stops the sender; docs/apis/skroutz.md section 7 for example: four tries within 20 minutes):

- 200 durable, now or earlier
- 400 durable too, but not JSON: sent again it may arrive whole
- 404 wrong token, or a channel without a webhook
- 403 the address is not on the list, or a web page asks
- 408, 413 the body is too slow, too large
- 503 not known to be durable

Whoever is turned away leaves a line in the log and a count (`operations.refusals`).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from order_pipeline.channels.registry import webhooks
from order_pipeline.channels.webhook import NotJsonError, Webhook
from order_pipeline.operations import inbox
from order_pipeline.operations.refusals import Refusal
from order_pipeline.operations.store import OperationsStore
from order_pipeline.redaction.texts import redact_message
from order_pipeline.serving.same_origin import is_foreign_subresource
from order_pipeline.settings import WebhookSettings
from order_pipeline.webhooks.group_commit import ANSWER_WITHIN_SECONDS, GroupCommit, InboxUnavailableError
from order_pipeline.webhooks.openapi import openapi_document
from order_pipeline.webhooks.source_addresses import SourcePolicy, networks

logger = logging.getLogger(__name__)

SHORTEST_TOKEN = 16
_BODY_WITHIN_SECONDS = 10.0
_LONGEST_ADDRESS = 60  # an address that a proxy forwards is text that anybody wrote
_encode = msgspec.json.Encoder().encode

_NOTHING_HERE = (404, "unknown", "There is nothing here.")
_ANSWERS = {
    Refusal.ADDRESS: (403, "refused", "The sender's address is not on the list."),
    Refusal.TOO_LARGE: (413, "too large", "A body may have at most {most} bytes."),
    Refusal.TOO_SLOW: (408, "too slow", f"The body did not arrive within {_BODY_WITHIN_SECONDS:.0f} s."),
    Refusal.CUT_OFF: (400, "cut off", "The body did not arrive whole."),
}


class ReceiverConfigurationError(ValueError):
    """The settings do not allow a safe receiver; the text names the setting and what to put there."""


def build_app(settings: WebhookSettings, store: OperationsStore) -> Starlette:
    """The receiver as an ASGI application over the given store, whose tables it creates when they are missing.

    Raises:
        ReceiverConfigurationError: no token or a short one, or an address range that is none.
    """
    receiver = _Receiver(settings, store)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await asyncio.to_thread(store.create_all)
        with receiver.inbox:
            yield

    routes = [
        Route("/webhooks/{channel}/{token}", receiver.receive, methods=["POST"]),
        Route("/health", _health, methods=["GET"]),
        Route("/ready", receiver.ready, methods=["GET"]),
        Route("/openapi.json", _document, methods=["GET"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(RefuseBrowsers)],
        lifespan=lifespan,
        exception_handlers={404: receiver.unknown_path, 405: _wrong_method},
    )


class RefuseBrowsers:
    """Turns a web page's requests away: no sender of webhooks is a browser, and no page needs to ask for anything.

    They are not counted: a count tells of senders that have a wrong address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        is_page = "origin" in headers or headers.get("sec-fetch-site", "none") != "none"
        if is_page and (scope["method"] == "POST" or is_foreign_subresource(headers)):
            await _answer(403, "refused", "A web page gets nothing here.")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Receiver:
    def __init__(self, settings: WebhookSettings, store: OperationsStore) -> None:
        self.inbox = GroupCommit(store)
        self._store = store
        self._token = _checked_token(settings).encode()
        self._most_bytes = settings.max_body_bytes
        self._webhooks = webhooks()
        presets = {name: webhook.networks for name, webhook in self._webhooks.items()}
        try:
            allowed = networks(settings.allowed_sources, presets)
            self._sources = SourcePolicy(allowed, networks(settings.trusted_proxies, presets))
        except ValueError as error:
            raise ReceiverConfigurationError(
                f"ORDER_PIPELINE_WEBHOOKS__ALLOWED_SOURCES or __TRUSTED_PROXIES: {redact_message(str(error))}. "
                f"Give CIDRs, or a channel: {', '.join(presets)}."
            ) from None

    async def receive(self, request: Request) -> Response:
        """Store one event; the answer says whether it is durable."""
        address = self._sources.client_address(request)
        named = request.path_params["channel"]
        channel = named if named in self._webhooks else ""
        if reason := self._reason_to_refuse(channel, request.path_params["token"], address):
            return self._refuse(channel, reason, address)
        try:
            body = await self._body(request)
        except TimeoutError:
            return self._refuse(channel, Refusal.TOO_SLOW, address)
        except ClientDisconnect:
            return self._refuse(channel, Refusal.CUT_OFF, address)
        if body is None:
            return self._refuse(channel, Refusal.TOO_LARGE, address)
        return await self._keep(channel, body, address)

    def _reason_to_refuse(self, channel: str, token: str, address: str) -> Refusal | None:
        if not self._sources.lets_in(address):
            return Refusal.ADDRESS
        if not hmac.compare_digest(token.encode(errors="replace"), self._token):
            return Refusal.TOKEN
        return None if channel else Refusal.CHANNEL

    async def unknown_path(self, request: Request, _error: Exception) -> Response:
        """404; counted where somebody posts near the webhook's path, for its sender may have the wrong one."""
        if request.method == "POST" and request.url.path.startswith("/webhooks"):
            return self._refuse("", Refusal.PATH, self._sources.client_address(request))
        return _answer(404, "unknown", "There is nothing here.")

    def _refuse(self, channel: str, reason: Refusal, address: str) -> Response:
        """Leave a line and a count, and nothing of the path, which may hold the token, nor of the body."""
        logger.warning("refused for %s, from %s: %s", channel or "no channel", address[:_LONGEST_ADDRESS], reason.value)
        self.inbox.count_refusal(channel, reason)
        status, word, detail = _ANSWERS.get(reason, _NOTHING_HERE)
        return _answer(status, word, detail.format(most=self._most_bytes))

    async def ready(self, _request: Request) -> Response:
        """200 when an event could be stored now, else 503."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await asyncio.to_thread(inbox.probe, self._store)
        except Exception as error:  # noqa: BLE001 - any reason means: not ready
            return _answer(503, "not ready", f"The inbox cannot store now ({type(error).__name__}).")
        return _answer(200, "ready", "Events can be stored.")

    async def _body(self, request: Request) -> bytes | None:
        """The body, or None as soon as it is known to be too large."""
        parts = bytearray()
        async with asyncio.timeout(_BODY_WITHIN_SECONDS):
            async for part in request.stream():
                parts += part
                if len(parts) > self._most_bytes:
                    return None
        return bytes(parts)

    async def _keep(self, channel: str, body: bytes, address: str) -> Response:
        received = received_event(channel, self._webhooks[channel], body, address, datetime.now(UTC))
        try:
            await self.inbox.store(received)
        except InboxUnavailableError as error:
            logger.error("answered 503: %s", error)
            self.inbox.count_refusal(channel, Refusal.NOT_STORED)
            return _answer(503, "not stored", "The event is not known to be stored. Send it again.")
        if not received.parsable:
            logger.warning("an event of %d bytes is not JSON: kept, answered 400", len(body))
            return _answer(400, "not JSON", "The body is not JSON. It was kept; send it again.")
        return _answer(200, "stored", "The event is stored.")


def received_event(
    channel: str, webhook: Webhook, body: bytes, address: str, received_at: datetime
) -> inbox.ReceivedEvent:
    """A delivery as it is stored: its bytes, and what a peek at them says."""
    try:
        seen = webhook.peek(body)
    except NotJsonError:
        number, day, parsable = None, None, False
    else:
        number, day, parsable = seen.order_number, None if seen.problem else seen.order_day, True
    # Text that the sender chose: PostgreSQL takes no NUL, and refuses the webhooks committed with it too.
    shown = number if number is not None and number.isprintable() else None
    address = address[:_LONGEST_ADDRESS] if address.isprintable() else ""
    return inbox.ReceivedEvent(channel, body, parsable, shown, day, address, received_at)


def _checked_token(settings: WebhookSettings) -> str:
    token = settings.secret_path_token.get_secret_value() if settings.secret_path_token else ""
    if len(token) < SHORTEST_TOKEN or not token.isascii() or "/" in token:
        raise ReceiverConfigurationError(
            f"ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN needs {SHORTEST_TOKEN} characters or more (ASCII, no slash): "
            "nothing else protects the URL, since the webhooks are not signed. Make one: openssl rand -hex 32"
        )
    return token


async def _health(_request: Request) -> Response:
    return _answer(200, "alive", "The receiver is running.")


async def _document(_request: Request) -> Response:
    return Response(_encode(openapi_document()), media_type="application/json")


async def _wrong_method(_request: Request, error: Exception) -> Response:
    answer = _answer(405, "wrong method", "This path does not take this method.")
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _answer(status: int, word: str, detail: str) -> Response:
    return Response(_encode({"status": word, "detail": detail}), status_code=status, media_type="application/json")
