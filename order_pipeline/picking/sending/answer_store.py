"""The emitter's transactions: each makes one round durable, and proves the lease while it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.operations.installation import operations_mark
from order_pipeline.operations.installation_note import MarkKeeper
from order_pipeline.operations.leases import Lease, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine, transition
from order_pipeline.picking.planning.plan import ORDER_REFUSED
from order_pipeline.picking.sending.answer_transitions import answer_transition

Answered: TypeAlias = tuple[OutboxLine, Answer]
Boundary: TypeAlias = Callable[[str], None]
"""Called with the name of a durable boundary as it is reached. Only tests pass one that does anything."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one transaction makes durable.

    `answers` are of lines in `sending`. `broken` are refused lines, each with the queued rest of its order, which is
    held. `intents` are lines about to be sent, already in state `sending` and with their attempt counted.
    """

    answers: Sequence[Answered]
    broken: Sequence[tuple[OutboxLine, Sequence[OutboxLine]]]
    intents: Sequence[OutboxLine]


class AnswerStore:
    """The emitter's transactions under one lease."""

    def __init__(
        self,
        store: OperationsStore,
        lease: Lease,
        run_id: str,
        snapshot_id: int | None,
        boundary: Boundary,
        *,
        marks: MarkKeeper,
    ) -> None:
        self._store = store
        self._lease = lease
        self._run_id = run_id
        self._snapshot_id = snapshot_id
        self._boundary = boundary
        self._marks = marks

    def _context(self, connection: Connection) -> Context:
        return Context(
            actor=Actor.EMITTER,
            run_id=self._run_id,
            at=self._store.now(connection),
            snapshot_id=self._snapshot_id,
            fence=self._lease.fence,
        )

    def renew_lease(self) -> None:
        """Extend the lease; raises LeaseLostError when another worker has it."""
        with self._store.writing() as connection:
            renew(self._store, connection, self._lease)

    def store_round(self, current: Round) -> None:
        """Make a round durable.

        Raises:
            LeaseLostError: another worker has the lease; nothing was stored.
        """
        if current.answers:
            self._boundary("before_answer")
        if current.intents:
            self._boundary("before_intent")
        with self._store.writing() as connection:
            renew(self._store, connection, self._lease)
            context = self._context(connection)
            answers = [answer_transition(line, answer, context.at) for line, answer in current.answers]
            intents = [
                transition(line, PickState.SENDING, before=PickState.PLANNED, fence=self._lease.fence)
                for line in current.intents
            ]
            if current.broken:  # what is held depends on the answers, so they are stored first
                outbox.apply(connection, answers, context)
                for refused, rest in current.broken:
                    _hold_rest(connection, refused, rest, context)
                answers = []
            outbox.apply(connection, answers + intents, context)
            mark = operations_mark(connection)
        if current.answers:
            self._boundary("after_answer")
        if current.intents:
            self._marks.keep(mark)  # before their POSTs begin
            self._boundary("after_intent")

    def store_late(self, answers: Sequence[Answered]) -> None:
        """Record answers that came after the lease was lost, for lines that a successor had to call in doubt.

        An acceptance ends the doubt, as nobody sends a doubtful line again. Any other answer is only noted.
        """
        with self._store.writing() as connection:
            context = self._context(connection)
            for line, answer in answers:
                current = outbox.load_line(connection, line.pick_id)
                if current is None:
                    continue
                ours = (current.fence, current.attempt) == (self._lease.fence, line.attempt)
                doubted = current.state is PickState.IN_DOUBT and answer.outcome is Outcome.ACCEPTED
                if ours and (doubted or current.state is PickState.SENDING):
                    outbox.apply(connection, [answer_transition(current, answer, context.at)], context)
                else:
                    detail = f"answer after the lease was lost: {answer.outcome.value} {answer.fulfilment_id or ''}"
                    outbox.add_note(connection, current, context, reason="late_answer", detail=detail.strip())


def _hold_rest(connection: Connection, refused: OutboxLine, rest: Sequence[OutboxLine], context: Context) -> None:
    """A line was refused: hold the queued rest of its order. If other lines are on the floor, open a task."""
    detail = f"ScanOrders refused line {refused.line_id} of the order"
    held = [transition(line, PickState.HELD, ORDER_REFUSED, detail) for line in rest]
    outbox.apply(connection, held, context)
    states = [(line.line_id, line.state, line.reason) for line in outbox.load_order(connection, refused.order_key)]
    task = tasks.partly_sent_order(refused.order_key, refused.order_number, states)
    if task is not None:
        tasks.open_tasks(connection, [task], context.run_id, context.at)
