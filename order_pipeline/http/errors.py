"""What can go wrong with a call, classified once: is it worth another try, and what should a person do next?

An API's own error codes are not here: its `classify` hook maps them to these classes or to subclasses of them.
"""

# ruff: noqa: N818  the names say what is known about the request, which is what the caller decides on
from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

SHOWN_EXCERPT = 300
UNREADABLE_JSON = (ValueError, RecursionError)
"""What decoding JSON raises: no JSON, no UTF-8, numbers out of range; nesting deeper than the stack has room for.

How deep that is depends on where the decoder is called from: what one process could read, another may not.
"""
REFUSALS_BORNE = 20
"""Calls for single records that may be refused one after the other before it is the API that refuses."""

_ABOUT_THE_CALLER = frozenset({401, 407, 408, 429})


class NotConfigured(Exception):
    """A setting without which no call can be made is missing; the message names the variable to set."""


@dataclass(eq=False, repr=False)
class ApiError(Exception):
    """A call failed. Every attribute is safe to log: URL and excerpt are redacted.

    Attributes:
        reason: what happened, in a few words.
        method: HTTP verb.
        url: redacted URL.
        status: HTTP status, None when no reply came.
        excerpt: redacted beginning of the reply's body (at most 2 kB), "" without one.
        attempts: tries made, this one included.
        next_step: what a person should do.
        retry_after: seconds the API asked to wait, None without a hint.
        content: the reply's body as received, for a caller that can save something of it; never log it.
    """

    reason: str
    _: KW_ONLY
    method: str = ""
    url: str = ""
    status: int | None = None
    excerpt: str = ""
    attempts: int = 1
    next_step: str = ""
    retry_after: float | None = None
    content: bytes = b""

    def __str__(self) -> str:
        parts = [f"{self.method} {self.url}: {self.reason}" if self.method else self.reason]
        if self.attempts > 1:
            parts.append(f"(after {self.attempts} tries)")
        if self.excerpt:
            shown = self.excerpt if len(self.excerpt) <= SHOWN_EXCERPT else self.excerpt[: SHOWN_EXCERPT - 1] + "…"
            parts.append(f"| reply: {shown}")
        if self.next_step:
            parts.append(f"| next: {self.next_step}")
        return " ".join(parts)


class TransientError(ApiError):
    """Another try later may succeed: connection trouble, time-out, 408, 429, 5xx."""


class NotSent(TransientError):
    """The request never left this machine (DNS, connect, TLS, no token): the API cannot have acted on it."""


class PermanentError(ApiError):
    """The same request will fail again: bad credentials, bad parameters, not found, wrong address."""


class NoToken(PermanentError):
    """The token endpoint refused: no API call can be made."""


class NotBuilt(PermanentError):
    """A value cannot stand in a request: no URL, or no body, can carry it. Nothing was sent."""


class CallsUsedUp(PermanentError):
    """The transport has made all the calls that it may make; this one was not sent."""


class UnreadableBody(PermanentError):
    """A definite reply whose body is not what was asked for: HTML, cut or invalid JSON, too large."""


class CutBody(TransientError):
    """A 200 whose JSON ends in the middle: worth another try; `content` holds what came."""


class OutcomeUnknown(ApiError):
    """A changing request left this machine and no definite answer came: it may or may not have been carried out.

    Never send it again without looking (docs/decisions/0008-emission-is-at-most-once.md).
    """


class PagingError(PermanentError):
    """The pages contradict the paging contract: one repeats, or they do not end."""


def concerns_the_record(error: BaseException) -> bool:
    """Whether a call for one record failed over that record, as far as the answer says: the others may be asked.

    So it is with 3xx and 4xx, but for what is about the caller (401, 407, 408, 429), with a body that cannot be read,
    and with a request that cannot be built. When all are refused, it is the API: see `REFUSALS_BORNE`.
    """
    if isinstance(error, UnreadableBody | CutBody | NotBuilt):
        return True
    if not isinstance(error, PermanentError) or isinstance(error, NoToken | CallsUsedUp | PagingError):
        return False
    return error.status is not None and 300 <= error.status < 500 and error.status not in _ABOUT_THE_CALLER
