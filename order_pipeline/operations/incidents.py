"""Incidents: what is wrong now, one row from its first sight to its end, and the messages that it causes.

Whoever looks hands in everything that is wrong at this moment (`reconcile`). What is new is opened, what is gone is
closed, and each of the two leaves one message a messenger in the same transaction. Sending is another matter
(`incident_messages`): a message stays until it was sent, so a messenger that is down loses nothing.

No personal data: every text passes the redaction before it comes here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, Text, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import UtcTime, growing_key, metadata

Event = Literal["opened", "closed", "reminder"]

incidents = Table(
    "incidents",
    metadata,
    growing_key("incident_id"),
    Column("key", Text, nullable=False, comment="kind and subject"),
    Column(
        "open_key", Text, unique=True, comment="the key while it is open; a partial index would stop DuckDB's reader"
    ),
    Column("kind", Text, nullable=False, comment="a value of alerts.incident.Kind"),
    Column("subject", Text, nullable=False, comment="what it is about: a job, a channel, an account"),
    Column("message", Text, nullable=False, comment="what happened, one sentence, as last seen; redacted"),
    Column("next_step", Text, nullable=False, comment="what to do"),
    Column("run_id", Text, comment="the Dagster run that tells most"),
    Column("partitions", Text, comment="days concerned: one, or first...last"),
    Column("since", UtcTime, nullable=False, comment="when it began, as far as that is known"),
    Column("opened_at", UtcTime, nullable=False, comment="when it was first seen"),
    Column("last_seen_at", UtcTime, nullable=False, comment="when it was last seen"),
    Column("closed_at", UtcTime, comment="when it was over; empty: it is open"),
    Column("closed_by", Text, comment="empty: it was over; else the person who dismissed it"),
    Column("reminded_at", UtcTime, comment="when people were last reminded"),
    comment="What is or was wrong, one row from its first sight to its end.",
)
Index("incidents_by_key", incidents.c.key)

incident_messages = Table(
    "incident_messages",
    metadata,
    growing_key("message_id"),
    Column("incident_id", BigInteger, nullable=False, comment="the incident"),
    Column("event", Text, nullable=False, comment="opened, closed or reminder"),
    Column("messenger", Text, nullable=False, comment="webhook, mail, command or log"),
    Column("created_at", UtcTime, nullable=False, comment="when it was written"),
    Column("claimed_until", UtcTime, comment="a process is sending it; after that time another one may"),
    Column("sent_at", UtcTime, comment="when it was sent; empty: it waits"),
    Column("attempts", Integer, nullable=False, default=0, comment="how often sending it was tried"),
    Column("last_error", Text, comment="redacted"),
    Index("incident_messages_waiting", "sent_at", "messenger"),
    comment="Messages about incidents, one row a messenger; a row without sent_at waits.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that is wrong now.

    Attributes:
        kind: what kind of thing; there is one section in docs/operating.md for each.
        subject: what it is about: a job, a source, an account.
        message: what happened, in one sentence. No personal data, no secret.
        next_step: what a person does, a command where there is one.
        since: when it began, as far as that is known; None: when it is first seen.
        run_id: the Dagster run that tells most.
        partitions: the days concerned, one or `first...last`.
    """

    kind: str
    subject: str
    message: str
    next_step: str
    since: datetime | None = None
    run_id: str | None = None
    partitions: str | None = None

    @property
    def key(self) -> str:
        """Its identity while it is open."""
        return f"{self.kind}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changed: the keys of the incidents that it opened, closed and reminded of."""

    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    reminded: tuple[str, ...] = ()


def reconcile(
    store: OperationsStore,
    found: Iterable[Incident],
    messengers: Sequence[str],
    *,
    unseen_kinds: Collection[str] = (),
    quiet: timedelta = timedelta(0),
    remind_after: timedelta | None = None,
) -> Changes:
    """Bring the open incidents in line with what is wrong now, and leave one message for every change.

    Args:
        store: the operations store.
        found: everything that is wrong now.
        messengers: by whom each message goes out.
        unseen_kinds: kinds that could not be looked for this time; their incidents stay as they are.
        quiet: an incident is over when it was not seen for so long.
        remind_after: a reminder so long after the last message; None: never.
    """
    now_wrong = {each.key: each for each in found}
    opened: list[str] = []
    closed: list[str] = []
    reminded: list[str] = []
    with store.writing() as connection:
        now = store.now(connection)
        is_open = {row["key"]: row for row in _open_rows(connection)}
        for key, incident in now_wrong.items():
            if key not in is_open:
                if not _is_dismissed(connection, incident) and _open(connection, incident, messengers, now):
                    opened.append(key)
                continue
            row = is_open[key]
            _renew(connection, row, incident, now)
            if remind_after is not None and now - (row["reminded_at"] or row["opened_at"]) >= remind_after:
                _remind(connection, row, messengers, now)
                reminded.append(key)
        for key, row in is_open.items():
            is_over = key not in now_wrong and row["kind"] not in unseen_kinds and now - row["last_seen_at"] >= quiet
            if is_over and _close(connection, row["incident_id"], messengers, now, by=""):
                closed.append(key)
    return Changes(tuple(opened), tuple(closed), tuple(reminded))


def open_incidents(store: OperationsStore) -> list[dict[str, Any]]:
    """The rows of the incidents that are open, oldest first."""
    with store.reading() as connection:
        return [dict(row) for row in _open_rows(connection)]


def latest_incidents(store: OperationsStore, limit: int) -> list[dict[str, Any]]:
    """Open and closed incidents, those opened last first."""
    query = select(incidents).order_by(incidents.c.incident_id.desc()).limit(limit)
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def dismiss(store: OperationsStore, incident_id: int, who: str, messengers: Sequence[str]) -> bool:
    """Close an open incident by a person's word: it stays closed for that run. False: no such incident is open."""
    with store.writing() as connection:
        return _close(connection, incident_id, messengers, store.now(connection), by=who)


def forget_closed(store: OperationsStore, keep: timedelta) -> int:
    """Delete incidents that were over for so long, and their messages; returns how many incidents those were."""
    with store.writing() as connection:
        old = select(incidents.c.incident_id).where(incidents.c.closed_at < store.now(connection) - keep)
        connection.execute(delete(incident_messages).where(incident_messages.c.incident_id.in_(old)))
        return connection.execute(delete(incidents).where(incidents.c.incident_id.in_(old))).rowcount


def _open_rows(connection: Connection) -> Sequence[Any]:
    query = select(incidents).where(incidents.c.open_key.is_not(None)).order_by(incidents.c.incident_id)
    return connection.execute(query).mappings().all()


def _is_dismissed(connection: Connection, incident: Incident) -> bool:
    """Whether a person closed the latest incident of this key, and nothing has happened since: the run is the same."""
    query = select(incidents).where(incidents.c.key == incident.key).order_by(incidents.c.incident_id.desc()).limit(1)
    latest = connection.execute(query).mappings().first()
    if latest is None or incident.run_id is None:
        return False
    return bool(latest["closed_by"]) and latest["run_id"] == incident.run_id


def _open(connection: Connection, incident: Incident, messengers: Sequence[str], now: datetime) -> bool:
    """Insert the row and its messages; False when another process did so at the same moment."""
    values = {
        **_told(incident),
        "key": incident.key,
        "open_key": incident.key,
        "kind": incident.kind,
        "subject": incident.subject,
        "since": incident.since or now,
        "opened_at": now,
    }
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(incidents).values(**values, last_seen_at=now).on_conflict_do_nothing()
    incident_id = connection.execute(statement.returning(incidents.c.incident_id)).scalar()
    if incident_id is None:
        return False
    _leave_messages(connection, incident_id, "opened", messengers, now)
    return True


def _renew(connection: Connection, row: Mapping[str, Any], incident: Incident, now: datetime) -> None:
    changes = {**_told(incident), "last_seen_at": now}
    connection.execute(update(incidents).where(incidents.c.incident_id == row["incident_id"]).values(**changes))


def _told(incident: Incident) -> dict[str, Any]:
    """What may change while it is open."""
    return {
        "message": incident.message,
        "next_step": incident.next_step,
        "run_id": incident.run_id,
        "partitions": incident.partitions,
    }


def _remind(connection: Connection, row: Mapping[str, Any], messengers: Sequence[str], now: datetime) -> None:
    reminded = update(incidents).where(
        incidents.c.incident_id == row["incident_id"],
        incidents.c.reminded_at.is_not_distinct_from(row["reminded_at"]),
    )
    if connection.execute(reminded.values(reminded_at=now)).rowcount == 1:
        _leave_messages(connection, row["incident_id"], "reminder", messengers, now)


def _close(connection: Connection, incident_id: int, messengers: Sequence[str], now: datetime, *, by: str) -> bool:
    statement = update(incidents).where(incidents.c.incident_id == incident_id, incidents.c.open_key.is_not(None))
    if connection.execute(statement.values(closed_at=now, closed_by=by, open_key=None)).rowcount != 1:
        return False
    _leave_messages(connection, incident_id, "closed", messengers, now)
    return True


def _leave_messages(
    connection: Connection, incident_id: int, event: Event, messengers: Sequence[str], now: datetime
) -> None:
    rows = [
        {"incident_id": incident_id, "event": event, "messenger": messenger, "created_at": now, "attempts": 0}
        for messenger in messengers
    ]
    if rows:
        connection.execute(insert(incident_messages), rows)
