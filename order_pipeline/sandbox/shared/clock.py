"""The sandbox's clock: stands still at a given day until a person or a test advances it, or goes with the real one.

It has two times. `now()` is the business time of all channels (when orders appear and change). It moves only through
`advance`, so the same requests get the same answers; where the fakes shall live, it is the real time. `elapsed()` is
for token lifetimes and request rates: real seconds since the start plus everything advanced, so a token of three
seconds expires by waiting and by advancing.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

DEFAULT_TODAY = date(2026, 1, 15)


class SandboxClock:
    """Business time in UTC; starts at 00:00 of `today`, so that the days before it are complete."""

    def __init__(self, today: date = DEFAULT_TODAY, *, real_time: bool = False) -> None:
        """`real_time`: it shows the real time once that is later than the start."""
        self._real_time = real_time
        self.start = datetime(today.year, today.month, today.day, tzinfo=UTC)
        self._advanced = timedelta()
        self._started_at = time.monotonic()

    @property
    def today(self) -> date:
        """The day of `now()`."""
        return self.now().date()

    def now(self) -> datetime:
        """The business time, aware, UTC."""
        if not self._real_time:
            return self.start + self._advanced
        return max(self.start, datetime.now(UTC).replace(microsecond=0)) + self._advanced

    def elapsed(self) -> float:
        """Seconds since the clock was made: real ones plus advanced ones."""
        return time.monotonic() - self._started_at + self._advanced.total_seconds()

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move business time forward and return it.

        Raises:
            ValueError: for a step that is not positive; sandbox time never goes back.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step <= timedelta():
            raise ValueError(f"the sandbox clock only goes forward, got a step of {step}")
        self._advanced += step
        return self.now()

    def reset(self) -> None:
        """Back to the start. Only together with a reset of every channel, or one would remember the future."""
        self._advanced = timedelta()
