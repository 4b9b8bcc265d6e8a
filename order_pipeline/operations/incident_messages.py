"""The messages about incidents that wait to be sent: claimed by one process, sent, and marked.

A claim ends by itself, so a process that died while it was sending leaves the message to the next one. A message that
could not be sent is tried again at the next look, first of all; one that failed often goes behind the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, func, or_, select, update

from order_pipeline.operations.incidents import Event, incident_messages, incidents
from order_pipeline.operations.store import OperationsStore

CLAIM = timedelta(minutes=5)
"""Longer than any messenger takes for a message; see `alerts.messengers`."""
PATIENCE = 5
"""After so many attempts it may be the message, not the messenger: the others need not wait for it."""
_columns = incident_messages.c


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that this process has claimed."""

    message_id: int
    event: Event
    incident: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at one messenger."""

    messenger: str
    waiting: int
    oldest: datetime
    last_error: str


def claim_next(store: OperationsStore, messenger: str, *, not_again: list[int]) -> WaitingMessage | None:
    """Claim one waiting message of the messenger; None when there is none, or other processes have them all.

    Args:
        store: the operations store.
        messenger: whose messages.
        not_again: ids that this look has tried already.
    """
    with store.writing() as connection:
        now = store.now(connection)
        wanted = (*_is_free(now), _columns.messenger == messenger, _columns.message_id.not_in(not_again))
        first = (
            select(_columns.message_id)
            .where(*wanted)
            .order_by(_columns.attempts >= PATIENCE, _columns.message_id)
            .limit(1)
        )
        found = connection.execute(first).scalar()
        if found is None:
            return None
        claim = update(incident_messages).where(_columns.message_id == found, *_is_free(now))
        if connection.execute(claim.values(claimed_until=now + CLAIM)).rowcount != 1:
            return None
        query = select(incident_messages.c.event, incident_messages.c.created_at, incidents)
        joined = query.join(incidents, incidents.c.incident_id == _columns.incident_id)
        row = dict(connection.execute(joined.where(_columns.message_id == found)).mappings().one())
    event, created_at = cast("Event", row.pop("event")), row.pop("created_at")
    return WaitingMessage(found, event, row, created_at)


def _is_free(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _columns.sent_at.is_(None), or_(_columns.claimed_until.is_(None), _columns.claimed_until <= now)


def mark_sent(store: OperationsStore, message_id: int) -> None:
    """Say that the message went out."""
    with store.writing() as connection:
        sent = update(incident_messages).where(_columns.message_id == message_id)
        values = {"sent_at": store.now(connection), "claimed_until": None, "last_error": None}
        connection.execute(sent.values(**values, attempts=_columns.attempts + 1))


def mark_failed(store: OperationsStore, message_id: int, error: str) -> None:
    """Give the message back; `error` is redacted."""
    with store.writing() as connection:
        failed = update(incident_messages).where(_columns.message_id == message_id)
        connection.execute(failed.values(claimed_until=None, last_error=error, attempts=_columns.attempts + 1))


def backlogs(store: OperationsStore) -> list[Backlog]:
    """What could not be sent so far, by messenger."""
    tried = (_columns.sent_at.is_(None), _columns.attempts > 0)
    query = (
        select(_columns.messenger, func.count(), func.min(_columns.created_at), func.max(_columns.last_error))
        .where(*tried)
        .group_by(_columns.messenger)
        .order_by(_columns.messenger)
    )
    with store.reading() as connection:
        return [
            Backlog(str(name), int(count), oldest, str(error))
            for name, count, oldest, error in connection.execute(query)
        ]
