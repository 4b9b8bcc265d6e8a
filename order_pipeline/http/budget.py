"""One API's rate budget: requests per second, requests in flight, and a pause that the API asked for.

Belongs here: when the next request may leave, and which one. Does not belong here: whether to try again (retry.py).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from order_pipeline.http.settings import RateSettings

Sleep = Callable[[float], Awaitable[None]]


class RateBudget:
    """Shared by all requests of one transport; belongs to the event loop that uses it first."""

    def __init__(self, rate: RateSettings, sleep: Sleep = asyncio.sleep) -> None:
        """No limiter when `requests_per_second` is None; otherwise requests are spaced evenly, without bursts."""
        self._places = Places(rate.max_in_flight)
        self._limiter = AsyncLimiter(1, 1 / rate.requests_per_second) if rate.requests_per_second else None
        self._sleep = sleep
        self._resume_at = 0.0

    @asynccontextmanager
    async def slot(self, urgency: int = 0) -> AsyncGenerator[None]:
        """Hold one place in flight; entered as soon as pause and rate allow.

        Args:
            urgency: of the requests that wait for a place, those with the highest go first.
        """
        await self._places.take(urgency)
        try:
            pause = self._resume_at - time.monotonic()
            if pause > 0:
                await self._sleep(pause)
            if self._limiter is not None:
                await self._limiter.acquire()
            yield
        finally:
            self._places.give_back()

    def pause(self, seconds: float) -> None:
        """Let no new request leave for `seconds`: the API said so to one of them, and it means all of them."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)


class Places:
    """A semaphore whose waiters are served by urgency, equals in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._arrivals = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def take(self, urgency: int = 0) -> None:
        """Wait for a place and take it."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-urgency, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # cancelled in the moment in which the place was handed over
                self.give_back()
            raise

    def give_back(self) -> None:
        """Hand the place to the next that still waits, or leave it free."""
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
