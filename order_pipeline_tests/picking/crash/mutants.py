"""Small breakages of the emitter, each a mistake that a careful person could make. The matrix must catch every one.

Each is a context manager that patches the running process; `BREAKAGES` names them. They ship so that anyone can see the
matrix fail: `python -m benchmarks.crash_matrix --mutant send_before_intent`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.destinations.scanorders_poster import PickPoster
from order_pipeline.operations import leases
from order_pipeline.picking.outbox import states
from order_pipeline.picking.outbox.payload import payload_sha256
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning import pick_lines
from order_pipeline.picking.sending import answer_store, answer_transitions, emission, emitter
from order_pipeline.picking.sending.answer_store import AnswerStore, Round
from order_pipeline.picking.sending.emitter import Emitter


@contextmanager
def send_before_intent() -> Generator[None]:
    """POST first, write the intent afterwards."""

    class Hasty(Emitter):
        async def _complete(self, current: Round) -> None:
            self._valid_until = float("inf")
            self._early: dict[str, Answer] = {}
            for line in current.intents:
                self._early[line.pick_id] = await self._sender.create(line.payload, self._may_start)
                self._boundary("after_post")
            await super()._complete(current)

        async def _post(self, line: OutboxLine) -> None:
            self._answers.append((line, self._early[line.pick_id]))
            self._news.set()

    with patch.object(emission, "Emitter", Hasty):
        yield


@contextmanager
def answer_not_durable() -> Generator[None]:
    """Keep the answers in memory and write them all at the end."""
    store_round = AnswerStore.store_round

    class Forgetful(Emitter):
        async def run(self) -> Any:
            kept: list[Any] = []

            def later(store: AnswerStore, current: Round) -> None:
                kept.extend(current.answers)
                store_round(store, Round([], current.broken, current.intents))

            with patch.object(AnswerStore, "store_round", later):
                tally = await super().run()
            store_round(self._store, Round(kept, [], []))
            return tally

    with patch.object(emission, "Emitter", Forgetful):
        yield


@contextmanager
def lease_ignored() -> Generator[None]:
    """Take the lease whether it is free or not, and never look at it again."""

    def acquire(_store: Any, name: str, holder: str, seconds: float) -> leases.Lease:
        return leases.Lease(name, holder, 1, seconds)

    def renew(*_arguments: Any) -> None:
        return

    with (
        patch.object(emission, "acquire", acquire),
        patch.object(emission, "renew", renew),
        patch.object(answer_store, "renew", renew),
    ):
        yield


@contextmanager
def retry_after_timeout() -> Generator[None]:
    """Send once more when no answer came."""
    create = PickPoster.create

    async def stubborn(
        self: PickPoster, payload: str, may_start: Callable[[], bool], secrets: Sequence[str] = ()
    ) -> Answer:
        answer = await create(self, payload, may_start, secrets)
        return await create(self, payload, may_start, secrets) if answer.outcome is Outcome.UNKNOWN else answer

    with patch.object(PickPoster, "create", stubborn):
        yield


@contextmanager
def identity_without_line() -> Generator[None]:
    """One identity an order instead of one a line."""
    read = pick_lines.pick_line_from_row

    def coarse(row: Any) -> pick_lines.PickLine:
        return read({**row, "pick_id": str(row["pick_id"]).rsplit(":", 1)[0]})

    with patch.object(pick_lines, "pick_line_from_row", coarse):
        yield


@contextmanager
def hopeful_recovery() -> Generator[None]:
    """Take a line found in `sending` for one that was not sent."""
    back_to_the_queue = (PickState.SENDING, PickState.PLANNED)
    transition = emission.transition

    def hopeful(line: OutboxLine, _after: PickState, *explanation: str) -> Any:
        return transition(line, PickState.PLANNED, *explanation)

    with (
        patch.dict(states.TRANSITIONS, {back_to_the_queue: frozenset({Actor.EMITTER, Actor.RECOVERY})}),
        patch.object(emission, "transition", hopeful),
    ):
        yield


@contextmanager
def server_error_means_refused() -> Generator[None]:
    """Read any error status as a refusal."""
    refused = (PickState.REJECTED, "refused")
    with patch.dict(answer_transitions.STATE_AFTER, {Outcome.UNKNOWN: refused}):
        yield


@contextmanager
def change_is_a_new_pick() -> Generator[None]:
    """Send a changed line again instead of asking a person."""

    def with_content(row: Any, read: Any = pick_lines.pick_line_from_row) -> pick_lines.PickLine:
        return read({**row, "pick_id": f"{row['pick_id']}#{payload_sha256(str(row['quantity']))[:8]}"})

    with patch.object(pick_lines, "pick_line_from_row", with_content):
        yield


@contextmanager
def all_intents_at_once() -> Generator[None]:
    """Write the intents of the whole queue before the first POST."""

    class Greedy(Emitter):
        def _take_intents(self) -> Any:
            self._rules = emitter.SendingRules(max_in_flight=10_000, policy=self._rules.policy)
            return super()._take_intents()

    with patch.object(emission, "Emitter", Greedy):
        yield


@contextmanager
def frozen_means_dead() -> Generator[None]:
    """Take the lease of a process that lives, but does not get on."""
    with patch.object(leases, "has_ended", lambda _mark: True):
        yield


BREAKAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    breakage.__name__: breakage
    for breakage in (
        send_before_intent,
        answer_not_durable,
        lease_ignored,
        retry_after_timeout,
        identity_without_line,
        hopeful_recovery,
        server_error_means_refused,
        change_is_a_new_pick,
        all_intents_at_once,
        frozen_means_dead,
    )
}


@contextmanager
def applied(name: str | None) -> Generator[None]:
    """Run with one breakage, or (None) with none."""
    with ExitStack() as stack:
        if name is not None:
            stack.enter_context(BREAKAGES[name]())
        yield
