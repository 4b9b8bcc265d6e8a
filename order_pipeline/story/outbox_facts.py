"""What the operations store knows about one order: its picks, their history, tasks, read-backs, webhooks that wait.

Payloads and replies stay there: they hold personal data. So do the words of people (reasons of a resolve, a closing),
which may; `order-pipeline outbox show` has them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Select, Table, make_url, or_, select

from order_pipeline.channels import registry
from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.store import open_store
from order_pipeline.operations.tables import pick_events, pick_outbox, pick_status, pick_tasks
from order_pipeline.picking.outbox.states import CONFIRMED, WITHDRAWN, Actor
from order_pipeline.settings import Settings
from order_pipeline.story.rows import Facts

_PROGRAMS = {actor.value for actor in Actor} - {Actor.PERSON.value}
_LINE = (
    *("pick_id", "order_number", "line_id", "shipment_id", "floor", "state", "reason", "detail", "attempt"),
    *("http_status", "fulfilment_id", "snapshot_id", "planned_at", "sent_at", "updated_at"),
)
_EVENT = ("pick_id", "at", "from_state", "to_state", "reason", "detail", "actor", "run_id", "http_status")
_TASK = ("task_id", "kind", "subject", "floor", "what_to_do", "detail", "opened_at", "closed_at", "closed_by")
_READ = ("pick_id", "status_code", "matches", "first_read_at", "read_at")
_LANDED_WITHIN = timedelta(hours=1)
"""An event is marked as landed by the run that stored it, soon after."""
_PERSONS_REASONS = {"resolved_sent", "resolved_not_sent", WITHDRAWN, CONFIRMED}
"""Reason codes of a line whose detail is what a person wrote."""


@contextmanager
def reading_operations(settings: Settings) -> Generator[Connection | None]:
    """A view of the operations store; None where there is no store yet, which is not made for it.

    Raises:
        StoreBusyError: another process kept the file locked.
    """
    url = make_url(settings.resolved_operations_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        yield None
        return
    with open_store(settings.resolved_operations_url) as store, store.reading() as connection:
        yield connection


def outbox_facts(connection: Connection | None, source: str, order_id: str) -> Facts:
    """What is known of an order's picks, in rows, the oldest first.

    Args:
        connection: to the operations store; None: there is none.
        source: the channel.
        order_id: of core; its second part is the account, by which the index is asked.

    Returns: keys `outbox`, `events`, `tasks`, `read_back`.
    """
    if connection is None:
        return {"outbox": [], "events": [], "tasks": [], "read_back": []}
    account = order_id.split(":")[1:2]
    lines = _chosen(pick_outbox, _LINE).where(pick_outbox.c.source == source, pick_outbox.c.order_id == order_id)
    lines = lines.where(*(pick_outbox.c.account == each for each in account)).order_by(pick_outbox.c.pick_id)
    outbox = _rows(connection, lines)
    picks = [line["pick_id"] for line in outbox]
    subjects = [*picks, *(f"{source}:{each}:{order_id}" for each in account)]
    events = _chosen(pick_events, _EVENT).where(pick_events.c.pick_id.in_(picks)).order_by(pick_events.c.event_id)
    tasks = _chosen(pick_tasks, _TASK).where(pick_tasks.c.subject.in_(subjects)).order_by(pick_tasks.c.task_id)
    read = _chosen(pick_status, _READ).where(pick_status.c.pick_id.in_(picks)).order_by(pick_status.c.pick_id)
    return {
        "outbox": [_without_persons_words(line, line["reason"] in _PERSONS_REASONS) for line in outbox],
        "events": [_without_persons_words(row, row["actor"] not in _PROGRAMS) for row in _rows(connection, events)],
        "tasks": [row | {"closed_by": _who(row["closed_by"])} for row in _rows(connection, tasks)],
        "read_back": _rows(connection, read),
    }


def webhooks_of(connection: Connection | None, source: str, number: str, around: Sequence[datetime]) -> list[Facts]:
    """Events of an order, those that wait and those that were landed about the given times; old ones are deleted.

    Args:
        connection: to the operations store; None: there is none.
        source: the channel.
        number: of the order, as the receiver read it from the event.
        around: when versions of the order were stored: the inbox has an index by time, and none by order.
    """
    columns = webhook_inbox.c
    if connection is None:
        return []
    landed = [columns.landed_at.is_(None)]
    if around:
        landed.append(columns.landed_at.between(min(around) - _LANDED_WITHIN, max(around) + _LANDED_WITHIN))
    query = select(columns.received_at, columns.deliveries, columns.landed_at, columns.landed_run_id)
    of_order = (columns.channel == source, columns.order_number == number, or_(*landed))
    return _rows(connection, query.where(*of_order).order_by(columns.received_at))


def waiting_webhooks(connection: Connection | None, number: str) -> list[Facts]:
    """Events of an order that were received and that no run has landed yet."""
    if connection is None:
        return []
    columns = webhook_inbox.c
    query = select(columns.channel, columns.received_at, columns.deliveries)
    of_order = (columns.channel.in_(registry.NAMES), columns.landed_at.is_(None), columns.order_number == number)
    return _rows(connection, query.where(*of_order).order_by(columns.received_at))


def _chosen(table: Table, names: Sequence[str]) -> Select[Any]:
    return select(*(table.c[name] for name in names))


def _rows(connection: Connection, query: Executable) -> list[Facts]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _without_persons_words(row: Facts, are_a_persons: bool) -> Facts:  # noqa: FBT001 - one question, one answer
    """What a person wrote as a reason stays behind, and so does the name."""
    if not are_a_persons:
        return row
    return row | {"detail": None} | ({"actor": Actor.PERSON.value} if "actor" in row else {})


def _who(name: str | None) -> str | None:
    return name if name is None or name in _PROGRAMS else Actor.PERSON.value
