"""Finds the lines that planning can still do something with, without reading those that are settled.

Settled is a line whose goods left, that left the list of picks unsent, or that a person took off the floor
(`operations.tables.IS_SETTLED`). It is read while its last change is young, when the list of picks names it again, or
when the quarantine holds its order back. So no known pick id is ever taken for a new line, whatever its age
(docs/decisions/0061-planning-reads-what-can-still-change.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from sqlalchemy import Column, Connection, select, text

from order_pipeline.operations.tables import IS_SETTLED, pick_outbox
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine, read_lines

KEYS_OF_A_QUERY = 500
"""Both databases allow 32,766 parameters and more; a longer query saves nothing."""


def load_open_lines(connection: Connection, changed_since: datetime) -> dict[str, OutboxLine]:
    """By pick id: every line that is not settled, and those settled whose last change is not older than that."""
    found = read_lines(connection, select(pick_outbox).where(text(f"{IS_SETTLED} = 0")))
    found += read_lines(connection, select(pick_outbox).where(pick_outbox.c.updated_at >= changed_since))
    return {line.pick_id: line for line in found}


def load_lines_of(connection: Connection, pick_ids: Iterable[str]) -> dict[str, OutboxLine]:
    """The lines that have these pick ids, whatever their state and age."""
    return {line.pick_id: line for line in _lines_where(connection, pick_outbox.c.pick_id, pick_ids)}


def load_for_planning(
    connection: Connection, pick_ids: Collection[str], order_ids: Collection[str], changed_since: datetime
) -> list[OutboxLine]:
    """All lines that a planning can do something with, in sending order.

    Args:
        connection: in the transaction that stores the plan.
        pick_ids: those of the list of picks.
        order_ids: the orders of which the quarantine holds something back: their unsent lines are held for that.
        changed_since: settled lines that changed since then are followed.
    """
    known = load_open_lines(connection, changed_since)
    known |= load_lines_of(connection, pick_ids - known.keys())
    of_orders = _lines_where(connection, pick_outbox.c.order_id, order_ids)
    known |= {line.pick_id: line for line in of_orders if line.state is PickState.HELD}
    return sorted(known.values(), key=lambda line: (line.wave, line.position, line.pick_id))


def _lines_where(connection: Connection, column: Column[str], keys: Iterable[str]) -> Iterator[OutboxLine]:
    for batch in in_batches(keys):
        yield from read_lines(connection, select(pick_outbox).where(column.in_(batch)))


def in_batches(keys: Iterable[str]) -> Iterator[list[str]]:
    """The distinct keys in order, as many at a time as one query asks for."""
    wanted = sorted(set(keys))
    return (wanted[start : start + KEYS_OF_A_QUERY] for start in range(0, len(wanted), KEYS_OF_A_QUERY))
