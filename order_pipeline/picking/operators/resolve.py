"""What operators change in the outbox: they resolve a doubt or a refusal, and close a task.

Each change needs a reason and a name.
"""

from __future__ import annotations

from typing import Any, Literal

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.views import UnknownPickError
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import Context, transition

Verdict = Literal["sent", "not_sent"]


def resolve(store: OperationsStore, pick_id: str, verdict: Verdict, *, reason: str, who: str) -> PickState:
    """Store what a person saw on the ScanOrders screen about a line in doubt or rejected; returns the new state.

    `not_sent` lets the next planning send the line again: if it is on the floor after all, it will be there twice.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: no such line.
        ForbiddenTransitionError: the line is neither in doubt nor rejected.
    """
    if not reason.strip() or not who.strip():
        raise ValueError("A resolve needs a reason and the name of who looked; nothing was changed.")
    after = PickState.RESOLVED_SENT if verdict == "sent" else PickState.RESOLVED_NOT_SENT
    with store.writing() as connection:
        line = outbox.load_line(connection, pick_id)
        if line is None:
            raise UnknownPickError(f"No pick line has the id {pick_id!r}; nothing was changed.")
        now = store.now(connection)
        sent_at: dict[str, Any] = {"sent_at": now} if verdict == "sent" else {}
        resolved = transition(line, after, f"resolved_{verdict}", reason.strip(), **sent_at)
        context = Context(actor=Actor.PERSON, person=who.strip(), run_id="by hand", at=now)
        outbox.apply(connection, [resolved], context)
    return after


def close_task(store: OperationsStore, task_id: int, *, reason: str, who: str) -> None:
    """Say that a task is done.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: there is no such open task.
    """
    if not reason.strip() or not who.strip():
        raise ValueError("Closing a task needs a reason and a name; nothing was changed.")
    with store.writing() as connection:
        if not tasks.close_task(connection, task_id, who=who.strip(), reason=reason.strip(), at=store.now(connection)):
            raise UnknownPickError(f"There is no open task {task_id}; nothing was changed.")
