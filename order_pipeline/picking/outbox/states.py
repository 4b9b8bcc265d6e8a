"""The state machine of one pick line: the states, what each means to a person, and the table of allowed transitions.

A line is *on the floor* when ScanOrders certainly has it. It is *perhaps on the floor* when it is in doubt.
ScanOrders has no idempotency key, no list and no cancel (docs/apis/scanorders.md sections 1 and 13). Therefore no
transition leads from a state on the floor back to `planned`, and a line in doubt gets there only by a person's word
(`resolved_not_sent`).
"""

from __future__ import annotations

from enum import StrEnum


class PickState(StrEnum):
    """Where a pick line stands."""

    PLANNED = "planned"
    """In the queue; no POST under way, and none whose outcome is open."""
    HELD = "held"
    """Not to be sent for now; the reason says why."""
    SENDING = "sending"
    """The intent is durable; its POST may be under way. After a crash this means: nobody knows."""
    SENT = "sent"
    """ScanOrders accepted it and named its fulfilment."""
    REJECTED = "rejected"
    """ScanOrders refused it for what it is; sent again only when the order's data changes, or a person says so."""
    IN_DOUBT = "in_doubt"
    """The request left and no definite answer came. Never sent again by itself."""
    RESOLVED_SENT = "resolved_sent"
    """A person looked: it is on the floor."""
    RESOLVED_NOT_SENT = "resolved_not_sent"
    """A person looked: it is not on the floor. The next planning may send it."""
    CHANGED_AFTER_SEND = "changed_after_send"
    """On the floor, but the order says something else now: a task for a person."""
    CANCELLED_AFTER_SEND = "cancelled_after_send"
    """On the floor, but not to be picked any more: a task for a person."""


WITHDRAWN = "withdrawn"
"""Reason of a line in `cancelled_after_send` that a person took off the floor."""
CONFIRMED = "confirmed"
"""Reason of a line in `resolved_sent` that a person called right, whatever its order says."""


class Actor(StrEnum):
    """Who causes a transition. A person is recorded by name instead of `person`."""

    PLANNER = "planner"
    EMITTER = "emitter"
    RECOVERY = "recovery"
    PERSON = "person"


_S = PickState

TRANSITIONS: dict[tuple[PickState | None, PickState], frozenset[Actor]] = {
    # Planning: a new line, and a line that is not on the floor and follows its order.
    (None, _S.PLANNED): frozenset({Actor.PLANNER}),
    (None, _S.HELD): frozenset({Actor.PLANNER}),
    (_S.PLANNED, _S.PLANNED): frozenset({Actor.PLANNER}),
    (_S.PLANNED, _S.HELD): frozenset({Actor.PLANNER, Actor.EMITTER}),
    (_S.HELD, _S.HELD): frozenset({Actor.PLANNER}),
    (_S.HELD, _S.PLANNED): frozenset({Actor.PLANNER}),
    (_S.REJECTED, _S.PLANNED): frozenset({Actor.PLANNER}),
    (_S.REJECTED, _S.HELD): frozenset({Actor.PLANNER}),
    (_S.RESOLVED_NOT_SENT, _S.PLANNED): frozenset({Actor.PLANNER}),
    (_S.RESOLVED_NOT_SENT, _S.HELD): frozenset({Actor.PLANNER}),
    # Sending: the intent, then exactly one of the answers.
    (_S.PLANNED, _S.SENDING): frozenset({Actor.EMITTER}),
    (_S.SENDING, _S.SENT): frozenset({Actor.EMITTER}),
    (_S.SENDING, _S.REJECTED): frozenset({Actor.EMITTER}),
    (_S.SENDING, _S.PLANNED): frozenset({Actor.EMITTER}),  # refused for now (429, 401), or provably never left
    (_S.SENDING, _S.IN_DOUBT): frozenset({Actor.EMITTER, Actor.RECOVERY}),
    # The answer of an emitter that was taken for dead: proof, and nobody may have sent the line again meanwhile.
    (_S.IN_DOUBT, _S.SENT): frozenset({Actor.EMITTER}),
    # After a restore: the line is due, and may have been sent without the outbox knowing (`outbox.gap`).
    (None, _S.IN_DOUBT): frozenset({Actor.PLANNER}),
    (_S.PLANNED, _S.IN_DOUBT): frozenset({Actor.PLANNER}),
    (_S.HELD, _S.IN_DOUBT): frozenset({Actor.PLANNER}),
    (_S.REJECTED, _S.IN_DOUBT): frozenset({Actor.PLANNER}),
    (_S.RESOLVED_NOT_SENT, _S.IN_DOUBT): frozenset({Actor.PLANNER}),
    # People.
    (_S.IN_DOUBT, _S.RESOLVED_SENT): frozenset({Actor.PERSON}),
    (_S.IN_DOUBT, _S.RESOLVED_NOT_SENT): frozenset({Actor.PERSON}),
    (_S.REJECTED, _S.RESOLVED_SENT): frozenset({Actor.PERSON}),
    (_S.REJECTED, _S.RESOLVED_NOT_SENT): frozenset({Actor.PERSON}),
    (_S.HELD, _S.RESOLVED_SENT): frozenset({Actor.PERSON}),  # added by hand, or served by another pick
    (_S.SENT, _S.RESOLVED_SENT): frozenset({Actor.PERSON}),
    (_S.RESOLVED_SENT, _S.RESOLVED_SENT): frozenset({Actor.PERSON}),
    (_S.CANCELLED_AFTER_SEND, _S.CANCELLED_AFTER_SEND): frozenset({Actor.PERSON}),
    # Afterwards: the order moves on while its line is on the floor.
    (_S.SENT, _S.CHANGED_AFTER_SEND): frozenset({Actor.PLANNER}),
    (_S.SENT, _S.CANCELLED_AFTER_SEND): frozenset({Actor.PLANNER, Actor.PERSON}),
    (_S.RESOLVED_SENT, _S.CHANGED_AFTER_SEND): frozenset({Actor.PLANNER}),
    (_S.RESOLVED_SENT, _S.CANCELLED_AFTER_SEND): frozenset({Actor.PLANNER, Actor.PERSON}),
    (_S.CHANGED_AFTER_SEND, _S.CHANGED_AFTER_SEND): frozenset({Actor.PLANNER}),
    (_S.CHANGED_AFTER_SEND, _S.CANCELLED_AFTER_SEND): frozenset({Actor.PLANNER, Actor.PERSON}),
    (_S.CANCELLED_AFTER_SEND, _S.CHANGED_AFTER_SEND): frozenset({Actor.PLANNER}),
    # The change was taken back, or a person confirmed the pick.
    (_S.CHANGED_AFTER_SEND, _S.SENT): frozenset({Actor.PLANNER}),
    (_S.CANCELLED_AFTER_SEND, _S.SENT): frozenset({Actor.PLANNER}),
    (_S.CHANGED_AFTER_SEND, _S.RESOLVED_SENT): frozenset({Actor.PLANNER, Actor.PERSON}),
    (_S.CANCELLED_AFTER_SEND, _S.RESOLVED_SENT): frozenset({Actor.PLANNER, Actor.PERSON}),
}

ON_THE_FLOOR = frozenset({_S.SENT, _S.RESOLVED_SENT, _S.CHANGED_AFTER_SEND, _S.CANCELLED_AFTER_SEND})
"""ScanOrders certainly has the line."""

PERHAPS_ON_THE_FLOOR = frozenset({_S.SENDING, _S.IN_DOUBT})
"""ScanOrders may have the line; only a person or a late answer can tell."""

NOT_ON_THE_FLOOR = frozenset({_S.PLANNED, _S.HELD, _S.REJECTED, _S.RESOLVED_NOT_SENT})
"""ScanOrders certainly does not have the line, so planning may still change it."""


class ForbiddenTransitionError(RuntimeError):
    """A transition that the table does not allow: a fault in the program, or a resolve of a line without doubt."""


def check_transition(before: PickState | None, after: PickState, actor: Actor) -> None:
    """Allow a transition of the table.

    Raises:
        ForbiddenTransitionError: the table does not have it, or not for this actor.
    """
    allowed = TRANSITIONS.get((before, after), frozenset())
    if actor not in allowed:
        came_from = before.value if before else "nothing"
        raise ForbiddenTransitionError(
            f"A pick line must not go from `{came_from}` to `{after.value}` by the {actor.value}"
            f" (allowed for: {', '.join(sorted(allowed)) or 'nobody'}). Nothing was changed."
        )
