"""All that waits for a person: holds by reason and age, doubts and refusals, tasks, rows in quarantine.

Nothing personal: ids, states, reasons and times, as `order-pipeline outbox list|tasks` and `quarantine list` show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select

from order_pipeline.operations.store import system_clock
from order_pipeline.operations.tables import pick_events, pick_outbox, pick_tasks
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.planning.after_send import LEFT_THE_LIST
from order_pipeline.settings import Settings
from order_pipeline.story.outbox_facts import reading_operations
from order_pipeline.story.rows import Facts, read_rows
from order_pipeline.warehouse.lake.connection import Lake, LakeError

MOST_SHOWN = 50
"""Of more entries of a kind only the oldest are shown, and how many there are."""
_MOST_HELD = 20_000
_OF_A_HOLD = 5
_REJECTS = f"""
SELECT source, table_name, key, rule, field, order_id, first_seen_at, count(*) OVER () AS of_all
FROM quarantine.rejects WHERE resolved_at IS NULL
ORDER BY first_seen_at, source, table_name, key LIMIT {MOST_SHOWN}
"""
_NOTHING = {"holds": 0, "doubts": 0, "tasks": 0, "rejects": 0}
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(slots=True)
class Hold:
    """The lines held for one reason: how many by age, the oldest of their orders, and what one of them says."""

    reason: str
    detail: str
    since: datetime
    today: int = 0
    this_week: int = 0
    older: int = 0
    orders: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits; lists are the oldest first, and `counts` says how many there are of each kind."""

    holds: list[Hold]
    doubts: list[Facts]
    tasks: list[Facts]
    rejects: list[Facts]
    counts: dict[str, int]


def read_waiting(settings: Settings, now: datetime | None = None) -> Waiting:
    """All that waits for a person now.

    Raises:
        StoreBusyError: another process kept a store locked.
    """
    moment = now or system_clock()
    with reading_operations(settings) as operations:
        holds, doubts, tasks, counts = _of_operations(operations, moment) if operations else ([], [], [], {})
    rejects = _rejects(settings)
    counts = _NOTHING | counts | {"rejects": rejects[0]["of_all"] if rejects else 0}
    return Waiting(holds, doubts, tasks, rejects, counts)


def _rejects(settings: Settings) -> list[Facts]:
    try:
        connection = Lake(settings).connect(read_only=True)
    except LakeError:  # before the first run there is none
        return []
    with closing(connection):
        return read_rows(connection, _REJECTS)


def _of_operations(
    connection: Connection, now: datetime
) -> tuple[list[Hold], list[Facts], list[Facts], dict[str, int]]:
    columns = pick_outbox.c
    by_state = select(columns.state, func.count()).where(_waits(_STATES)).group_by(columns.state)
    lines = {str(state): int(count) for state, count in connection.execute(by_state)}
    still_open = pick_tasks.c.closed_at.is_(None)
    tasks = select(pick_tasks).where(still_open).order_by(pick_tasks.c.opened_at, pick_tasks.c.task_id)
    counts = {
        "holds": lines.get(PickState.HELD.value, 0),
        "doubts": sum(lines.get(state, 0) for state in _DOUBTFUL),
        "tasks": int(connection.execute(select(func.count()).where(still_open)).scalar_one()),
    }
    holds = _grouped(_since(connection, (PickState.HELD.value,), _MOST_HELD), now)
    found = [dict(row) for row in connection.execute(tasks.limit(MOST_SHOWN)).mappings()]
    return holds, _since(connection, _DOUBTFUL, MOST_SHOWN), found, counts


_DOUBTFUL = (PickState.IN_DOUBT.value, PickState.REJECTED.value)
_STATES = (PickState.HELD.value, *_DOUBTFUL)


def _waits(states: tuple[str, ...]) -> ColumnElement[bool]:
    """Lines in these states, but those that left the list unsent: they wait for nobody, and are more every day."""
    columns = pick_outbox.c
    return and_(columns.state.in_(states), func.coalesce(columns.reason, "") != LEFT_THE_LIST)


def _since(connection: Connection, states: tuple[str, ...], most: int) -> list[Facts]:
    """The lines in these states with the time at which they came into it, the oldest first."""
    lines, events = pick_outbox.c, pick_events.c
    came = func.coalesce(func.max(events.at), func.max(lines.updated_at)).label("since")
    told = (lines.pick_id, lines.order_number, lines.floor, lines.state, lines.reason, lines.detail)
    entered = (events.to_state == lines.state) & (func.coalesce(events.from_state, "") != lines.state)
    query = (
        select(*told, came)
        .outerjoin(pick_events, (events.pick_id == lines.pick_id) & entered)
        .where(_waits(states))
        .group_by(*told)
        .order_by(came, lines.pick_id)
        .limit(most)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _grouped(lines: Iterable[Facts], now: datetime) -> list[Hold]:
    """By reason, the reason that waits longest first."""
    holds: dict[str, Hold] = {}
    for line in lines:
        reason = line["reason"] or "no reason given"
        hold = holds.setdefault(reason, Hold(reason, line["detail"] or "", line["since"]))
        age = now - line["since"]
        if age < _DAY:
            hold.today += 1
        elif age < _WEEK:
            hold.this_week += 1
        else:
            hold.older += 1
        if len(hold.orders) < _OF_A_HOLD and line["order_number"] not in hold.orders:
            hold.orders.append(line["order_number"])
    return list(holds.values())
