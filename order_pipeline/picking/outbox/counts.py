"""Outbox counts: how many lines are in which state, for reports, summaries and checks. Reads only."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from order_pipeline.operations.tables import pick_outbox, pick_tasks
from order_pipeline.picking.outbox.states import PickState


def count_by_state(connection: Connection) -> dict[PickState, int]:
    """How many lines are in each state. A state without lines is left out."""
    query = select(pick_outbox.c.state, func.count()).group_by(pick_outbox.c.state)
    return {PickState(state): int(count) for state, count in connection.execute(query)}


def held_by_reason(connection: Connection) -> dict[str, int]:
    """How many lines are held, by reason."""
    query = (
        select(func.coalesce(pick_outbox.c.reason, "unknown"), func.count())
        .where(pick_outbox.c.state == PickState.HELD.value)
        .group_by(pick_outbox.c.reason)
        .order_by(pick_outbox.c.reason)
    )
    return {str(reason): int(count) for reason, count in connection.execute(query)}


def open_task_count(connection: Connection) -> int:
    """How many tasks wait for a person."""
    query = select(func.count()).select_from(pick_tasks).where(pick_tasks.c.closed_at.is_(None))
    return int(connection.execute(query).scalar_one())
