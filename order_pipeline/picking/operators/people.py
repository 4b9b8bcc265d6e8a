"""What people do with the outbox: look, resolve a doubt, close a task; and the check that reminds them.

Belongs here: plain functions for the CLI, the Dagster job and the check. Does not belong here: printing. Nothing
returned holds a payload except `show`, whose caller asked for one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, or_, select

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_events, pick_outbox, pick_tasks
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine, Transition

LISTED = (
    *("pick_id", "order_number", "state", "reason", "detail", "attempt", "http_status", "fulfilment_id"),
    *("planned_at", "sent_at", "updated_at", "run_id", "snapshot_id"),
)
"""Columns of `list_lines`: all that explains a line, nothing personal."""

Verdict = Literal["sent", "not_sent"]


class UnknownPickError(LookupError):
    """No pick line, order or open task has this id."""


@dataclass(frozen=True, slots=True)
class LineStory:
    """One line with its whole history, oldest event first, and the tasks about it or its order."""

    line: OutboxLine
    events: list[dict[str, Any]]
    tasks: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Doubts:
    """The doubts check: `passed` is False while a line is in doubt for longer than the setting allows."""

    passed: bool
    in_doubt: int
    overdue: int
    oldest_minutes: float
    pick_ids: list[str]


def list_lines(
    store: OperationsStore, states: Sequence[PickState] | None = None, limit: int = 1000
) -> list[dict[str, Any]]:
    """Lines in the given states (None: all), latest change first."""
    query = select(*(pick_outbox.c[name] for name in LISTED)).order_by(pick_outbox.c.updated_at.desc()).limit(limit)
    if states is not None:
        query = query.where(pick_outbox.c.state.in_([state.value for state in states]))
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def show(store: OperationsStore, key: str) -> list[LineStory]:
    """The story of one line (by pick id) or of every line of an order (by order number or order id).

    Raises:
        UnknownPickError: nothing has this key.
    """
    with store.reading() as connection:
        matches = connection.execute(
            select(pick_outbox.c.pick_id)
            .where(or_(pick_outbox.c.pick_id == key, pick_outbox.c.order_number == key, pick_outbox.c.order_id == key))
            .order_by(pick_outbox.c.pick_id)
        ).scalars()
        stories: list[LineStory] = []
        for pick_id in list(matches):
            line = outbox.load_line(connection, pick_id)
            if line is None:
                continue
            events = connection.execute(
                select(pick_events).where(pick_events.c.pick_id == pick_id).order_by(pick_events.c.event_id)
            ).mappings()
            about = connection.execute(
                select(pick_tasks)
                .where(pick_tasks.c.subject.in_([pick_id, ":".join(line.order_key)]))
                .order_by(pick_tasks.c.task_id)
            ).mappings()
            stories.append(LineStory(line, [dict(row) for row in events], [dict(row) for row in about]))
    if not stories:
        message = f"No pick line or order has the id {key!r}. `order-pipeline outbox list` shows what there is."
        raise UnknownPickError(message)
    return stories


def resolve(store: OperationsStore, pick_id: str, verdict: Verdict, *, reason: str, who: str) -> PickState:
    """Settle a doubt or a refusal after looking at the ScanOrders screen; returns the new state.

    `not_sent` lets the next planning send the line again: if it is on the floor after all, it will be there twice.

    Raises:
        ValueError: reason or person is missing.
        UnknownPickError: no such line.
        ForbiddenTransitionError: the line is neither in doubt nor rejected.
    """
    if not reason.strip() or not who.strip():
        message = "A resolve needs a reason and the name of who looked; nothing was changed."
        raise ValueError(message)
    after = PickState.RESOLVED_SENT if verdict == "sent" else PickState.RESOLVED_NOT_SENT
    with store.writing() as connection:
        line = outbox.load_line(connection, pick_id)
        if line is None:
            message = f"No pick line has the id {pick_id!r}; nothing was changed."
            raise UnknownPickError(message)
        now = store.now(connection)
        step = Transition(
            pick_id=pick_id,
            before=line.state,
            after=after,
            attempt=line.attempt,
            payload_sha256=line.payload_sha256,
            reason=f"resolved_{verdict}",
            detail=reason.strip(),
            changes={"sent_at": now} if verdict == "sent" else {},
        )
        outbox.apply(connection, [step], Context(actor=Actor.PERSON, person=who.strip(), run_id="by hand", at=now))
    return after


def list_tasks(store: OperationsStore, *, include_closed: bool = False) -> list[dict[str, Any]]:
    """Tasks for people, oldest first."""
    query = select(pick_tasks).order_by(pick_tasks.c.task_id)
    if not include_closed:
        query = query.where(pick_tasks.c.closed_at.is_(None))
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


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


def check_doubts(store: OperationsStore, alert_minutes: int, *, now: datetime | None = None) -> Doubts:
    """How many lines are in doubt, and which for longer than `alert_minutes` (at most 20 ids)."""
    since = (
        select(pick_events.c.pick_id, func.max(pick_events.c.at).label("since"))
        .where(pick_events.c.to_state == PickState.IN_DOUBT.value, pick_events.c.from_state == PickState.SENDING.value)
        .group_by(pick_events.c.pick_id)
        .subquery()
    )
    query = (
        select(pick_outbox.c.pick_id, since.c.since)
        .join(since, since.c.pick_id == pick_outbox.c.pick_id)
        .where(pick_outbox.c.state == PickState.IN_DOUBT.value)
        .order_by(since.c.since)
    )
    with store.reading() as connection:
        doubts = [(str(row.pick_id), row.since) for row in connection.execute(query)]
        moment = now or store.now(connection)
    ages = [(pick_id, moment - begun) for pick_id, begun in doubts]
    overdue = [pick_id for pick_id, age in ages if age > timedelta(minutes=alert_minutes)]
    oldest = max((age.total_seconds() / 60 for _, age in ages), default=0.0)
    return Doubts(not overdue, len(doubts), len(overdue), oldest, overdue[:20])
