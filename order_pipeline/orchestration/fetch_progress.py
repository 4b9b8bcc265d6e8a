"""How far a long fetch has come, as lines in the run's log: records, calls, days of all, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from order_pipeline.channels.base import Window
from order_pipeline.warehouse.raw.ingest_result import IngestResult

SECONDS_BETWEEN_LINES = 30.0


class FetchProgress:
    """Told of every write of a fetch, it says a line now and then; a short fetch says none."""

    def __init__(self, window: Window, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._window = window
        self._say = say
        self._clock = clock
        self._started = self._said = clock()

    def __call__(self, result: IngestResult) -> None:
        """What was fetched and written so far."""
        now = self._clock()
        if now - self._said < SECONDS_BETWEEN_LINES:
            return
        self._said = now
        done, of = len(self._days_done(result)), len(self._window.days)
        calls = sum(report.calls for report in result.reports)
        line = f"so far {result.total.records:,} records in {calls:,} calls; {done} of {of} days"
        if 0 < done < of:
            line += f", about {_duration((now - self._started) / done * (of - done))} left"
        self._say(line)

    def _days_done(self, result: IngestResult) -> set[date]:
        """Days of the window that a finished report of any resource covers."""
        return {
            day
            for report in result.reports
            for day in self._window.days
            if report.window_start.date() <= day < report.window_end.date()
        }


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
