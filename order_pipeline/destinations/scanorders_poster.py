"""The one call that makes work on the floor: POST `neworders`, sent once, and the certainty that is left afterwards.

This call does not use `http.Transport`. The emitter needs to know for certain whether a request left, at a rate that
httpx does not reach (docs/decisions/0011-aiohttp-for-neworders.md). Budget, redaction and Retry-After are the
transport's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from order_pipeline.destinations.scanorders_answers import Answer, Outcome, judge_create, redact
from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.http.budget import RateBudget
from order_pipeline.http.environment import proxy_for, tls_context
from order_pipeline.http.errors import NotConfigured
from order_pipeline.http.retry import parse_retry_after

MAX_REPLY_BYTES = 65_536
IDLE_SECONDS = 2.0
"""A connection idle for longer is not used again. A server that closes it just then would leave a false doubt."""

_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.ClientHttpProxyError,
)
"""DNS, connect and TLS failures, a proxy that refuses the tunnel: no byte of the request was written
(docs/apis/scanorders.md section 13.3)."""


class AccessTokens(Protocol):
    """Where the access token comes from."""

    def current(self) -> str:
        """The token to send; raises `NotConfigured` when there is none."""
        ...

    async def renew(self, refused: str) -> bool:
        """After a 401: whether there is now another token than the refused one."""
        ...


def workflow_url(settings: ScanOrdersSettings, workflow: str) -> str:
    """The address of one workflow (section 3): `<base>[/<branch>]/api/1.1/wf/<workflow>`."""
    branch = f"/{settings.branch.strip('/')}" if settings.branch else ""
    return f"{settings.base_url.rstrip('/')}{branch}/api/1.1/wf/{workflow}"


class PickPoster:
    """Sends one pick line per call. Use as an async context manager, in one event loop. Never retries.

    Entering it raises:
        WrongEnvironment: a variable like HTTPS_PROXY or SSL_CERT_FILE cannot be used.
    """

    def __init__(self, settings: ScanOrdersSettings, tokens: AccessTokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._url = workflow_url(settings, "neworders")
        self._budget = RateBudget(settings.rate)
        self._last_token = ""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        rate, proxy = self._settings.rate, proxy_for(self._url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=rate.max_in_flight, keepalive_timeout=IDLE_SECONDS, ssl=tls_context(self._url)
            ),
            proxy=None if proxy is None else proxy.url,
            timeout=aiohttp.ClientTimeout(
                total=rate.read_timeout_seconds,
                sock_connect=rate.connect_timeout_seconds,
            ),
            headers={"Accept": "application/json", "User-Agent": "order-pipeline", "Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def create(self, payload: str, may_start: Callable[[], bool], secrets: Sequence[str] = ()) -> Answer:
        """POST one payload (JSON text) and say what is certain afterwards; raises nothing but cancellation.

        Args:
            payload: the JSON object of section 6 as text.
            may_start: asked when rate and concurrency allow, at the last moment before the request; False: do not send.
            secrets: values that must not be kept from the reply (the customer's name).
        """
        if self._session is None:
            raise RuntimeError("use PickPoster as an async context manager")
        async with self._budget.slot():
            if not may_start():
                return Answer(outcome=Outcome.NOT_SENT, message="the lease ran out before the request was begun")
            try:
                token = self._last_token = self._tokens.current()
            except NotConfigured as error:
                return Answer(outcome=Outcome.UNAUTHORISED, message=str(error))
            hidden = (token, *secrets)
            try:
                async with self._session.post(
                    self._url,
                    data=payload.encode(),
                    headers={"Authorization": f"Bearer {token}"},
                    allow_redirects=False,
                ) as response:
                    body = await response.content.read(MAX_REPLY_BYTES)
                    while len(body) < MAX_REPLY_BYTES and (more := await response.content.read(MAX_REPLY_BYTES)):
                        body += more
            except _NEVER_LEFT as error:
                message = f"could not connect: {type(error).__name__}: {redact(str(error), hidden)}"
                return Answer(outcome=Outcome.NOT_SENT, message=message)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                message = f"sent, but no complete reply: {type(error).__name__} {redact(str(error), hidden)}".rstrip()
                return Answer(outcome=Outcome.UNKNOWN, message=message)
        return judge_create(
            response.status,
            body,
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            secrets=hidden,
            unavailable_is_refusal=self._settings.unavailable_is_refusal,
        )

    async def renew_authorisation(self) -> bool:
        """After a 401: whether another token is at hand now."""
        return await self._tokens.renew(self._last_token)
