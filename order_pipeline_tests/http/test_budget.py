"""Who gets the next slot in flight."""

from __future__ import annotations

import asyncio

import pytest

from order_pipeline.http.budget import UrgencySemaphore

pytestmark = pytest.mark.anyio


async def test_those_who_wait_are_served_by_urgency_and_equals_in_their_order() -> None:
    slots, served = UrgencySemaphore(1), list[str]()

    async def visit(name: str, urgency: int) -> None:
        await slots.acquire(urgency)
        served.append(name)
        slots.release()

    await slots.acquire()
    visits = [asyncio.ensure_future(visit(name, int(name[1]))) for name in ("a0", "b2", "c0", "d2", "e1")]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*visits)
    assert served == ["b2", "d2", "e1", "a0", "c0"]


@pytest.mark.parametrize("is_handed_over", [False, True])
async def test_a_slot_is_not_lost_with_one_who_stops_waiting(*, is_handed_over: bool) -> None:
    slots = UrgencySemaphore(1)
    await slots.acquire()
    leaver, stayer = asyncio.ensure_future(slots.acquire(1)), asyncio.ensure_future(slots.acquire(0))
    await asyncio.sleep(0)
    if is_handed_over:
        slots.release()
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    if not is_handed_over:
        slots.release()
    await asyncio.wait_for(stayer, 5)
    assert leaver.cancelled()
    slots.release()
    await asyncio.wait_for(slots.acquire(), 5)
