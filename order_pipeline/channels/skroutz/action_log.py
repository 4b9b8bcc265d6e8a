"""What people did to orders, durable: one row an action, written before the request and completed by its answer.

A row that stays `sending` is an action whose process died: look at its order.
"""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, insert, update

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import UtcTime, growing_key, metadata

skroutz_actions = Table(
    "skroutz_actions",
    metadata,
    growing_key("action_id"),
    Column("account", Text, nullable=False, comment="shop at the channel"),
    Column("order_number", Text, nullable=False, comment="number at the channel"),
    Column("action", Text, nullable=False, comment="accept, reject, upload_invoice, give_tracking, set_as_ready"),
    Column("request", Text, nullable=False, comment="JSON: what was or would be sent; of a file its name, size, hash"),
    Column("asked_by", Text, nullable=False, comment="the person"),
    Column("asked_at", UtcTime, nullable=False, comment="when it was asked for"),
    Column(
        "outcome", Text, nullable=False, comment="dry_run, sending, done, already_done, refused, not_sent, in_doubt"
    ),
    Column("answer", Text, comment="what Skroutz said, redacted"),
    Column("finished_at", UtcTime, comment="when it was answered; empty: it is under way, or its process died"),
    comment="What people did to orders at the channel, one row an action.",
)


def open_action(store: OperationsStore, *, account: str, code: str, action: str, request: str, asked_by: str) -> int:
    """Write the intent, state `sending`; returns its number. Durable when this returns."""
    with store.writing() as connection:
        result = connection.execute(
            insert(skroutz_actions).values(
                account=account,
                order_number=code,
                action=action,
                request=request,
                asked_by=asked_by,
                asked_at=store.now(connection),
                outcome="sending",
            )
        )
        key = result.inserted_primary_key
        assert key is not None  # noqa: S101 - a single-row insert has its key
        return int(key[0])


def close_action(store: OperationsStore, action_id: int, outcome: str, answer: str) -> None:
    """Write what became of it."""
    with store.writing() as connection:
        connection.execute(
            update(skroutz_actions)
            .where(skroutz_actions.c.action_id == action_id)
            .values(outcome=outcome, answer=answer, finished_at=store.now(connection))
        )
