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
    text,
)

from order_pipeline.floors import MAIN

metadata = MetaData()

PERSONAL = {"personal": True}
"""`info` of a column whose values may be personal data: privacy and the dictionary read it."""

VERSION_TABLE = "operations_version"
"""One row, the store's version. Not Alembic's own name: Dagster's tables may lie in the same PostgreSQL database."""

HIDDEN_FROM_SQL = {"webhook_inbox": ("body",)}
"""Table -> columns that `ops` does not show: they hold one-time codes (docs/apis/skroutz.md section 12)."""


IS_SETTLED = """(CASE
    WHEN state IN ('sent', 'resolved_sent') AND upstream_status IN
        ('shipped', 'delivered', 'return_pending', 'returning', 'returned', 'partially_returned') THEN 1
    WHEN state = 'held' AND reason = 'no_longer_to_be_picked' THEN 1
    WHEN state = 'cancelled_after_send' AND reason = 'withdrawn' THEN 1
    ELSE 0
END)"""
"""Of a row of `pick_outbox`, 1: planning does nothing with it once it is old, unless it is listed again
(`picking.outbox.open_lines`). An index of the expression serves queries that have this very text. It has all rows:
DuckDB, which shows the store as `ops`, knows no partial index, and PostgreSQL misjudges one (docs/decisions/0061)."""


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


def growing_key(name: str) -> Column[int]:
    """A growing integer key: SQLite grows only plain INTEGER keys, PostgreSQL needs BIGINT to last."""
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column(name, kind, primary_key=True, autoincrement=True, comment="growing number: the identity")


pick_outbox = Table(
    "pick_outbox",
    metadata,
    Column("pick_id", Text, primary_key=True, comment="source:account:order:line[:shipment]: the identity"),
    Column("source", Text, nullable=False, comment="channel"),
    Column("account", Text, nullable=False, comment="shop, manufacturer or customer number at the channel"),
    Column("order_id", Text, nullable=False, comment="order in core"),
    Column("order_number", Text, nullable=False, comment="number at the source, as received"),
    Column("line_id", Text, nullable=False, comment="order line in core"),
    Column("shipment_id", Text, comment="shipment in core; empty where the channel picks by line"),
    Column("floor", Text, nullable=False, server_default=MAIN, comment="whose account got it, or will get it"),
    Column("seen_floor", Text, comment="where the order wants it picked now, where it was sent to another floor"),
    Column("state", Text, nullable=False, comment="a value of picking.outbox.states.PickState"),
    Column("reason", Text, comment="why it is held, rejected or in doubt: a short code"),
    Column("detail", Text, comment="the same for a person, redacted"),
    Column("wave", BigInteger, nullable=False, comment="the planning that put it in the queue; waves go out in order"),
    Column("position", Integer, nullable=False, comment="place within the wave"),
    Column(
        "payload",
        Text,
        nullable=False,
        info=PERSONAL,
        comment="JSON: to be sent, or what was sent once an attempt began",
    ),
    Column("payload_sha256", Text, nullable=False, comment="hash of the payload"),
    Column(
        "seen_payload",
        Text,
        info=PERSONAL,
        comment="JSON: what the order says now, where it differs from what was sent",
    ),
    Column("seen_sha256", Text, comment="hash of seen_payload"),
    Column("attempt", Integer, nullable=False, default=0, comment="how many POSTs were begun"),
    Column("run_id", Text, nullable=False, comment="run that last planned or sent it"),
    Column("snapshot_id", BigInteger, comment="lake snapshot the plan was made from: AT (VERSION => n)"),
    Column("fence", BigInteger, comment="the lease under which the last attempt was begun"),
    Column("http_status", Integer, comment="of the last answer"),
    Column("reply", Text, comment="redacted"),
    Column("fulfilment_id", Text, comment="what neworders answered"),
    Column("pushed_status", Text, comment="last status that updateorder accepted"),
    Column("upstream_status", Text, comment="the order's or line's status at its channel, as last planned"),
    Column("planned_at", UtcTime, nullable=False, comment="when it was first planned"),
    Column("sent_at", UtcTime, comment="when it was accepted; empty: not yet"),
    Column("updated_at", UtcTime, nullable=False, comment="when its state last changed"),
    Index("pick_outbox_by_state", "state", "wave", "position"),
    Index("pick_outbox_by_order", "source", "account", "order_id"),
    Index("pick_outbox_by_order_number", "order_number"),
    Index("pick_outbox_by_order_id", "order_id"),
    Index("pick_outbox_by_change", "updated_at"),
    Index("pick_outbox_by_sending", "floor", "sent_at"),
    Index("pick_outbox_by_settled", text(IS_SETTLED)),
    comment="Every pick line and its state; the durable note of what was sent.",
)

pick_events = Table(
    "pick_events",
    metadata,
    growing_key("event_id"),
    Column("pick_id", Text, nullable=False, comment="the pick line"),
    Column("at", UtcTime, nullable=False, comment="when"),
    Column("from_state", Text, comment="empty for the first event of a pick"),
    Column("to_state", Text, nullable=False, comment="equal to from_state for a note"),
    Column("reason", Text, comment="a short code"),
    Column("detail", Text, comment="redacted"),
    Column("actor", Text, nullable=False, comment="`planner`, `emitter`, `recovery`, or the person who resolved"),
    Column("run_id", Text, nullable=False, comment="run that did it"),
    Column("attempt", Integer, nullable=False, comment="how many POSTs were begun by then"),
    Column("http_status", Integer, comment="of the answer"),
    Column("reply", Text, comment="redacted"),
    Column("snapshot_id", BigInteger, comment="lake snapshot that the plan was made from"),
    Column("payload_sha256", Text, nullable=False, comment="hash of the payload at that time"),
    Column("fence", BigInteger, comment="the lease under which it happened"),
    Index("pick_events_by_pick", "pick_id", "event_id"),
    comment="What happened to each pick line, one row a change of state or a note.",
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True, comment="what it is the right to do"),
    Column("holder", Text, nullable=False, comment="host, process and run, for the one who has to wait"),
    Column("fence", BigInteger, nullable=False, comment="grows with every change of holder"),
    Column("acquired_at", UtcTime, nullable=False, comment="when the holder got it"),
    Column("expires_at", UtcTime, nullable=False, comment="when another one may have it, unless it is renewed"),
    comment="Who has the right to do something now, with an expiry.",
)

lease_processes = Table(
    "lease_processes",
    metadata,
    Column("name", Text, primary_key=True, comment="the lease"),
    Column("fence", BigInteger, nullable=False, comment="the row speaks of this holder, and of no later one"),
    Column("machine", Text, nullable=False, comment="see operations.processes.ProcessMark"),
    Column("process_id", BigInteger, nullable=False, comment="the operating system's number of it"),
    Column("started", BigInteger, nullable=False, comment="when it started, in clock ticks since boot"),
    comment="The process behind a lease, so that one that has died is told from one that waits.",
)

pick_tasks = Table(
    "pick_tasks",
    metadata,
    growing_key("task_id"),
    Column("kind", Text, nullable=False, comment="a value of picking.outbox.tasks.TaskKind"),
    Column("subject", Text, nullable=False, comment="pick_id, or source:account:order for a whole order"),
    Column("source", Text, nullable=False, comment="channel"),
    Column("order_number", Text, nullable=False, comment="number at the source, as received"),
    Column("floor", Text, comment="on whose screen the pick is; empty where the task is about an order"),
    Column("what_to_do", Text, nullable=False, comment="the instruction"),
    Column("detail", Text, nullable=False, comment="what was found"),
    Column("fingerprint", Text, nullable=False, unique=True, comment="the same finding opens one task, once"),
    Column("run_id", Text, nullable=False, comment="run that found it"),
    Column("opened_at", UtcTime, nullable=False, comment="when it was found"),
    Column("closed_at", UtcTime, comment="when a person closed it; empty: it is open"),
    Column("closed_by", Text, comment="who closed it"),
    Column("closing_reason", Text, comment="what that person wrote"),
    Index("pick_tasks_open", "closed_at", "opened_at"),
    comment="What only a person can mend, with what to do.",
)

pick_status = Table(
    "pick_status",
    metadata,
    Column("pick_id", Text, primary_key=True, comment="the pick line"),
    Column("scanorders_order_id", Text, nullable=False, comment="the id that was asked for"),
    Column("status_code", Text, comment="as read: a number whose meaning the vendor has not published"),
    Column("barcode", Text, comment="as read"),
    Column("quantity", Text, comment="as read"),
    Column("order_date_raw", Text, comment="day and month order unknown: never parsed"),
    Column("matches", Boolean, nullable=False, comment="barcode and quantity read are those that were sent"),
    Column("read_at", UtcTime, nullable=False, comment="the last reading"),
    Column("first_read_at", UtcTime, nullable=False, comment="the first reading"),
    Column("run_id", Text, nullable=False, comment="run that read it"),
    Index("pick_status_by_reading", "read_at"),
    comment="What ScanOrders showed of each pick line when it was last read back.",
)

pick_basis = Table(
    "pick_basis",
    metadata,
    Column("pick_id", Text, primary_key=True, comment="the pick line"),
    Column("read_at", UtcTime, nullable=False, comment="when the emission that sent it had read the list of picks"),
    Column("sku", Text, comment="item, in the channel's words"),
    Column("barcode", Text, comment="what the picker was to scan"),
    Column("quantity", Integer, nullable=False, comment="how many to pick"),
    Column("bin_location", Text, comment="where the item lay, as reference.item_locations said"),
    Column("further_bins", Text, comment="where else at that floor"),
    Column("warehouse", Text, comment="of the bin, as reference.item_locations said"),
    Column("location", Text, comment="where the shipment was to leave from, in the channel's words"),
    Column("ship_by_at", UtcTime, comment="when it had to leave"),
    Column("order_status", Text, comment="of the order in core"),
    Column("line_status", Text, comment="of the order line in core"),
    Column("shipment_status", Text, comment="of the shipment in core"),
    Column("rules", Text, comment="fingerprint of the SQL, seeds and settings that decided about the pick"),
    Column(
        "raw_versions",
        Text,
        nullable=False,
        comment="JSON: the raw versions that the order's rows were built from, each [record_id, content_sha256]",
    ),
    comment="What was known of each pick line when it was sent, for as long as the outbox has the line.",
)
