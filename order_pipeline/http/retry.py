"""The retry policy as data: what is transient, how long to wait, how often to try."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from order_pipeline.http.settings import RateSettings

LONGEST_EXPONENT = 30


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait from a Retry-After header (RFC 9110: seconds, or an HTTP date); None when it is no hint.

    A value of zero or less, a date that has passed and anything unreadable are no hint.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return seconds if math.isfinite(seconds) and seconds > 0 else None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a transient failure is tried again.

    Waits have full jitter: uniform between 0 and `base_seconds` doubled per try, capped at `cap_seconds`. A hint of the
    server replaces the guess, with up to `base_seconds` added so that clients do not return in step; still capped.
    """

    attempts: int = 5
    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    transient_statuses: frozenset[int] = frozenset({408, 429}) | frozenset(range(500, 600))

    @classmethod
    def from_rate(cls, rate: RateSettings) -> RetryPolicy:
        """The policy that the settings of an API ask for."""
        return cls(attempts=rate.attempts, cap_seconds=rate.backoff_cap_seconds)

    def wait_seconds(
        self,
        attempt: int,
        retry_after: float | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> float:
        """Seconds to wait after try number `attempt` (from 1) has failed."""
        if retry_after is not None and retry_after > 0:
            return min(self.cap_seconds, retry_after + uniform(0, self.base_seconds))
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, LONGEST_EXPONENT))
        return uniform(0, ceiling)
