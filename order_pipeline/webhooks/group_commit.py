"""Many webhooks, one commit: a thread that stores whatever waits in one transaction, then answers all of it.

A commit that reaches the disk takes milliseconds and the store has one writer, so webhooks that come close together
share a commit. Nothing is answered before its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Self

from sqlalchemy.exc import DataError

from order_pipeline.operations.inbox import ReceivedEvent, store_events
from order_pipeline.operations.refusals import Refusal, add_refusals
from order_pipeline.operations.store import OperationsStore
from order_pipeline.redaction.errors import described

logger = logging.getLogger(__name__)

MOST_WAITING = 2000
MOST_IN_A_COMMIT = 500
ANSWER_WITHIN_SECONDS = 1.8


class InboxUnavailableError(RuntimeError):
    """The event is not known to be durable: locked, full, too slow or shutting down. The sender must send it again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    received: ReceivedEvent
    stored: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class GroupCommit:
    """Stores events for many callers at once. Used as a context manager; leaving it stores what still waits."""

    def __init__(self, store: OperationsStore) -> None:
        self._store = store
        self._queue: queue.Queue[_Waiting | Literal["refused"] | None] = queue.Queue(MOST_WAITING)
        self._refusals: Counter[tuple[str, Refusal]] = Counter()
        self._refusals_lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="inbox", daemon=True)
        self._closing = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._queue.put(None)
        self._thread.join()

    async def store(self, received: ReceivedEvent) -> None:
        """Return once the event is durable.

        Raises:
            InboxUnavailableError: it is not, or not within the time that the sender waits.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(received, loop.create_future(), loop)
        if self._closing:
            raise InboxUnavailableError("The receiver is shutting down.")
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise InboxUnavailableError(f"{MOST_WAITING} events wait for the store already.") from None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await waiting.stored
        except TimeoutError:
            raise InboxUnavailableError(f"The store took more than {ANSWER_WITHIN_SECONDS} s.") from None

    def count_refusal(self, channel: str, reason: Refusal) -> None:
        """Count a webhook that was turned away. Written with the next commit; many cost no more than one."""
        with self._refusals_lock:
            is_first = not self._refusals
            self._refusals[channel, reason] += 1
        if is_first:
            with contextlib.suppress(queue.Full):  # then a commit is near anyway
                self._queue.put_nowait("refused")

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            for part, failure in self._commit(batch):
                for loop in {waiting.loop for waiting in part}:
                    futures = [waiting.stored for waiting in part if waiting.loop is loop]
                    if not loop.is_closed():
                        loop.call_soon_threadsafe(_resolve, futures, failure)
            self._commit_refusals()
        self._commit_refusals()

    def _next_batch(self) -> list[_Waiting] | None:
        first = self._queue.get()
        if first is None:
            return None
        batch = [] if first == "refused" else [first]
        while len(batch) < MOST_IN_A_COMMIT:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                self._queue.put(None)  # the end comes after what was queued before it
                break
            if waiting != "refused":
                batch.append(waiting)
        return batch

    def _commit_refusals(self) -> None:
        with self._refusals_lock:
            counted, self._refusals = self._refusals, Counter()
        try:
            add_refusals(self._store, counted, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - a count that is lost stands in the log, line by line
            logger.error("%d refused webhooks could not be counted: %s", counted.total(), described(error))

    def _commit(self, batch: list[_Waiting]) -> list[tuple[list[_Waiting], InboxUnavailableError | None]]:
        """Store the events; what became of which. One whose values the store does not take costs no other."""
        try:
            store_events(self._store, [waiting.received for waiting in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread lives on and the senders get an answer
            if len(batch) > 1 and isinstance(error, DataError):
                return [part for waiting in batch for part in self._commit([waiting])]
            reason = described(error)
            logger.error(
                "%d webhooks could not be stored, their senders were told to send again: %s", len(batch), reason
            )
            return [(batch, InboxUnavailableError(reason))]
        return [(batch, None)]


def _resolve(futures: list[asyncio.Future[None]], failure: InboxUnavailableError | None) -> None:
    for future in futures:
        if future.done():  # its caller stopped waiting
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
