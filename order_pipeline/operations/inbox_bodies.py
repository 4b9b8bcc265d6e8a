"""What leaves the inbox's bodies: one-time codes once an event has landed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select, update

from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.store import OperationsStore

_AT_ONCE = 500  # below every database's limit of bound parameters


def clean_bodies(store: OperationsStore, event_ids: Sequence[int], cleaned: Callable[[bytes], bytes]) -> int:
    """Replace the bodies by what `cleaned` makes of them; returns how many changed.

    Called when the lake has the events and before they are marked as landed. Killed in between, they land once more,
    and what the lake stores of them is the same.
    """
    table, changed = webhook_inbox.c, 0
    for start in range(0, len(event_ids), _AT_ONCE):
        of_these = table.event_id.in_(list(event_ids[start : start + _AT_ONCE]))
        with store.reading() as connection:
            bodies = connection.execute(select(table.event_id, table.body).where(of_these)).all()
        dirty = {event_id: clean for event_id, body in bodies if (clean := cleaned(body)) != body}
        if dirty:
            changed += len(dirty)
            with store.writing() as connection:
                for event_id, clean in dirty.items():
                    connection.execute(update(webhook_inbox).where(table.event_id == event_id).values(body=clean))
    return changed
