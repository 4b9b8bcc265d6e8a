"""A per-second limit as an API gateway keeps it: so many calls in a whole second, then refusals until the next one."""

from __future__ import annotations

from order_pipeline.sandbox.shared.clock import SandboxClock


class RateGate:
    """Counts calls in the current second of `SandboxClock.elapsed`."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._second = -1
        self._calls = 0

    def admits(self, limit: int | None) -> bool:
        """Count this call; False when it is above `limit` calls a second (None: no limit)."""
        if limit is None:
            return True
        second = int(self._clock.elapsed())
        if second != self._second:
            self._second, self._calls = second, 0
        self._calls += 1
        return self._calls <= limit
