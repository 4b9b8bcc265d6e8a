"""How far a long fetch has come, as lines in the run's log: records, calls, days of all, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from order_pipeline.channels.base import SoFar
from order_pipeline.warehouse.raw.ingest_result import IngestResult

SECONDS_BETWEEN_LINES = 30.0


class FetchProgress:
    """Told of every write of a fetch, it says a line now and then; a short fetch says none."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._say = say
        self._clock = clock
        self._said = self._heard = self._began = clock()
        self._reading: IngestResult | None = None

    def __call__(self, result: IngestResult) -> None:
        """What was fetched and written so far. A channel's next reading has a result of its own, and counts anew."""
        now = self._clock()
        if result is not self._reading:
            self._reading, self._began = result, self._heard
        self._heard = now
        if now - self._said < SECONDS_BETWEEN_LINES:
            return
        self._said = now
        self._say(f"so far {result.total.records:,} records{_told(result.so_far, now - self._began)}")


def _told(so_far: SoFar | None, seconds: float) -> str:
    if so_far is None:
        return ""
    line = f" in {so_far.calls:,} calls"
    if so_far.of:
        line += f"; {so_far.done:,} of {so_far.of:,} {so_far.unit}"
    if 0 < so_far.done < so_far.of:
        line += f", about {_duration(seconds / so_far.done * (so_far.of - so_far.done))} left"
    return line


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
