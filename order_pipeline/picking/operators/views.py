"""Views of the outbox for operators: lines, the story of one line, tasks, and the doubts that wait too long.

Nothing returned holds a payload except `show`, whose caller asked for one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, true

from order_pipeline.destinations.scanorders_answers import Outcome
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_events, pick_outbox, pick_tasks
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.sending.answer_transitions import STATE_AFTER

LISTED = (
    *("pick_id", "order_number", "floor", "state", "reason", "detail", "attempt", "http_status", "fulfilment_id"),
    *("planned_at", "sent_at", "updated_at", "run_id", "snapshot_id"),
)
"""Columns of `list_lines`: all that explains a line, nothing personal."""


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


@dataclass(frozen=True, slots=True)
class Queue:
    """The planned lines: how many, since when the first of them waits, and why lines were put back.

    `unauthorised` counts those that ScanOrders would not take with the token at hand, since `unauthorised_since`.
    `sent_at` is when any line was sent last, `run_id` the run that touched the queue last.
    """

    planned: int
    oldest: datetime | None
    reasons: dict[str, int]
    unauthorised: int
    unauthorised_since: datetime | None
    sent_at: datetime | None
    run_id: str | None


def list_lines(
    store: OperationsStore,
    states: Sequence[PickState] | None = None,
    limit: int = 1000,
    *,
    floor: str | None = None,
) -> list[dict[str, Any]]:
    """Lines in the given states and of the given floor (None: all), latest change first."""
    query = select(*(pick_outbox.c[name] for name in LISTED)).order_by(pick_outbox.c.updated_at.desc()).limit(limit)
    if states is not None:
        query = query.where(pick_outbox.c.state.in_([state.value for state in states]))
    if floor is not None:
        query = query.where(pick_outbox.c.floor == floor)
    with store.reading() as connection:
        return _rows(connection, query)


def show(store: OperationsStore, key: str) -> list[LineStory]:
    """The story of one line (by pick id) or of every line of an order (by order number or order id).

    Raises:
        UnknownPickError: nothing has this key.
    """
    query = (
        select(pick_outbox)
        .where(or_(pick_outbox.c.pick_id == key, pick_outbox.c.order_number == key, pick_outbox.c.order_id == key))
        .order_by(pick_outbox.c.pick_id)
    )
    with store.reading() as connection:
        stories = [_story(connection, line) for line in outbox.read_lines(connection, query)]
    if not stories:
        message = f"No pick line or order has the id {key!r}. `order-pipeline outbox list` shows what there is."
        raise UnknownPickError(message)
    return stories


def _story(connection: Connection, line: OutboxLine) -> LineStory:
    events = select(pick_events).where(pick_events.c.pick_id == line.pick_id).order_by(pick_events.c.event_id)
    subjects = [line.pick_id, ":".join(line.order_key)]
    tasks = select(pick_tasks).where(pick_tasks.c.subject.in_(subjects)).order_by(pick_tasks.c.task_id)
    return LineStory(line, _rows(connection, events), _rows(connection, tasks))


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def list_tasks(store: OperationsStore, *, include_closed: bool = False) -> list[dict[str, Any]]:
    """Tasks, oldest first."""
    query = select(pick_tasks).order_by(pick_tasks.c.task_id)
    if not include_closed:
        query = query.where(pick_tasks.c.closed_at.is_(None))
    with store.reading() as connection:
        return _rows(connection, query)


def check_doubts(store: OperationsStore, alert_minutes: int, *, now: datetime | None = None) -> Doubts:
    """How many lines are in doubt, and which for longer than `alert_minutes` (at most 20 ids)."""
    since = func.max(pick_events.c.at).label("since")
    query = (
        select(pick_outbox.c.pick_id, since)  # from the few lines in doubt to their events: there are millions of these
        .join(pick_events, pick_events.c.pick_id == pick_outbox.c.pick_id)
        .where(
            pick_outbox.c.state == PickState.IN_DOUBT.value,
            pick_events.c.to_state == PickState.IN_DOUBT.value,
            func.coalesce(pick_events.c.from_state, "") != PickState.IN_DOUBT.value,
        )
        .group_by(pick_outbox.c.pick_id)
        .order_by(since)
    )
    with store.reading() as connection:
        doubts = [(str(row.pick_id), row.since) for row in connection.execute(query)]
        moment = now or store.now(connection)
    ages = [(pick_id, moment - begun) for pick_id, begun in doubts]
    overdue = [pick_id for pick_id, age in ages if age > timedelta(minutes=alert_minutes)]
    oldest = max((age.total_seconds() / 60 for _, age in ages), default=0.0)
    return Doubts(not overdue, len(doubts), len(overdue), oldest, overdue[:20])


def check_queue(store: OperationsStore, floor: str | None = None) -> Queue:
    """What waits to be sent, to one floor or to all (None).

    A line waits since it was planned; being put back after a try does not count anew.
    """
    at_floor = true() if floor is None else pick_outbox.c.floor == floor
    planned = and_(at_floor, pick_outbox.c.state == PickState.PLANNED.value)
    began = (
        select(func.max(pick_events.c.at).label("since"))
        .join(pick_outbox, pick_outbox.c.pick_id == pick_events.c.pick_id)
        .where(
            planned,
            pick_events.c.to_state == PickState.PLANNED.value,
            func.coalesce(pick_events.c.from_state, "").not_in([PickState.SENDING.value, PickState.PLANNED.value]),
        )
        .group_by(pick_events.c.pick_id)
        .subquery()
    )
    by_reason = (
        select(pick_outbox.c.reason, func.count(), func.min(pick_outbox.c.updated_at))
        .where(planned)
        .group_by(pick_outbox.c.reason)
        .order_by(pick_outbox.c.reason)
    )
    with store.reading() as connection:
        groups = [(reason, int(count), since) for reason, count, since in connection.execute(by_reason)]
        oldest = connection.execute(select(func.min(began.c.since))).scalar()
        sent_at = connection.execute(select(func.max(pick_outbox.c.sent_at)).where(at_floor)).scalar()
        latest = select(pick_outbox.c.run_id).where(planned).order_by(pick_outbox.c.updated_at.desc()).limit(1)
        run_id = connection.execute(latest).scalar()
    unauthorised = STATE_AFTER[Outcome.UNAUTHORISED][1]
    refused = [(count, since) for reason, count, since in groups if reason == unauthorised]
    return Queue(
        planned=sum(count for _, count, _ in groups),
        oldest=oldest,
        reasons={reason: count for reason, count, _ in groups if reason is not None},
        unauthorised=sum(count for count, _ in refused),
        unauthorised_since=min((since for _, since in refused), default=None),
        sent_at=sent_at,
        run_id=run_id,
    )
