"""How a request proves who sends it: a fixed bearer token, or OAuth2 client credentials renewed as needed.

Tokens are in memory only. The OAuth2 messages are in `oauth2`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import cast

import httpx

from order_pipeline.http.oauth2 import ClientStyle, request_token

RENEWED = "order_pipeline.renewed"
"""Request extension: a mutable list that is not empty once this request has had its one renewal, across all tries."""


class BearerToken(httpx.Auth):
    """A token that the caller looks after: fixed text, or a callable that is asked before each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Put the token into the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._token if isinstance(self._token, str) else self._token()}"
        yield request


class ClientCredentials(httpx.Auth):
    """OAuth2 client credentials: renews `margin_seconds` before expiry, and once per request after a refusal.

    One renewal is in flight at a time: requests that are refused together share the next token. A refusal is a reply
    with one of `renew_statuses` (401; Kibo's contract adds 403).
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        style: ClientStyle = "basic",
        scope: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        margin_seconds: float = 60.0,
        renew_statuses: frozenset[int] = frozenset({401}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request_token = partial(
            request_token,
            token_url,
            "client_credentials",
            client_id,
            client_secret,
            style=style,
            extra_headers=extra_headers,
            scope=scope,
        )
        self._margin_seconds = margin_seconds
        self._renew_statuses = renew_statuses
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at: float | None = None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with a valid token; after a refusal once more with a new one."""
        token = await self._current(refused=None)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        renewed = cast("list[bool]", request.extensions.get(RENEWED, []))
        if response.status_code in self._renew_statuses and not renewed:
            renewed.append(True)
            request.headers["Authorization"] = f"Bearer {await self._current(refused=token)}"
            yield request

    async def _current(self, refused: str | None) -> str:
        async with self._lock:
            expired = self._renew_at is not None and self._clock() >= self._renew_at
            if self._token is None or expired or self._token == refused:
                await self._renew()
            return cast("str", self._token)

    async def _renew(self) -> None:
        asked_at = self._clock()
        token = await self._request_token()
        self._token = token.access_token
        if token.expires_at is None:
            self._renew_at = None
            return
        lifetime = (token.expires_at - datetime.now(UTC)).total_seconds()
        # A token that lives no longer than the margin would otherwise be renewed before every request.
        self._renew_at = asked_at + max(lifetime - self._margin_seconds, lifetime / 2)
