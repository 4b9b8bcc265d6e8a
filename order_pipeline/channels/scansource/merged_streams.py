"""Several streams of commit groups as one: they run at the same time, so that none leaves the API's slots idle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from order_pipeline.channels.base import CommitGroup


async def merge_streams(streams: Sequence[AsyncGenerator[CommitGroup]]) -> AsyncGenerator[CommitGroup]:
    """The groups of all streams, each stream's in its order; one group of each waits to be taken, no more.

    A stream that fails does not end the others.

    Raises:
        Exception: what the first stream that failed raised, after the others have ended.
    """
    failure: Exception | None = None
    under_way = {_next_of(stream): stream for stream in streams}
    try:
        while under_way:
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in [each for each in under_way if each in done]:
                stream = under_way.pop(task)
                try:
                    group = task.result()
                except StopAsyncIteration:
                    continue
                except Exception as error:  # noqa: BLE001 - raised below, when the others have ended
                    failure = failure or error
                    continue
                under_way[_next_of(stream)] = stream
                yield group
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for stream in streams:
            await stream.aclose()
    if failure is not None:
        raise failure


def _next_of(stream: AsyncGenerator[CommitGroup]) -> asyncio.Future[CommitGroup]:
    return asyncio.ensure_future(anext(stream))
