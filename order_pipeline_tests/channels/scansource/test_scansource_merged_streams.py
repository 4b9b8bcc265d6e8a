"""Streams of commit groups that run at once: all of each, in its order; a failure of one is no end of another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from order_pipeline.channels.base import CommitGroup, RecordBatch
from order_pipeline.channels.scansource.merged_streams import merge_streams

pytestmark = pytest.mark.anyio


class Streams:
    """Makes streams that note which of them have been closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    async def of(self, name: str, count: int, error: Exception | None = None) -> AsyncGenerator[CommitGroup]:
        try:
            for number in range(count):
                await asyncio.sleep(0)
                yield CommitGroup([RecordBatch(f"{name}{number}")])
            if error is not None:
                raise error
        finally:
            self.closed.append(name)


async def names_of(groups: AsyncGenerator[CommitGroup], into: list[str]) -> None:
    async for group in groups:
        into += [batch.resource for batch in group.batches]


async def test_every_group_comes_and_each_streams_in_its_order() -> None:
    streams, seen = Streams(), list[str]()
    await names_of(merge_streams([streams.of("a", 3), streams.of("b", 0), streams.of("c", 2)]), seen)
    assert sorted(seen) == ["a0", "a1", "a2", "c0", "c1"]
    assert [name for name in seen if name[0] == "a"] == ["a0", "a1", "a2"]
    assert seen.index("c0") < seen.index("a2")


async def test_the_failure_of_one_is_raised_when_the_others_have_ended() -> None:
    streams, seen = Streams(), list[str]()
    with pytest.raises(LookupError):
        await names_of(merge_streams([streams.of("a", 1, LookupError()), streams.of("b", 4)]), seen)
    assert sorted(seen) == ["a0", "b0", "b1", "b2", "b3"]


async def test_who_leaves_early_ends_them_all() -> None:
    streams = Streams()
    async with aclosing(merge_streams([streams.of("a", 9), streams.of("b", 9)])) as groups:
        await anext(groups)
    assert sorted(streams.closed) == ["a", "b"]
