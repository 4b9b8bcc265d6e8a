"""Transport errors: what is known of a request that brought no reply, and what of a request may be shown."""

from __future__ import annotations

from typing import Any

import httpx

from order_pipeline.http.errors import ApiError, NotBuilt, NotSent, OutcomeUnknown, PermanentError, TransientError
from order_pipeline.redaction.texts import redact_text

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_WRONG_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, httpx.TooManyRedirects)
_BAD_REDIRECT = "Invalid URL in location header"  # httpx reads the header of a redirect that it will not follow
_SECRET_HEADERS = ("authorization", "key", "token", "secret", "cookie")


def secrets_of(request: httpx.Request) -> tuple[str, ...]:
    """The header values of a request that no message may repeat (some APIs echo the token in their errors)."""
    return tuple(
        value.split(" ", 1)[-1]
        for name, value in request.headers.items()
        if any(part in name.lower() for part in _SECRET_HEADERS)
    )


def shown_url(request: httpx.Request) -> str:
    """The request's URL without what no message may repeat."""
    return redact_text(str(request.url), secrets_of(request))


def not_built(method: str, error: Exception) -> NotBuilt:
    """A value that no request can carry. Neither the value nor the library's words about it are shown."""
    return NotBuilt(
        f"the {method} request cannot be built: {type(error).__name__}",
        next_step="An id or a text holds what no URL or body can carry, or is too long.",
    )


def transport_error(error: Exception, request: httpx.Request, attempt: int, *, repeatable: bool) -> ApiError:
    """What the failure of a request means that brought no reply.

    `NotSent`: it never left. `PermanentError`: it cannot be sent at all. `TransientError`: it may be sent again.
    `OutcomeUnknown`: it left, and must not be sent again.
    """
    reason = f"{type(error).__name__} {redact_text(str(error), secrets_of(request))}".rstrip()
    about: dict[str, Any] = {"method": request.method, "url": shown_url(request), "attempts": attempt}
    if isinstance(error, _NOT_SENT):
        return NotSent(f"could not connect: {reason}", next_step="Check the address, the network and TLS.", **about)
    if repeatable and _BAD_REDIRECT in str(error):
        next_step = "Check the base URL."
        return PermanentError("it points elsewhere, and not to a URL", status=302, next_step=next_step, **about)
    if isinstance(error, _WRONG_REQUEST):
        next_step = "Check the base URL and the header settings."
        return PermanentError(f"the request cannot be sent: {reason}", next_step=next_step, **about)
    if repeatable:
        next_step = "The API or the network is unsteady; run again later."
        return TransientError(f"no complete reply: {reason}", next_step=next_step, **about)
    next_step = "Look at the other side before sending it again."
    return OutcomeUnknown(f"sent, but no complete reply: {reason}", next_step=next_step, **about)
