"""The rate budget of one API: requests per second, requests in flight, and a pause that the API asked for."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from order_pipeline.http.settings import RateSettings
from order_pipeline.http.shared_pace import SharedPace

Sleep = Callable[[float], Awaitable[None]]


class RateBudget:
    """Shared by all requests of one transport; belongs to the event loop that uses it first."""

    def __init__(self, rate: RateSettings, sleep: Sleep = asyncio.sleep) -> None:
        """No limiter when `requests_per_second` is None; otherwise requests are spaced evenly, without bursts."""
        self._in_flight = UrgencySemaphore(rate.max_in_flight)
        self._sleep = sleep
        self._pace = self._pace_of(rate)
        self._resume_at = 0.0

    @asynccontextmanager
    async def slot(self, urgency: int = 0) -> AsyncGenerator[None]:
        """Hold one of the slots in flight; entered as soon as pause and rate allow.

        Args:
            urgency: of the requests that wait for a slot, those with the highest go first.
        """
        await self._in_flight.acquire(urgency)
        try:
            pause = self._resume_at - time.monotonic()
            if pause > 0:
                await self._sleep(pause)
            if self._pace is not None:
                await self._pace()
            yield
        finally:
            self._in_flight.release()

    def pause(self, seconds: float) -> None:
        """Let no new request leave for `seconds`. What an API answers to one request holds for all."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def _pace_of(self, rate: RateSettings) -> Callable[[], Awaitable[object]] | None:
        """What to wait for before each request; None: nothing."""
        if not rate.requests_per_second:
            return None
        if rate.pace_file is None or not rate.pace_file.parent.is_dir():  # no data directory: no other process either
            return AsyncLimiter(1, 1 / rate.requests_per_second).acquire
        pace, turn = SharedPace(rate.pace_file, rate.requests_per_second), asyncio.Lock()

        async def wait_for_moment() -> None:
            async with turn:  # one moment at a time: other processes get theirs in between
                await self._sleep(pace.reserve())

        return wait_for_moment


class UrgencySemaphore:
    """A semaphore whose waiters are served by urgency, and equals in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._arrivals = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, urgency: int = 0) -> None:
        """Wait for a slot and take it."""
        if self._free:
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-urgency, next(self._arrivals), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # cancelled just when the slot was handed over
                self.release()
            raise

    def release(self) -> None:
        """Hand the slot to the next that still waits, or leave it free."""
        while self._waiting:
            *_, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
