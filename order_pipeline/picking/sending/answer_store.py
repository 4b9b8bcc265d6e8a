"""Making a turn of the emitter durable: answers, the orders they break, intents. One transaction, proved by the lease.

Belongs here: the transactions of sending. Does not belong here: when they happen (`emitter`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.operations.leases import Lease, renew
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, Actor, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine, Transition
from order_pipeline.picking.planning.plan import ORDER_REFUSED
from order_pipeline.picking.sending.answer_transitions import settle

Answered: TypeAlias = tuple[OutboxLine, Answer]
Boundary: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction makes durable.

    `answers` are of lines in `sending`; `broken` are refused lines with the queued rest of their order, which is held;
    `intents` are lines about to be sent (state `sending`, attempt counted).
    """

    answers: Sequence[Answered]
    broken: Sequence[tuple[OutboxLine, Sequence[OutboxLine]]]
    intents: Sequence[OutboxLine]


class AnswerStore:
    """The emitter's transactions under one lease."""

    def __init__(
        self, store: OperationsStore, lease: Lease, run_id: str, snapshot_id: int | None, boundary: Boundary
    ) -> None:
        self._store = store
        self._lease = lease
        self._run_id = run_id
        self._snapshot_id = snapshot_id
        self._boundary = boundary

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

    def store_turn(self, turn: Turn) -> None:
        """Make a turn durable.

        Raises:
            LeaseLostError: another worker has the lease; nothing was stored.
        """
        if turn.answers:
            self._boundary("before_answer")
        if turn.intents:
            self._boundary("before_intent")
        with self._store.writing() as connection:
            renew(self._store, connection, self._lease)
            context = self._context(connection)
            steps = [settle(line, answer, context.at) for line, answer in turn.answers]
            if turn.broken:  # what is held looks at what was settled
                outbox.apply(connection, steps, context)
                for refused, rest in turn.broken:
                    self._hold_rest(connection, refused, rest, context)
                steps = []
            outbox.apply(connection, [*steps, *(self._intent(line) for line in turn.intents)], context)
        if turn.answers:
            self._boundary("after_answer")
        if turn.intents:
            self._boundary("after_intent")

    def _intent(self, line: OutboxLine) -> Transition:
        return Transition(
            pick_id=line.pick_id,
            before=PickState.PLANNED,
            after=PickState.SENDING,
            attempt=line.attempt,
            payload_sha256=line.payload_sha256,
            changes={"fence": self._lease.fence},
        )

    @staticmethod
    def _hold_rest(connection: Connection, refused: OutboxLine, rest: Sequence[OutboxLine], context: Context) -> None:
        """A line was refused: the queued rest of its order stays; with lines on the floor the order is an exception."""
        detail = f"ScanOrders refused line {refused.line_id} of the order"
        outbox.apply(
            connection,
            [
                Transition(
                    pick_id=line.pick_id,
                    before=PickState.PLANNED,
                    after=PickState.HELD,
                    attempt=line.attempt,
                    payload_sha256=line.payload_sha256,
                    reason=ORDER_REFUSED,
                    detail=detail,
                )
                for line in rest
            ],
            context,
        )
        order = outbox.load_order(connection, refused.order_key)
        floor = [line.line_id for line in order if line.state in ON_THE_FLOOR]
        doubtful = [line.line_id for line in order if line.state in PERHAPS_ON_THE_FLOOR]
        missing = [
            f"{line.line_id} ({line.reason or line.state.value})"
            for line in order
            if line.state in {PickState.HELD, PickState.REJECTED}
        ]
        if floor or doubtful:
            task = tasks.partly_sent_order(refused.order_key, refused.order_number, floor, doubtful, missing)
            tasks.open_tasks(connection, [task], context.run_id, context.at)

    def store_late(self, answers: Sequence[Answered]) -> None:
        """Record answers that came after the lease was lost: proof for lines that a successor had to call in doubt.

        An acceptance settles the doubt, as nobody sends a doubtful line again; anything else is only noted.
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
                    outbox.apply(connection, [settle(current, answer, context.at)], context)
                else:
                    detail = f"answer after the lease was lost: {answer.outcome.value} {answer.fulfilment_id or ''}"
                    outbox.add_note(connection, current, context, reason="late_answer", detail=detail.strip())
