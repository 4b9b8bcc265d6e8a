"""The webhook inbox: events kept durably before anybody reads them.

The same bytes for the same channel are one row, however often they are delivered. A row is `pending` until a run has
committed it to the lake and said so (`mark_landed`). A run that is killed in between finds the row again, and the lake,
append-only by content, takes it once. There is no cursor to lose, and none that an event committed late could slip
behind. Bodies hold personal data and one-time passwords, so `prune` deletes landed rows after a few days.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    event,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from order_pipeline.operations.leases import lease_state
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import PERSONAL, UtcTime, growing_key, metadata

webhook_inbox = Table(
    "webhook_inbox",
    metadata,
    growing_key("event_id"),
    Column("channel", Text, nullable=False, comment="whose webhook it is"),
    Column("content_sha256", Text, nullable=False, comment="hash of the body"),
    Column("body", LargeBinary, nullable=False, info=PERSONAL, comment="exactly as received"),
    Column("parsable", Boolean, nullable=False, comment="false: not JSON; answered 400, lands as a dead letter"),
    Column("order_number", Text, comment="as far as the receiver could tell"),
    Column("order_day", Date, comment="UTC day of the order's own time, as far as the receiver could tell"),
    Column("source_address", Text, nullable=False, comment="network address that it came from"),
    Column("received_at", UtcTime, nullable=False, comment="first delivery"),
    Column("last_received_at", UtcTime, nullable=False, comment="last delivery"),
    Column("deliveries", Integer, nullable=False, comment="how often these bytes came"),
    Column("landed_at", UtcTime, comment="when a run said that the lake has it"),
    Column("landed_run_id", Text, comment="that run"),
    UniqueConstraint("channel", "content_sha256"),
    comment="Webhooks, durable before they are understood, once a distinct content.",
)
Index("webhook_inbox_pending", webhook_inbox.c.channel, webhook_inbox.c.landed_at, webhook_inbox.c.event_id)

WATCHER_IS_LATE = timedelta(minutes=2)
"""A process that watches lands an event within seconds; one that waits longer is anybody's."""

PROBE_BYTES = 1_000_000
"""An order of some thousand lines. A disk with less room is full for the receiver, even if a small one would fit."""
_MARKED_AT_ONCE = 500  # below every database's limit of bound parameters


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One delivery: the bytes, and what the receiver knows beside them."""

    channel: str
    body: bytes
    parsable: bool
    order_number: str | None
    order_day: date | None
    source_address: str
    received_at: datetime
    content_sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "content_sha256", hashlib.sha256(self.body).hexdigest())


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """A stored event that waits for a run."""

    event_id: int
    body: bytes
    order_number: str | None
    order_day: date | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """What the inbox of one channel holds. `repeated` counts deliveries beyond the first of each event."""

    pending: int
    landed: int
    unparsable: int
    repeated: int


def store_events(store: OperationsStore, events: Sequence[ReceivedEvent]) -> None:
    """Make the events durable in one transaction; bytes that are there already are only counted.

    Raises:
        sqlalchemy.exc.DBAPIError: the store is locked, full or gone; nothing was stored.
    """
    if not events:
        return
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for received in events:
        row = rows.setdefault((received.channel, received.content_sha256), asdict(received) | {"deliveries": 0})
        row["deliveries"] += 1
        row["last_received_at"] = received.received_at
    insert = (sqlite if store.is_sqlite else postgresql).insert(webhook_inbox)
    statement = insert.on_conflict_do_update(
        index_elements=["channel", "content_sha256"],
        set_={
            "deliveries": webhook_inbox.c.deliveries + insert.excluded.deliveries,
            "last_received_at": insert.excluded.last_received_at,
        },
    )
    with store.writing() as connection:
        connection.execute(statement, list(rows.values()))


def pending_events(
    store: OperationsStore, channel: str, *, start: date, end: date, after_id: int = 0, limit: int = 500
) -> list[InboxEvent]:
    """The next events, in order of arrival, whose order day is in `[start, end)` or that have no order day."""
    table = webhook_inbox.c
    wanted = or_(table.order_day.is_(None), and_(table.order_day >= start, table.order_day < end))
    statement = (
        select(table.event_id, table.body, table.order_number, table.order_day, table.received_at)
        .where(_pending(channel), wanted, table.event_id > after_id)
        .order_by(table.event_id)
        .limit(limit)
    )
    with store.reading() as connection:
        return [InboxEvent(*row) for row in connection.execute(statement)]


def pending_days(store: OperationsStore, channel: str) -> dict[date | None, int]:
    """How many events wait, by order day (None: the receiver found no day): the partitions that a run must touch."""
    table = webhook_inbox.c
    statement = select(table.order_day, func.count()).where(_pending(channel)).group_by(table.order_day)
    with store.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def has_pending(store: OperationsStore, channel: str) -> bool:
    """Whether any event waits."""
    with store.reading() as connection:
        return (
            connection.execute(select(webhook_inbox.c.event_id).where(_pending(channel)).limit(1)).first() is not None
        )


def oldest_pending(store: OperationsStore, channel: str) -> datetime | None:
    """When the event that waits longest came; None: none waits."""
    with store.reading() as connection:
        return connection.execute(select(func.min(webhook_inbox.c.received_at)).where(_pending(channel))).scalar_one()


def watchers_lease(channel: str) -> str:
    """The name of the lease that a process holds while it lands each of the channel's events at once."""
    return f"inbox {channel}"


def is_watched(store: OperationsStore, channel: str, now: datetime) -> bool:
    """Whether such a process is at work: it lives, and no event waits for longer than it would take."""
    state = lease_state(store, watchers_lease(channel))
    if state is None or state.expires_at <= now:
        return False
    oldest = oldest_pending(store, channel)
    return oldest is None or now - oldest < WATCHER_IS_LATE


def newest_event_id(store: OperationsStore, channel: str) -> int:
    """The number of the last event that came; 0 when none came. A sensor's cursor for run keys."""
    table = webhook_inbox.c
    statement = select(func.max(table.event_id)).where(table.channel == channel)
    with store.reading() as connection:
        return connection.execute(statement).scalar_one() or 0


def mark_landed(store: OperationsStore, event_ids: Sequence[int], run_id: str) -> None:
    """Note that the lake has committed these events. Noting it twice changes nothing."""
    for start in range(0, len(event_ids), _MARKED_AT_ONCE):
        chunk = list(event_ids[start : start + _MARKED_AT_ONCE])
        with store.writing() as connection:
            connection.execute(
                update(webhook_inbox)
                .where(webhook_inbox.c.event_id.in_(chunk), webhook_inbox.c.landed_at.is_(None))
                .values(landed_at=store.now(connection), landed_run_id=run_id)
            )


def prune(store: OperationsStore, *, landed_before: datetime, unparsable_before: datetime) -> int:
    """Delete what landed before `landed_before`; returns how many rows. Pending events stay.

    Of those that could not be read, only the ones that were last delivered before `unparsable_before`.
    """
    table = webhook_inbox.c
    old = or_(
        and_(table.parsable, table.landed_at < landed_before),
        and_(not_(table.parsable), table.landed_at < landed_before, table.last_received_at < unparsable_before),
    )
    with store.writing() as connection:
        return connection.execute(delete(webhook_inbox).where(old)).rowcount


def counts(store: OperationsStore, channel: str) -> InboxCounts:
    """The inbox of a channel in four figures."""
    table = webhook_inbox.c
    waits = table.landed_at.is_(None)
    statement = select(
        func.count().filter(waits),
        func.count().filter(table.landed_at.is_not(None)),
        func.count().filter(not_(table.parsable)),
        func.coalesce(func.sum(table.deliveries - 1), 0),
    ).where(table.channel == channel)
    with store.reading() as connection:
        pending, landed, unparsable, repeated = connection.execute(statement).one()
    return InboxCounts(pending, landed, unparsable, int(repeated))


def probe(store: OperationsStore) -> None:
    """Write an event as large as many, see it reach the file, and take it back: proof that one could be stored now.

    SQLite keeps what a transaction writes in memory up to its cache's size. So the cache is made small meanwhile, and
    a disk without room is met here and not by the next webhook.

    Raises:
        sqlalchemy.exc.DBAPIError: locked, gone, full, or the table is missing.
    """
    event_of_nobody = dict.fromkeys(("channel", "source_address"), "") | {
        "content_sha256": "probe",
        "body": bytes(PROBE_BYTES),
        "parsable": False,
        "received_at": datetime.now(UTC),
        "last_received_at": datetime.now(UTC),
        "deliveries": 1,
    }
    with (
        store.engine.connect().execution_options(order_pipeline_writes=True) as connection,
        _small_cache(store, connection),
        connection.begin() as transaction,
    ):
        connection.execute(webhook_inbox.insert(), event_of_nobody)
        transaction.rollback()


@contextmanager
def _small_cache(store: OperationsStore, connection: Connection) -> Generator[None]:
    if not store.is_sqlite:
        yield
        return
    raw: sqlite3.Connection = connection.connection.dbapi_connection  # pyright: ignore[reportAssignmentType]
    ((before,),) = raw.execute("PRAGMA cache_size").fetchall()
    raw.execute("PRAGMA cache_size = 8")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA cache_size = {int(before)}")


def fail_fast(store: OperationsStore, seconds: float) -> None:
    """Let this store wait at most so long for another writer, because a webhook's sender does not wait long."""
    milliseconds = int(seconds * 1000)

    def shorten(connection: Any, _record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            return
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {milliseconds}")
        connection.commit()

    event.listen(store.engine, "connect", shorten)


def _pending(channel: str) -> ColumnElement[bool]:
    table = webhook_inbox.c
    return and_(table.channel == channel, table.landed_at.is_(None))
