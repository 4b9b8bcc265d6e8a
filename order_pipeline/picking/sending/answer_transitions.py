"""What an answer makes of its line: outcome to state, and what the emitter does next. Pure data and functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine, Transition

STATE_AFTER: dict[Outcome, tuple[PickState, str | None]] = {
    Outcome.ACCEPTED: (PickState.SENT, None),
    Outcome.REFUSED: (PickState.REJECTED, "refused"),
    Outcome.LATER: (PickState.PLANNED, "later"),
    Outcome.NOT_SENT: (PickState.PLANNED, "not_sent"),
    Outcome.UNAUTHORISED: (PickState.PLANNED, "unauthorised"),
    Outcome.MISCONFIGURED: (PickState.PLANNED, "misconfigured"),
    Outcome.UNKNOWN: (PickState.IN_DOUBT, "no_definite_answer"),
}
"""The state and reason code of a line in `sending` after each outcome."""

DEFINITE = frozenset({Outcome.ACCEPTED, Outcome.REFUSED})
"""ScanOrders is there and works: setbacks and doubts before this one do not count any more."""

NOT_CREATED_YET = frozenset(outcome for outcome, (state, _) in STATE_AFTER.items() if state is PickState.PLANNED)
"""Certainly not created, and worth another try of the same payload: the line goes back to its place in the queue."""


def pauses_the_batch(answer: Answer) -> bool:
    """Whether nothing more should be sent for a while: over the limit, unavailable, or not reachable."""
    return answer.outcome in {Outcome.LATER, Outcome.NOT_SENT} or answer.http_status == 503


def settle(line: OutboxLine, answer: Answer, at: datetime) -> Transition:
    """The transition that an answer causes; `at` is the time it is stored."""
    after, reason = STATE_AFTER[answer.outcome]
    changes: dict[str, Any] = {}
    if answer.outcome is Outcome.ACCEPTED:
        changes = {"fulfilment_id": answer.fulfilment_id, "sent_at": at}
    return Transition(
        pick_id=line.pick_id,
        before=line.state,
        after=after,
        attempt=line.attempt,
        payload_sha256=line.payload_sha256,
        reason=reason,
        detail=answer.message or None,
        http_status=answer.http_status,
        reply=answer.reply or None,
        changes=changes,
    )
