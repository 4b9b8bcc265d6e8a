"""What is known of a request that brought no reply: never sent, perhaps carried out, or worth another try.

Belongs here: httpx's errors as ours, and what of a request may be shown. Does not belong here: replies (transport.py).
"""

from __future__ import annotations

from typing import Any, NoReturn

import httpx

from order_pipeline.http.errors import NotSent, OutcomeUnknown, PermanentError, TransientError
from order_pipeline.http.redaction import redact_url

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_WRONG_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, httpx.TooManyRedirects)
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
    return redact_url(str(request.url), secrets_of(request))


def raise_without_reply(error: Exception, request: httpx.Request, attempt: int, *, repeatable: bool) -> NoReturn:
    """Say what a request's failure means that brought no reply.

    Raises:
        NotSent: it never left.
        PermanentError: it cannot be sent at all.
        TransientError: it may be sent again.
        OutcomeUnknown: it left, and must not be sent again.
    """
    reason = f"{type(error).__name__} {redact_url(str(error), secrets_of(request))}".rstrip()
    about: dict[str, Any] = {"method": request.method, "url": shown_url(request), "attempts": attempt}
    if isinstance(error, _NOT_SENT):
        raise NotSent(
            f"could not connect: {reason}", next_step="Check the address, the network and TLS.", **about
        ) from error
    if isinstance(error, _WRONG_REQUEST):
        raise PermanentError(
            f"the request cannot be sent: {reason}", next_step="Check the base URL and the header settings.", **about
        ) from error
    if repeatable:
        raise TransientError(
            f"no complete reply: {reason}", next_step="The API or the network is unsteady; run again later.", **about
        ) from error
    raise OutcomeUnknown(
        f"sent, but no complete reply: {reason}", next_step="Look at the other side before sending it again.", **about
    ) from error
