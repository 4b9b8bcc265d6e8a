"""The tables of picking and of the leases. The inbox declares its own table on the same `metadata`.

Personal data: `pick_outbox.payload` and `seen_payload` hold what is sent to the floor (customer name, perhaps the
address). No other column may: replies and reasons are redacted before they are stored.

The table of a store that is there does not change with its declaration: a new column needs a migration too (see
CONTRIBUTING.md).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from order_pipeline.floors import MAIN

metadata = MetaData()

VERSION_TABLE = "operations_version"
"""One row, the store's version. Not Alembic's own name: Dagster's tables may lie in the same PostgreSQL database."""

HIDDEN_FROM_SQL = {"webhook_inbox": ("body",)}
"""Table -> columns that `ops` does not show: they hold one-time codes (docs/apis/skroutz.md section 12)."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC (PostgreSQL TIMESTAMPTZ; SQLite text), read back aware. A naive time is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite keeps no zone, so UTC is what its text means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without zone must not be stored: {value!r}. Use an aware time.")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite dropped."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _big_key(name: str) -> Column[int]:
    """A growing integer key: SQLite grows only plain INTEGER keys, PostgreSQL needs BIGINT to last."""
    return Column(name, BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


pick_outbox = Table(
    "pick_outbox",
    metadata,
    Column("pick_id", Text, primary_key=True, comment="source:account:order:line[:shipment]: the identity"),
    Column("source", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("order_number", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("shipment_id", Text),
    Column("floor", Text, nullable=False, server_default=MAIN, comment="whose account got it, or will get it"),
    Column("seen_floor", Text, comment="where the order wants it picked now, where it was sent to another floor"),
    Column("state", Text, nullable=False, comment="a value of picking.outbox.states.PickState"),
    Column("reason", Text, comment="why it is held, rejected or in doubt: a short code"),
    Column("detail", Text, comment="the same for a person, redacted"),
    Column("wave", BigInteger, nullable=False, comment="the planning that put it in the queue; waves go out in order"),
    Column("position", Integer, nullable=False, comment="place within the wave"),
    Column("payload", Text, nullable=False, comment="JSON: to be sent, or what was sent once an attempt began"),
    Column("payload_sha256", Text, nullable=False),
    Column("seen_payload", Text, comment="JSON: what the order says now, where it differs from what was sent"),
    Column("seen_sha256", Text),
    Column("attempt", Integer, nullable=False, default=0, comment="how many POSTs were begun"),
    Column("run_id", Text, nullable=False),
    Column("snapshot_id", BigInteger, comment="lake snapshot the plan was made from: AT (VERSION => n)"),
    Column("fence", BigInteger, comment="the lease under which the last attempt was begun"),
    Column("http_status", Integer),
    Column("reply", Text, comment="redacted"),
    Column("fulfilment_id", Text, comment="what neworders answered"),
    Column("pushed_status", Text, comment="last status that updateorder accepted"),
    Column("upstream_status", Text, comment="the order's or line's status at its channel, as last planned"),
    Column("planned_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    Index("pick_outbox_by_state", "state", "wave", "position"),
    Index("pick_outbox_by_order", "source", "account", "order_id"),
    Index("pick_outbox_by_order_number", "order_number"),
)

pick_events = Table(
    "pick_events",
    metadata,
    _big_key("event_id"),
    Column("pick_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("from_state", Text, comment="empty for the first event of a pick"),
    Column("to_state", Text, nullable=False, comment="equal to from_state for a note"),
    Column("reason", Text),
    Column("detail", Text, comment="redacted"),
    Column("actor", Text, nullable=False, comment="`planner`, `emitter`, `recovery`, or the person who resolved"),
    Column("run_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("http_status", Integer),
    Column("reply", Text, comment="redacted"),
    Column("snapshot_id", BigInteger),
    Column("payload_sha256", Text, nullable=False),
    Column("fence", BigInteger),
    Index("pick_events_by_pick", "pick_id", "event_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False, comment="host, process and run, for the one who has to wait"),
    Column("fence", BigInteger, nullable=False, comment="grows with every change of holder"),
    Column("acquired_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

lease_processes = Table(
    "lease_processes",
    metadata,
    Column("name", Text, primary_key=True, comment="the lease"),
    Column("fence", BigInteger, nullable=False, comment="the row speaks of this holder, and of no later one"),
    Column("machine", Text, nullable=False, comment="see operations.processes.ProcessMark"),
    Column("process_id", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
)

pick_tasks = Table(
    "pick_tasks",
    metadata,
    _big_key("task_id"),
    Column("kind", Text, nullable=False, comment="a value of picking.outbox.tasks.TaskKind"),
    Column("subject", Text, nullable=False, comment="pick_id, or source:account:order for a whole order"),
    Column("source", Text, nullable=False),
    Column("order_number", Text, nullable=False),
    Column("floor", Text, comment="on whose screen the pick is; empty where the task is about an order"),
    Column("what_to_do", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, unique=True, comment="the same finding opens one task, once"),
    Column("run_id", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("closed_by", Text),
    Column("closing_reason", Text),
    Index("pick_tasks_open", "closed_at", "opened_at"),
)

pick_status = Table(
    "pick_status",
    metadata,
    Column("pick_id", Text, primary_key=True),
    Column("scanorders_order_id", Text, nullable=False, comment="the id that was asked for"),
    Column("status_code", Text, comment="as read: a number whose meaning the vendor has not published"),
    Column("barcode", Text),
    Column("quantity", Text, comment="as read"),
    Column("order_date_raw", Text, comment="day and month order unknown: never parsed"),
    Column("matches", Boolean, nullable=False, comment="barcode and quantity read are those that were sent"),
    Column("read_at", UtcTime, nullable=False),
    Column("first_read_at", UtcTime, nullable=False),
    Column("run_id", Text, nullable=False),
)
