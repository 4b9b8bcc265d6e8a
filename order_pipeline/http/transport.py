"""Sends a request within the API's budget, retries what may be retried, and classifies what failed.

What holds for one API only, its paths, parameters and error codes, comes from the caller. `classify` is a hook that
sees every reply and may turn it into an error of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from order_pipeline.http.auth import RENEWED
from order_pipeline.http.budget import RateBudget, Sleep
from order_pipeline.http.clients import open_client
from order_pipeline.http.environment import is_loopback
from order_pipeline.http.errors import (
    ApiError,
    CallsUsedUp,
    CutBody,
    OutcomeUnknown,
    PermanentError,
    TransientError,
    UnreadableBody,
)
from order_pipeline.http.reply import Reply
from order_pipeline.http.retry import RetryPolicy
from order_pipeline.http.settings import RateSettings
from order_pipeline.http.transport_errors import not_built, secrets_of, shown_url, transport_error

Classify = Callable[[Reply], ApiError | None]
"""Sees every reply, good or bad; returns the error it stands for, or None to let the general rules decide.

A TransientError is retried (idempotent requests only); set `retry_after` when the reply names a wait.
"""

Parameters = Mapping[str, str | int | None]
MAX_BODY_BYTES = 64 * 1024 * 1024
SLOW_BODY_FACTOR = 10
"""A reply that takes more than this many read time-outs in all has timed out, even if no single read was slow."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})


class Transport:
    """One API's connections, budget, credentials and retry policy. Use as an async context manager, in one event loop.

    Redirects are not followed: they would carry the key headers to another host.

    Raises:
        WrongEnvironment: a variable like HTTPS_PROXY or SSL_CERT_FILE cannot be used.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        rate: RateSettings | None = None,
        headers: Mapping[str, str] | None = None,
        classify: Classify | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        most_calls: int | None = None,
        json_type: str = "application/json",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self.rate = rate or RateSettings()
        self.policy = RetryPolicy.from_rate(self.rate)
        self.calls = 0
        self._classify = classify
        self._max_body_bytes = max_body_bytes
        self._most_calls = most_calls
        self._json_type = json_type
        self._sleep = sleep
        self._budget = RateBudget(self.rate, sleep)
        local = is_loopback(base_url)
        # On loopback compression only burns processor time; over a real network order JSON shrinks about tenfold.
        encoding = {"Accept-Encoding": "identity"} if local else {}
        self._client = open_client(
            base_url,
            base_url=base_url,
            auth=auth,
            headers={"Accept": "application/json", "User-Agent": "order-pipeline", **encoding, **(headers or {})},
            timeout=httpx.Timeout(self.rate.read_timeout_seconds, connect=self.rate.connect_timeout_seconds, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=self.rate.max_in_flight + 1),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        idempotent: bool | None = None,
        urgency: int = 0,
    ) -> Reply:
        """Send one request and return its 2xx reply.

        Args:
            method: HTTP verb. GET, HEAD and OPTIONS are idempotent; anything else only if `idempotent` says so.
            path: relative to the base URL; a trailing slash is kept.
            params: query values; None values are left out.
            json: any msgspec-encodable value, sent as JSON.
            form: sent urlencoded (or beside `files`).
            files: multipart parts: field name to (file name, bytes, content type).
            idempotent: True for a POST that only reads: retried like a GET. Otherwise a request is sent once.
            urgency: where requests wait for each other, those with the highest are sent first.

        Raises:
            TransientError: retries are used up, or the request may not be repeated; `NotSent` if it never left.
            CallsUsedUp: `most_calls` were made before this one.
            NotBuilt: a value cannot stand in a URL or a body.
            PermanentError: 4xx, an unexpected redirect, a body that is too large.
            OutcomeUnknown: a request that is not idempotent left and no definite answer came (also 3xx, 408 and 5xx).
        """
        repeatable = method.upper() in _IDEMPOTENT if idempotent is None else idempotent
        content = None if json is None else self._encoded(method, json)
        headers = None if json is None else {"Content-Type": self._json_type}
        query = {name: str(value) for name, value in (params or {}).items() if value is not None}
        renewed: list[bool] = []

        def build() -> httpx.Request:
            try:
                return self._client.build_request(
                    method,
                    path,
                    params=query or None,
                    content=content,
                    data=form,
                    files=files,
                    headers=headers,
                    extensions={RENEWED: renewed},
                )
            except (httpx.InvalidURL, ValueError) as error:
                raise not_built(method, error) from error

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.policy.attempts if repeatable else 1),
            retry=retry_if_exception_type(TransientError),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                number = attempt.retry_state.attempt_number
                return await self._send(build(), number, repeatable=repeatable, urgency=urgency)
        raise AssertionError("unreachable: the last attempt returns or raises")

    @staticmethod
    def _encoded(method: str, json: object) -> bytes:
        try:
            return msgspec.json.encode(json)
        except (ValueError, RecursionError) as error:
            raise not_built(method, error) from error

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        hint = error.retry_after if isinstance(error, ApiError) else None
        return self.policy.wait_seconds(state.attempt_number, hint)

    async def _send(self, request: httpx.Request, attempt: int, *, repeatable: bool, urgency: int) -> Reply:
        async with self._budget.slot(urgency):
            # Asked in the slot, so that the last calls go to the most urgent and not to those that came first.
            if self._most_calls is not None and self.calls >= self._most_calls:
                raise CallsUsedUp(f"the budget of {self._most_calls} calls is used up", attempts=attempt - 1)
            self.calls += 1
            try:
                async with asyncio.timeout(self.rate.read_timeout_seconds * SLOW_BODY_FACTOR):
                    reply = await self._exchange(request, attempt)
            except ApiError as error:
                error.attempts = attempt
                raise
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                raise transport_error(error, request, attempt, repeatable=repeatable) from error
        error = self._verdict(reply, repeatable=repeatable)
        if error is None:
            return reply
        error.attempts = attempt
        if isinstance(error, TransientError) and error.retry_after is not None:
            self._budget.pause(min(error.retry_after, self.policy.cap_seconds))
        raise error

    async def _exchange(self, request: httpx.Request, attempt: int) -> Reply:
        response = await self._client.send(request, stream=True)
        try:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._max_body_bytes:
                    raise UnreadableBody(
                        f"the body is larger than {self._max_body_bytes} bytes",
                        method=request.method,
                        url=shown_url(request),
                        status=response.status_code,
                        next_step="Ask for smaller pages.",
                    )
                chunks.append(chunk)
        finally:
            await response.aclose()
        return Reply(
            method=request.method,
            sent_to=str(request.url),
            status=response.status_code,
            headers=response.headers,
            content=b"".join(chunks),
            attempts=attempt,
            secrets=secrets_of(request),
        )

    def _verdict(self, reply: Reply, *, repeatable: bool) -> ApiError | None:
        hooked = self._classify(reply) if self._classify else None
        definite = 400 <= reply.status < 500 and reply.status != 408
        if hooked is None and 200 <= reply.status < 300:
            return None
        # A hook may know better than the status, but its "try again" must not hide a doubt about a changing request.
        doubted = hooked is None or type(hooked) in (TransientError, CutBody)
        if doubted and not definite and not repeatable:
            reason = f"answered {reply.status} to a request that may have been carried out"
            return reply.error(OutcomeUnknown, reason, "Look at the other side before sending it again.")
        return hooked or self._general_verdict(reply)

    def _general_verdict(self, reply: Reply) -> ApiError:
        reason, hint = f"answered {reply.status}", reply.retry_after
        if reply.status in self.policy.transient_statuses:
            return reply.error(TransientError, reason, _BUSY, retry_after=hint)
        if reply.status < 400:
            return reply.error(PermanentError, f"{reason}: it points elsewhere", "Check the base URL.")
        return reply.error(PermanentError, reason, _NEXT_STEPS.get(reply.status, _FIX_REQUEST), retry_after=hint)


_BUSY = "The API is busy or down: run again later, or lower the requests per second."
_FIX_REQUEST = "The API refuses this request as it is; compare it with the API's contract."
_NEXT_STEPS = {
    401: "Check the credentials of this API.",
    403: "Check the credentials and the permissions of this account.",
    404: "Check the base URL and the id asked for.",
}
