"""Answer transitions: which state a line gets from the answer to its POST. Pure data and functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine, Transition, transition

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
"""Answers that prove that ScanOrders works: the setbacks and doubts before them do not count any more."""

NOT_CREATED_YET = frozenset(outcome for outcome, (state, _) in STATE_AFTER.items() if state is PickState.PLANNED)
"""Certainly not created, and worth another try of the same payload: the line goes back to its place in the queue."""


def pauses_the_wave(answer: Answer) -> bool:
    """Whether nothing more should be sent for a while: over the limit, unavailable, or not reachable."""
    return answer.outcome in {Outcome.LATER, Outcome.NOT_SENT} or answer.http_status == 503


def answer_transition(line: OutboxLine, answer: Answer, at: datetime) -> Transition:
    """The transition that an answer causes; `at` is the time it is stored."""
    after, reason = STATE_AFTER[answer.outcome]
    changes: dict[str, Any] = {}
    if answer.outcome is Outcome.ACCEPTED:
        changes = {"fulfilment_id": answer.fulfilment_id, "sent_at": at}
    return transition(
        line,
        after,
        reason,
        answer.message or None,
        http_status=answer.http_status,
        reply=answer.reply or None,
        **changes,
    )
