"""What ScanSource's gateway and backend say when they refuse, as typed errors (docs/apis/scansource.md section 9).

The transport retries transient ones; the extraction stops cleanly at a limit.
"""

# ruff: noqa: N818  the names say what was refused, as those of order_pipeline.http.errors do
from __future__ import annotations

import re

from order_pipeline.http.error_answers import error_answer
from order_pipeline.http.errors import ApiError, PermanentError, TransientError
from order_pipeline.http.reply import Reply, json_problem

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
    """The call quota is used up; `retry_after` is the seconds until it is replenished, None when none are named."""


class RateLimited(TransientError):
    """Too many calls at once; `retry_after` is the seconds asked for, None without a usable hint."""


def classify(reply: Reply) -> ApiError | None:
    """The transport's hook: the typed error that a reply stands for; None leaves it to the general rules.

    An empty 200 is no error: it means "no rows" here.
    """
    if reply.status == 401:
        return _unauthorised(reply)
    if reply.status == 403:
        return _quota(reply)
    if reply.status == 429:
        wait = reply.retry_after or _named_wait(reply)
        next_step = "Lower scansource.rate.requests_per_second."
        return reply.error(RateLimited, "answered 429: too many calls", next_step, retry_after=wait)
    if reply.status == 404:
        return _not_found(reply)
    if 200 <= reply.status < 300 and reply.content.strip():
        return json_problem(reply) or error_answer(reply, RECORD_KEYS)
    return None


def names_a_record(content: bytes) -> bool:
    """Whether what may be no JSON has a record's key."""
    text = content.lower()
    return any(f'"{key}"'.encode() in text for key in RECORD_KEYS)


def _unauthorised(reply: Reply) -> ApiError:
    if KEY_REFUSED in reply.content.lower():
        next_step = "Check ORDER_PIPELINE_SCANSOURCE__SUBSCRIPTION_KEY and its product in the partner portal."
        return reply.error(BadKey, "answered 401: the subscription key is refused", next_step)
    next_step = "Check the client id, the client secret and the scope of ORDER_PIPELINE_SCANSOURCE__*."
    return reply.error(BadToken, "answered 401: the access token is refused", next_step)


def _quota(reply: Reply) -> ApiError | None:
    """A 403 without any hint of a quota is a missing permission: the general rules say so."""
    wait = reply.retry_after or _named_wait(reply)
    if wait is None and b"quota" not in reply.content.lower():
        return None
    next_step = "Run again when the quota is replenished: only what is missing will be fetched."
    return reply.error(QuotaExceeded, "answered 403: out of call quota", next_step, retry_after=wait)


def _not_found(reply: Reply) -> ApiError:
    if _GATEWAY_NOT_FOUND in reply.content.lower():
        next_step = "Several paths are inferred: set the right one in ORDER_PIPELINE_SCANSOURCE__PATHS."
        return reply.error(PermanentError, "answered 404: the gateway has no such path", next_step)
    return reply.error(RecordNotFound, "answered 404: no such record", "Check the number asked for.")


def _named_wait(reply: Reply) -> float | None:
    """Seconds that the message names: `Try again in N seconds` or `replenished in [d.]hh:mm:ss`; 0 is no hint."""
    text = reply.content[:2000].decode("utf-8", "replace")
    if found := _WAIT_SECONDS.search(text):
        return float(found[1]) or None
    if found := _WAIT_CLOCK.search(text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None
    return None
