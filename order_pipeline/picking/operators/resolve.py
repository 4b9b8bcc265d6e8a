"""What operators change in the outbox: they resolve a doubt, withdraw or confirm a pick, close a task.

Each change needs a reason and a name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.views import UnknownPickError
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.states import (
    CONFIRMED,
    ON_THE_FLOOR,
    WITHDRAWN,
    Actor,
    ForbiddenTransitionError,
    PickState,
)
from order_pipeline.picking.outbox.store import Context, OutboxLine, transition

Verdict = Literal["sent", "not_sent"]


def resolve(store: OperationsStore, pick_id: str, verdict: Verdict, *, reason: str, who: str) -> PickState:
    """Store what a person saw on the ScanOrders screen about a line in doubt, rejected or held; returns the new state.

    `not_sent` lets the next planning send the line again: if it is on the floor after all, it will be there twice.
    A held line can only be called sent: it was added by hand, or the goods of another pick serve it.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: no such line.
        ForbiddenTransitionError: the line is in another state.
    """
    after = PickState.RESOLVED_SENT if verdict == "sent" else PickState.RESOLVED_NOT_SENT
    _check(reason, who)
    with store.writing() as connection:
        line = _line(connection, pick_id)
        if verdict == "sent" and line.state in ON_THE_FLOOR:
            raise ForbiddenTransitionError(
                f"{pick_id} is {line.state.value}, not in doubt. Nothing was changed. To call the pick right "
                "whatever its order says: order-pipeline outbox confirm."
            )
        now = store.now(connection)
        sent_at: dict[str, Any] = {"sent_at": now} if verdict == "sent" else {}
        resolved = transition(line, after, f"resolved_{verdict}", reason.strip(), **sent_at)
        outbox.apply(connection, [resolved], _by_hand(who, now))
    return after


def withdraw(store: OperationsStore, pick_id: str, *, reason: str, who: str) -> PickState:
    """Store that a person took a pick off the ScanOrders screen; returns the new state.

    The pick is never sent again. A pick that was made anew in its place is sent by the next emission. The tasks about
    the pick are done.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: no such line.
        ForbiddenTransitionError: the line is not on the floor.
    """
    return _settle(store, pick_id, WITHDRAWN, reason=reason, who=who)


def confirm(store: OperationsStore, pick_id: str, *, reason: str, who: str) -> PickState:
    """Store that a pick on the floor is right, whatever its order says; returns the new state.

    A pick that was made anew is then one more parcel: the next emission sends it. The tasks about the pick are done.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: no such line.
        ForbiddenTransitionError: the line is not on the floor.
    """
    return _settle(store, pick_id, CONFIRMED, reason=reason, who=who)


def _settle(store: OperationsStore, pick_id: str, code: str, *, reason: str, who: str) -> PickState:
    after = PickState.RESOLVED_SENT if code == CONFIRMED else PickState.CANCELLED_AFTER_SEND
    _check(reason, who)
    with store.writing() as connection:
        line = _line(connection, pick_id)
        if line.state not in ON_THE_FLOOR:
            raise ForbiddenTransitionError(
                f"{pick_id} is {line.state.value}: only a pick on the floor is withdrawn or "
                "confirmed. Nothing was changed."
            )
        now = store.now(connection)
        outbox.apply(connection, [transition(line, after, code, reason.strip())], _by_hand(who, now))
        tasks.close_tasks_about(connection, pick_id, who=who.strip(), reason=f"{code}: {reason.strip()}", at=now)
    return after


def _check(reason: str, who: str) -> None:
    if not reason.strip() or not who.strip():
        message = "A person's word needs a reason and the name of who looked; nothing was changed."
        raise ValueError(message)


def _line(connection: Connection, pick_id: str) -> OutboxLine:
    line = outbox.load_line(connection, pick_id)
    if line is None:
        message = f"No pick line has the id {pick_id!r}; nothing was changed."
        raise UnknownPickError(message)
    return line


def _by_hand(who: str, now: datetime) -> Context:
    return Context(actor=Actor.PERSON, person=who.strip(), run_id="by hand", at=now)


def close_task(store: OperationsStore, task_id: int, *, reason: str, who: str) -> None:
    """Say that a task is done.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: there is no such open task.
    """
    if not reason.strip() or not who.strip():
        message = "Closing a task needs a reason and a name; nothing was changed."
        raise ValueError(message)
    with store.writing() as connection:
        if not tasks.close_task(connection, task_id, who=who.strip(), reason=reason.strip(), at=store.now(connection)):
            message = f"There is no open task {task_id}; nothing was changed."
            raise UnknownPickError(message)
