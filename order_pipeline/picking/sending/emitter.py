"""The emitter: sends the planned lines of the outbox to a floor, at most once, with every change of state durable.

Each floor has an emitter of its own; those of one emission share its lease, its queue and its loop.

One loop (`Emitter.run`) decides, stores and starts. POSTs run beside it and only hand in their answers. A round of the
loop is one transaction that also renews and proves the lease. It stores the answers that came in, and the intents of
the lines that are sent next. Then the round starts the POSTs of these lines. Three promises follow:

- **The durable boundary.** A line is `sending` on disk before its POST can start, and at most `max_in_flight` lines are
  `sending` at any moment. After a crash nobody knows of a `sending` line whether its POST was begun, so recovery calls
  it `in_doubt`. Every other line was certainly not begun, or has its answer. So a crash makes at most `max_in_flight`
  doubts (live default: one), and nothing is sent twice.
- **Answers come first.** An answer is durable before another line takes its place in flight, and before its line counts
  as sent.
- **A lost lease stops everything.** No intent can be stored without the lease, so no POST can start. A request that
  waited long before it could start asks the clock once more (`_may_start`). Answers of requests under way are still
  recorded, as proof.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.destinations.scanorders_token import LOGIN_COMMAND
from order_pipeline.floors import MAIN
from order_pipeline.http.retry import RetryPolicy
from order_pipeline.operations.leases import Lease, LeaseLostError
from order_pipeline.picking.outbox.payload import personal_values
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.sending.answer_store import Answered, AnswerStore, Boundary, Round
from order_pipeline.picking.sending.answer_transitions import DEFINITE, NOT_CREATED_YET, pauses_the_wave
from order_pipeline.picking.sending.queue import SendingQueue


def elapsed_seconds() -> float:
    """A clock that only grows and, where the system has one, counts on while the machine sleeps, as a lease does."""
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class PickSender(Protocol):
    """What the emitter needs of the destination; `destinations.scanorders_poster.PickPoster` is one."""

    async def create(self, payload: str, may_start: Callable[[], bool], secrets: Sequence[str] = ()) -> Answer:
        """Send one line once and say what is certain afterwards."""
        ...

    async def renew_authorisation(self) -> bool:
        """After a 401: whether another token is at hand."""
        ...


@dataclass(frozen=True, slots=True)
class SendingRules:
    """How many lines are in flight at once, how long to wait when ScanOrders says "later", and when to give up.

    So many calls as `stop_after_doubts` in a row without a definite answer stop the run, before all lines are in doubt.
    """

    max_in_flight: int = 1
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    stop_after_doubts: int = 10
    login_command: str = LOGIN_COMMAND
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    elapsed: Callable[[], float] = elapsed_seconds


@dataclass(slots=True)
class Tally:
    """What one run did, counted when durable. `stopped` tells a person why lines were left; empty: none were."""

    sent: int = 0
    rejected: int = 0
    in_doubt: int = 0
    put_back: int = 0
    pauses: int = 0
    stopped: str = ""

    def add(self, other: Tally, floor: str = "") -> None:
        """Count what another run did; `floor` names the floor that it stopped for, where there are several."""
        for name in ("sent", "rejected", "in_doubt", "put_back", "pauses"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        why = f"floor {floor}: {other.stopped}" if other.stopped and floor else other.stopped
        self.stopped = "; ".join(each for each in (self.stopped, why) if each)


class Emitter:
    """Sends one floor's lines of a queue under one lease. Use once, in one event loop."""

    def __init__(
        self,
        store: AnswerStore,
        sender: PickSender,
        lease: Lease,
        queue: SendingQueue,
        rules: SendingRules,
        *,
        floor: str = MAIN,
        boundary: Boundary,
        progress: Callable[[int], None] | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.tally = tally or Tally()
        self._store = store
        self._sender = sender
        self._lease = lease
        self._queue = queue
        self._floor = floor
        self._rules = rules
        self._boundary = boundary
        self._progress = progress
        self._answers: list[Answered] = []
        self._news = asyncio.Event()
        queue.on_release(self._news.set)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._valid_until = 0.0
        self._pause: Answer | None = None
        self._unauthorised = False
        self._renewed_in_vain = False
        self._setbacks = 0
        self._doubts_in_a_row = 0
        self._interrupted = False

    async def run(self) -> Tally:
        """Send until the queue is empty or something stops it; then every line it touched has its durable state."""
        try:
            await self._loop()
        except LeaseLostError as error:
            self._stop(str(error))
            while self._in_flight:
                await asyncio.wait(self._in_flight)
            await self._in_thread(self._store.store_late, self._answers)
        except asyncio.CancelledError:
            self._interrupt()
            await self._loop()  # starts nothing more, and stores the answers of what is under way
        if self._interrupted:
            raise asyncio.CancelledError
        return self.tally

    async def _loop(self) -> None:
        while True:
            answers, self._answers = self._answers, []
            broken = [(line, rest) for line, answer in answers if (rest := self._release(line, answer)) is not None]
            intents = [] if self._is_resting() else self._take_intents()
            if answers or intents:
                await self._complete(Round(answers, broken, intents))
            elif self._in_flight:
                await self._wait_for_news()
            elif self.tally.stopped:
                return
            elif self._unauthorised:
                await self._renew_authorisation()
            elif self._pause is not None:
                await self._rest(self._pause)
            elif self._queue.has_lines(self._floor):
                await self._wait_for_news()  # a line of the order is on its way to another floor
            else:
                return

    def _is_resting(self) -> bool:
        return bool(self.tally.stopped) or self._pause is not None or self._unauthorised

    def _take_intents(self) -> list[OutboxLine]:
        lines = self._queue.take(self._rules.max_in_flight - len(self._in_flight), self._floor)
        return [replace(line, state=PickState.SENDING, attempt=line.attempt + 1) for line in lines]

    async def _complete(self, current: Round) -> None:
        asked_at = self._rules.elapsed()
        try:
            await self._in_thread(self._store.store_round, current)
        except BaseException:
            self._answers = [*current.answers, *self._answers]  # not durable yet
            raise
        self._valid_until = asked_at + self._lease.seconds
        self._count(current)
        for line in current.intents:
            task = asyncio.create_task(self._post(line))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _post(self, line: OutboxLine) -> None:
        try:
            answer = await self._sender.create(line.payload, self._may_start, personal_values(line.payload))
        except Exception as error:  # noqa: BLE001  whatever it was, the request may have left
            answer = Answer(outcome=Outcome.UNKNOWN, message=f"unexpected {type(error).__name__} while sending")
        self._boundary("after_post")
        self._answers.append((line, answer))
        self._news.set()

    def _may_start(self) -> bool:
        """Asked last before a request: has the lease not expired, by our own clock?"""
        if self._rules.elapsed() >= self._valid_until:
            return False
        self._boundary("before_post")
        return True

    def _release(self, line: OutboxLine, answer: Answer) -> list[OutboxLine] | None:
        """Let an answer decide what the queue does next. Returns the rest of the order when its line was refused."""
        if answer.outcome in DEFINITE:
            self._setbacks = self._doubts_in_a_row = 0
            self._renewed_in_vain = False
        if pauses_the_wave(answer):
            self._pause = answer
        if answer.outcome is Outcome.UNAUTHORISED:
            self._unauthorised = True
        if answer.outcome is Outcome.MISCONFIGURED:
            self._stop(f"{answer.message}. Check scanorders.base_url, branch and the user's rights")
        if answer.outcome is Outcome.UNKNOWN:
            self._count_doubt(answer)
        if answer.outcome in NOT_CREATED_YET:
            self._queue.put_back(replace(line, state=PickState.PLANNED))
            return None
        if answer.outcome is Outcome.REFUSED:
            return self._queue.withdraw_rest(line)
        self._queue.finished(line)
        return None

    def _count_doubt(self, answer: Answer) -> None:
        self._doubts_in_a_row += 1
        if self._doubts_in_a_row >= self._rules.stop_after_doubts:
            self._stop(f"{self._doubts_in_a_row} calls in a row without a definite answer ({answer.message})")

    def _count(self, current: Round) -> None:
        tally = self.tally
        for _, answer in current.answers:
            tally.sent += answer.outcome is Outcome.ACCEPTED
            tally.rejected += answer.outcome is Outcome.REFUSED
            tally.in_doubt += answer.outcome is Outcome.UNKNOWN
            tally.put_back += answer.outcome in NOT_CREATED_YET
        if self._progress is not None and current.answers:
            self._progress(len(current.answers))

    async def _wait_for_news(self) -> None:
        """Wait for an answer, and renew the lease during a long wait."""
        self._news.clear()
        try:
            async with asyncio.timeout(self._lease.seconds / 3):
                await self._news.wait()
        except TimeoutError:
            await self._renew_lease()

    async def _rest(self, answer: Answer) -> None:
        """Wait while nothing is under way: as long as ScanOrders asked, or longer with each setback."""
        self._setbacks += 1
        if self._setbacks > self._rules.policy.attempts:
            self._stop(f"gave up after {self._setbacks} setbacks in a row ({answer.message}); lines stay planned")
            return
        self.tally.pauses += 1
        seconds = self._rules.policy.wait_seconds(self._setbacks, answer.retry_after)
        while seconds > 0:
            part = min(seconds, self._lease.seconds / 3)
            await self._rules.sleep(part)
            await self._renew_lease()
            seconds -= part
        self._pause = None

    async def _renew_authorisation(self) -> None:
        if self._renewed_in_vain or not await self._sender.renew_authorisation():
            command = self._rules.login_command
            self._stop(f"ScanOrders does not accept the access token: a person must run `{command}`")
        self._renewed_in_vain = True
        self._unauthorised = False

    async def _renew_lease(self) -> None:
        asked_at = self._rules.elapsed()
        await self._in_thread(self._store.renew_lease)
        self._valid_until = asked_at + self._lease.seconds

    def _stop(self, why: str) -> None:
        if not self.tally.stopped:
            self.tally.stopped = why

    def _interrupt(self) -> None:
        self._interrupted = True
        self._stop("interrupted")

    async def _in_thread(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a transaction beside the loop. An interruption waits until the transaction has ended."""
        running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        while not running.done():
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                self._interrupt()
        running.result()
