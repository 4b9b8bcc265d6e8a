"""What the list of picks wishes for, and the plan that answers it: the types that planning passes around.

Belongs here: types and how a transition is made. Does not belong here: any rule (`plan` before sending, `after_send`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from order_pipeline.picking.outbox.lines import PickLine
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import Observation, OutboxLine, Transition
from order_pipeline.picking.outbox.tasks import Task

OrderKey: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """A line of the mart with the payload it would have, and why it cannot go, if so."""

    line: PickLine
    payload: str
    sha256: str
    block: tuple[str, str] | None


@dataclass(slots=True)
class Plan:
    """What planning decided; storing it is one transaction."""

    new_lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    transitions: list[Transition] = field(default_factory=list[Transition])
    observations: list[Observation] = field(default_factory=list[Observation])
    tasks: list[Task] = field(default_factory=list[Task])


def step(
    known: OutboxLine,
    after: PickState,
    reason: str | None,
    detail: str | None,
    *,
    sha256: str | None = None,
    **changes: Any,
) -> Transition:
    """A transition of a known line; `changes` are further columns to set."""
    return Transition(
        pick_id=known.pick_id,
        before=known.state,
        after=after,
        attempt=known.attempt,
        payload_sha256=sha256 or known.payload_sha256,
        reason=reason,
        detail=detail,
        changes=changes,
    )
