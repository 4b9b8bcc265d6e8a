"""A few threads, each with a connection of its own to the lake: for statements that need not wait for each other.

A statement over some ten thousand rows is too small for DuckDB to divide among threads, so several run side by side.
The connections look in `memory`: statements call the lake's tables `lake.<schema>.<table>`. Work that looks at the lake
does so within `Lake.looking`.
Does not belong here: what the statements are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from queue import PriorityQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from order_pipeline.warehouse.lake.connection import Connection, Lake

Result = TypeVar("Result")

_LAST = float("inf")


class Crew:
    """Threads that do work once what it comes after is done: `with Crew(lake, 2) as crew: crew.submit(work)`.

    No thread waits with work in its hands. Leave the block only when all that was given is done.
    """

    def __init__(self, lake: Lake, size: int) -> None:
        self.lake = lake
        # Opened one after the other: SQLite may sleep for a second where two connections to a catalog open at once.
        self._connections = [lake.connect(catalog="memory") for _ in range(size)]
        self._ready: PriorityQueue[tuple[float, int, Callable[[Connection], None] | None]] = PriorityQueue()
        self._given = itertools.count()
        self._lanes: dict[str, Future[Any]] = {}
        self._giving = Lock()
        self._threads = [
            Thread(target=self._work, args=(connection,), name=f"crew-{number}")
            for number, connection in enumerate(self._connections)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        work: Callable[[Connection], Result],
        *,
        after: Iterable[Future[Any]] = (),
        lane: str | None = None,
        turn: int = 0,
    ) -> Future[Result]:
        """Have `work` done with a connection that no other thread uses meanwhile.

        Args:
            work: gets the connection; what it raises is raised by the future.
            after: what must be done before; where one of them fails, its error is this work's error too.
            lane: of work in the same lane only one is done at a time, in the order in which it was given; the error of
                one is not that of the next.
            turn: of work that is ready, the lowest turn goes first, and in a turn what was ready first.
        """
        done: Future[Result] = Future()
        needs = tuple(after)
        before = needs
        if lane is not None:
            with self._giving:
                ahead = self._lanes.get(lane)
                self._lanes[lane] = done
            before += () if ahead is None else (ahead,)

        def do(connection: Connection) -> None:
            try:
                for needed in needs:
                    needed.result()
                result = work(connection)
            except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
                done.set_exception(error)
            else:
                done.set_result(result)

        missing = itertools.count(len(before) - 1, -1)  # each number is handed out once, whichever threads ask

        def one_is_done(_: Future[Any]) -> None:
            if next(missing) == 0:
                self._ready.put((turn, next(self._given), do))

        for earlier in before:
            earlier.add_done_callback(one_is_done)
        if not before:
            self._ready.put((turn, next(self._given), do))
        return done

    def _work(self, connection: Connection) -> None:
        while (do := self._ready.get()[2]) is not None:
            do(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._ready.put((_LAST, next(self._given), None))
        for thread, connection in zip(self._threads, self._connections, strict=True):
            thread.join()
            connection.close()


def results_of(work: Iterable[Future[Result]]) -> list[Result]:
    """Wait for all of it, also when some has failed, so that nothing is in use any more; then what came of it."""
    given = list(work)
    wait(given)
    return [one.result() for one in given]
