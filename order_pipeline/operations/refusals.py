"""Webhooks that the receiver turned away, counted by day: nothing of them is kept, so the count is all that is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Column, Date, Integer, Table, Text, func, select
from sqlalchemy.dialects import postgresql, sqlite

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import UtcTime, metadata

webhook_refusals = Table(
    "webhook_refusals",
    metadata,
    Column("channel", Text, primary_key=True, comment="empty: the path named no channel with a webhook"),
    Column("reason", Text, primary_key=True, comment="a value of operations.refusals.Refusal"),
    Column("day", Date, primary_key=True, comment="UTC"),
    Column("refusals", Integer, nullable=False, comment="how many"),
    Column("last_at", UtcTime, nullable=False, comment="when the last one came"),
    comment="Webhooks that the receiver turned away, counted by day.",
)


class Refusal(StrEnum):
    """Why a webhook was turned away. All but the first four may be an event that is lost."""

    ADDRESS = "address not on the list"
    TOKEN = "wrong token"  # noqa: S105
    CHANNEL = "no channel with a webhook"
    PATH = "no such path"
    TOO_LARGE = "body too large"
    TOO_SLOW = "body too slow"
    CUT_OFF = "sender hung up"
    NOT_STORED = "not stored"


def add_refusals(store: OperationsStore, counted: Mapping[tuple[str, Refusal], int], at: datetime) -> None:
    """Add counts by (channel, reason) to the day's."""
    insert = (sqlite if store.is_sqlite else postgresql).insert(webhook_refusals)
    statement = insert.on_conflict_do_update(
        index_elements=["channel", "reason", "day"],
        set_={"refusals": webhook_refusals.c.refusals + insert.excluded.refusals, "last_at": insert.excluded.last_at},
    )
    rows = [
        {"channel": channel, "reason": reason.value, "day": at.date(), "refusals": count, "last_at": at}
        for (channel, reason), count in counted.items()
    ]
    if rows:
        with store.writing() as connection:
            connection.execute(statement, rows)


def refusals_since(store: OperationsStore, day: date) -> dict[tuple[str, Refusal], int]:
    """How many webhooks were turned away from this UTC day on, by (channel, reason)."""
    table = webhook_refusals.c
    statement = (
        select(table.channel, table.reason, func.sum(table.refusals))
        .where(table.day >= day)
        .group_by(table.channel, table.reason)
    )
    with store.reading() as connection:
        return {(row[0], Refusal(row[1])): int(row[2]) for row in connection.execute(statement)}
