"""Who gets the next place in flight."""

from __future__ import annotations

import asyncio

import pytest

from order_pipeline.http.budget import Places

pytestmark = pytest.mark.anyio


async def test_those_who_wait_are_served_by_urgency_and_equals_in_their_order() -> None:
    places, served = Places(1), list[str]()

    async def visit(name: str, urgency: int) -> None:
        await places.take(urgency)
        served.append(name)
        places.give_back()

    await places.take()
    visits = [asyncio.ensure_future(visit(name, int(name[1]))) for name in ("a0", "b2", "c0", "d2", "e1")]
    await asyncio.sleep(0)
    places.give_back()
    await asyncio.gather(*visits)
    assert served == ["b2", "d2", "e1", "a0", "c0"]


@pytest.mark.parametrize("is_handed_over", [False, True])
async def test_a_place_is_not_lost_with_one_who_stops_waiting(*, is_handed_over: bool) -> None:
    places = Places(1)
    await places.take()
    leaver, stayer = asyncio.ensure_future(places.take(1)), asyncio.ensure_future(places.take(0))
    await asyncio.sleep(0)
    if is_handed_over:
        places.give_back()
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    if not is_handed_over:
        places.give_back()
    await asyncio.wait_for(stayer, 5)
    assert leaver.cancelled()
    places.give_back()
    await asyncio.wait_for(places.take(), 5)
