"""What ScanSource's gateway and backend say when they refuse, as typed errors (docs/apis/scansource.md section 9).

The transport retries transient ones; the extraction stops cleanly at a limit.
"""

# ruff: noqa: N818  the names say what was refused, as those of order_pipeline.http.errors do
from __future__ import annotations

import re
from typing import Any

from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import ApiError, PermanentError, TransientError
from order_pipeline.http.reply import Reply, json_problem
from order_pipeline.http.retry import parse_retry_after

KEY_REFUSED = b"subscription key"
RECORD_KEYS = frozenset(
    {"ordernumber", "salesordernumber", "invoicenumber", "itemnumber", "materialnumber", "serialnumber"}
    | {"orders", "items", "lines", "scansourceitemnumber", "customernumber"}
)
"""Keys of records and of their wrappers, in lower case: an object without any of them may be an error."""
_WAIT_SECONDS = re.compile(r"try again in (\d+) seconds?", re.IGNORECASE)
_WAIT_CLOCK = re.compile(r"replenished in (?:(\d+)\.)?(\d+):(\d\d):(\d\d)", re.IGNORECASE)
_GATEWAY_NOT_FOUND = b"resource not found"


class BadKey(PermanentError):
    """The subscription key is missing, wrong, inactive or for another product. A new token would not help."""


class BadToken(PermanentError):
    """The access token is refused although it was renewed once."""


class RecordNotFound(PermanentError):
    """The backend knows no such order, invoice, item or customer."""


class QuotaExceeded(PermanentError):
    """The call quota is used up; `wait` is the seconds until it is replenished, None when the answer names none."""

    @property
    def wait(self) -> float | None:
        """Seconds until calls are allowed again."""
        return self.retry_after


class RateLimited(TransientError):
    """Too many calls at once; `wait` is the seconds asked for, None without a usable hint."""

    @property
    def wait(self) -> float | None:
        """Seconds until the next call is allowed."""
        return self.retry_after


def classify(reply: Reply) -> ApiError | None:
    """The transport's hook: the typed error that a reply stands for; None leaves it to the general rules.

    An empty 200 is no error: it means "no rows" here.
    """
    if reply.status == 401:
        return _unauthorised(reply)
    if reply.status == 403:
        return _quota(reply)
    if reply.status == 429:
        wait = parse_retry_after(reply.headers.get("retry-after")) or _named_wait(reply)
        next_step = "Lower scansource.rate.requests_per_second."
        return RateLimited("answered 429: too many calls", retry_after=wait, next_step=next_step, **_about(reply))
    if reply.status == 404:
        return _not_found(reply)
    if 200 <= reply.status < 300 and reply.content.strip():
        return json_problem(reply) or error_answer(reply, RECORD_KEYS)
    return None


def _unauthorised(reply: Reply) -> ApiError:
    if KEY_REFUSED in reply.content.lower():
        return BadKey(
            "answered 401: the subscription key is refused",
            next_step="Check ORDER_PIPELINE_SCANSOURCE__SUBSCRIPTION_KEY and its product in the partner portal.",
            **_about(reply),
        )
    return BadToken(
        "answered 401: the access token is refused",
        next_step="Check the client id, the client secret and the scope of ORDER_PIPELINE_SCANSOURCE__*.",
        **_about(reply),
    )


def _quota(reply: Reply) -> ApiError | None:
    """A 403 without any hint of a quota is a missing permission: the general rules say so."""
    wait = parse_retry_after(reply.headers.get("retry-after")) or _named_wait(reply)
    if wait is None and b"quota" not in reply.content.lower():
        return None
    next_step = "Run again when the quota is replenished: only what is missing will be fetched."
    return QuotaExceeded("answered 403: out of call quota", retry_after=wait, next_step=next_step, **_about(reply))


def _not_found(reply: Reply) -> ApiError:
    if _GATEWAY_NOT_FOUND in reply.content.lower():
        return PermanentError(
            "answered 404: the gateway has no such path",
            next_step="Several paths are inferred: set the right one in ORDER_PIPELINE_SCANSOURCE__PATHS.",
            **_about(reply),
        )
    return RecordNotFound("answered 404: no such record", next_step="Check the number asked for.", **_about(reply))


def _named_wait(reply: Reply) -> float | None:
    """Seconds that the message names: `Try again in N seconds` or `replenished in [d.]hh:mm:ss`; 0 is no hint."""
    text = reply.content[:2000].decode("utf-8", "replace")
    if found := _WAIT_SECONDS.search(text):
        return float(found[1]) or None
    if found := _WAIT_CLOCK.search(text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None
    return None


def _about(reply: Reply) -> dict[str, Any]:
    return {
        "method": reply.method,
        "url": reply.url,
        "status": reply.status,
        "excerpt": reply.excerpt(),
        "content": reply.content,
    }
