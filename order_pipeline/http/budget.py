"""One API's rate budget: requests per second, requests in flight, and a pause that the API asked for.

Belongs here: when the next request may leave. Does not belong here: whether to try again (retry.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from order_pipeline.settings import RateSettings

Sleep = Callable[[float], Awaitable[None]]


class RateBudget:
    """Shared by all requests of one transport; belongs to the event loop that uses it first."""

    def __init__(self, rate: RateSettings, sleep: Sleep = asyncio.sleep) -> None:
        """No limiter when `requests_per_second` is None; otherwise requests are spaced evenly, without bursts."""
        self._in_flight = asyncio.Semaphore(rate.max_in_flight)
        self._limiter = AsyncLimiter(1, 1 / rate.requests_per_second) if rate.requests_per_second else None
        self._sleep = sleep
        self._resume_at = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Hold one place in flight; entered as soon as pause and rate allow."""
        async with self._in_flight:
            pause = self._resume_at - time.monotonic()
            if pause > 0:
                await self._sleep(pause)
            if self._limiter is not None:
                await self._limiter.acquire()
            yield

    def pause(self, seconds: float) -> None:
        """Let no new request leave for `seconds`: the API said so to one of them, and it means all of them."""
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)
