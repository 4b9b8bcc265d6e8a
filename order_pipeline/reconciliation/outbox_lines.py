"""The lines of the outbox that a reconciliation compares: where each stands, and what the read-back saw of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox, pick_status

_IDS_OF_A_QUERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLine:
    """A line without its payload.

    Attributes:
        fulfilment_id: what ScanOrders called it; None: it never accepted it, or nobody knows.
        matches: whether the read-back found the line under that id; None: it has found nothing.
        first_read_at: when the read-back found something for the first time.
        read_at: when it found something for the last time.
    """

    pick_id: str
    source: str
    floor: str
    state: str
    reason: str | None
    updated_at: datetime
    sent_at: datetime | None = None
    fulfilment_id: str | None = None
    matches: bool | None = None
    first_read_at: datetime | None = None
    read_at: datetime | None = None


def read_lines_since(store: OperationsStore, since: datetime) -> dict[str, OutboxLine]:
    """The lines that moved since that time, by pick id; to be sent is to move."""
    return _read(store, pick_outbox.c.updated_at >= since)


def read_lines_of(store: OperationsStore, pick_ids: Collection[str]) -> dict[str, OutboxLine]:
    """The lines with these pick ids, as far as there are such."""
    found: dict[str, OutboxLine] = {}
    for ids in _batches(sorted(pick_ids)):
        found |= _read(store, pick_outbox.c.pick_id.in_(ids))
    return found


def _batches(pick_ids: list[str]) -> Iterable[list[str]]:
    return (pick_ids[start : start + _IDS_OF_A_QUERY] for start in range(0, len(pick_ids), _IDS_OF_A_QUERY))


def _read(store: OperationsStore, condition: ColumnElement[bool]) -> dict[str, OutboxLine]:
    own = ("pick_id", "source", "floor", "state", "reason", "updated_at", "sent_at", "fulfilment_id")
    seen = ("matches", "first_read_at", "read_at")
    query = (
        select(*(pick_outbox.c[name] for name in own), *(pick_status.c[name] for name in seen))
        .join(pick_status, pick_status.c.pick_id == pick_outbox.c.pick_id, isouter=True)
        .where(condition)
    )
    with store.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return {row["pick_id"]: OutboxLine(**row) for row in rows}
