"""Reads pick lines from the outbox and stores their transitions, each with an event.

Only this module, and `rebuild` after a loss, writes the state of `pick_outbox` and the rows of `pick_events`. A writer
passes the connection of a transaction that it opened, so that several transitions, and the proof of the lease, become
durable together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Select, Update, bindparam, func, insert, select, union_all, update

from order_pipeline.floors import MAIN
from order_pipeline.operations.tables import pick_events, pick_outbox
from order_pipeline.picking.outbox.states import Actor, PickState, check_transition

OrderKey: TypeAlias = tuple[str, str, str]
"""One order: source, account, order id."""


class OutboxConflictError(RuntimeError):
    """A line was not in the state that the transition starts from; the whole transaction must roll back."""


class OutboxLine(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of one pick line (a row of `pick_outbox`). A struct: an emission makes several a line."""

    pick_id: str
    source: str
    account: str
    order_id: str
    order_number: str
    line_id: str
    shipment_id: str | None
    floor: str = MAIN
    seen_floor: str | None = None
    state: PickState
    reason: str | None
    detail: str | None
    wave: int
    position: int
    payload: str
    payload_sha256: str
    seen_payload: str | None
    seen_sha256: str | None
    attempt: int
    run_id: str
    snapshot_id: int | None
    fence: int | None
    http_status: int | None
    reply: str | None
    fulfilment_id: str | None
    pushed_status: str | None
    upstream_status: str | None
    planned_at: datetime
    sent_at: datetime | None
    updated_at: datetime

    @property
    def order_key(self) -> OrderKey:
        """The order that the line belongs to."""
        return self.source, self.account, self.order_id


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A line changes its state. Reason and detail replace what stood there; `changes` are further columns to set."""

    pick_id: str
    before: PickState
    after: PickState
    attempt: int
    payload_sha256: str
    reason: str | None = None
    detail: str | None = None
    http_status: int | None = None
    reply: str | None = None
    changes: dict[str, Any] = {}  # a new one each: msgspec copies empty defaults


def transition(
    line: OutboxLine,
    after: PickState,
    reason: str | None = None,
    detail: str | None = None,
    *,
    before: PickState | None = None,
    payload_sha256: str | None = None,
    http_status: int | None = None,
    reply: str | None = None,
    **changes: Any,
) -> Transition:
    """A transition of a line from its own state, or from `before`; `changes` are further columns to set."""
    return Transition(
        pick_id=line.pick_id,
        before=before or line.state,
        after=after,
        attempt=line.attempt,
        payload_sha256=payload_sha256 or line.payload_sha256,
        reason=reason,
        detail=detail,
        http_status=http_status,
        reply=reply,
        changes=changes,
    )


@dataclass(frozen=True, slots=True)
class Observation:
    """What was noticed about a line without moving it: columns of `pick_outbox` to set."""

    pick_id: str
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who writes, when, in which run, under which lease, from which lake snapshot."""

    actor: Actor
    run_id: str
    at: datetime
    snapshot_id: int | None = None
    fence: int | None = None
    person: str | None = None


_COLUMNS = tuple(pick_outbox.c.keys())


def _line(row: Iterable[Any]) -> OutboxLine:
    """From a row of `select(pick_outbox)`."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["state"] = PickState(values["state"])
    return OutboxLine(**values)


def read_lines(connection: Connection, query: Select[Any]) -> list[OutboxLine]:
    """The lines that a query finds; it starts with `select(pick_outbox)`."""
    return [_line(row) for row in connection.execute(query)]


def load_lines(connection: Connection, *, states: Iterable[PickState] | None = None) -> list[OutboxLine]:
    """All lines, or those in the given states, in sending order (wave, position)."""
    query = select(pick_outbox).order_by(pick_outbox.c.wave, pick_outbox.c.position)
    if states is not None:
        query = query.where(pick_outbox.c.state.in_([state.value for state in states]))
    return read_lines(connection, query)


def load_line(connection: Connection, pick_id: str) -> OutboxLine | None:
    """One line, or None."""
    found = read_lines(connection, select(pick_outbox).where(pick_outbox.c.pick_id == pick_id))
    return found[0] if found else None


def load_order(connection: Connection, order_key: OrderKey) -> list[OutboxLine]:
    """All lines of one order."""
    columns = (pick_outbox.c.source, pick_outbox.c.account, pick_outbox.c.order_id)
    conditions = [column == value for column, value in zip(columns, order_key, strict=True)]
    return read_lines(connection, select(pick_outbox).where(*conditions))


def next_wave(connection: Connection) -> int:
    """The number of the wave that a planning of now would make."""
    last = func.max(pick_outbox.c.wave).label("wave")  # of each state: the index by state has it at its end
    of_states = union_all(*(select(last).where(pick_outbox.c.state == state.value) for state in PickState)).subquery()
    return int(connection.execute(select(func.coalesce(func.max(of_states.c.wave), 0))).scalar_one()) + 1


def add_lines(connection: Connection, rows: Sequence[dict[str, Any]], context: Context) -> None:
    """Store new lines (`planned` or `held`) with their first event; a known identity is an error, not a second line."""
    if not rows:
        return
    for row in rows:
        check_transition(None, PickState(row["state"]), context.actor)
    written: dict[str, Any] = {
        "attempt": 0,
        "run_id": context.run_id,
        "snapshot_id": context.snapshot_id,
        "planned_at": context.at,
        "updated_at": context.at,
    }
    connection.execute(insert(pick_outbox), [row | written for row in rows])
    shared = ("pick_id", "reason", "detail", "payload_sha256")
    connection.execute(
        insert(pick_events),
        [
            _event(context, from_state=None, to_state=row["state"], attempt=0, **{name: row[name] for name in shared})
            for row in rows
        ],
    )


def apply(connection: Connection, transitions: Sequence[Transition], context: Context) -> None:
    """Store transitions and their events; all or none with the caller's transaction.

    Raises:
        ForbiddenTransitionError: not in the table of `states`.
        OutboxConflictError: a line was not in the state its transition starts from (someone else moved it).
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in transitions:
        check_transition(each.before, each.after, context.actor)
        values = {
            "state": each.after.value,
            "reason": each.reason,
            "detail": each.detail,
            "attempt": each.attempt,
            "payload_sha256": each.payload_sha256,
            "run_id": context.run_id,
            "updated_at": context.at,
            **_present(http_status=each.http_status, reply=each.reply, snapshot_id=context.snapshot_id),
            **each.changes,
        }
        groups.setdefault(tuple(values), []).append(
            {"key_pick_id": each.pick_id, "key_state": each.before.value, **values}
        )
    for columns, parameters in groups.items():
        _update_guarded(connection, columns, parameters)
    _add_events(connection, transitions, context)


def add_note(connection: Connection, line: OutboxLine, context: Context, *, reason: str, detail: str) -> None:
    """Record an event that leaves the state as it is (a late answer, a pushed status)."""
    _add_events(connection, [transition(line, line.state, reason, detail)], context)


def observe(connection: Connection, observations: Sequence[Observation], context: Context) -> None:
    """Set columns of lines without moving them: no transition, so no event; their state stays as it is."""
    for seen in observations:
        connection.execute(
            update(pick_outbox)
            .where(pick_outbox.c.pick_id == seen.pick_id)
            .values(**seen.changes, updated_at=context.at)
        )


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@cache
def _guarded_update(columns: tuple[str, ...]) -> Update:
    """Built once per set of columns: it runs in every round of the emitter."""
    return (
        update(pick_outbox)
        .where(pick_outbox.c.pick_id == bindparam("key_pick_id"), pick_outbox.c.state == bindparam("key_state"))
        .values({column: bindparam(column) for column in columns})
    )


def _update_guarded(connection: Connection, columns: tuple[str, ...], parameters: list[dict[str, Any]]) -> None:
    moved = connection.execute(_guarded_update(columns), parameters).rowcount
    if moved != len(parameters):
        raise OutboxConflictError(
            f"{len(parameters) - moved} of {len(parameters)} pick lines were moved by someone else meanwhile "
            f"(first of them all: {parameters[0]['key_pick_id']}). Nothing was stored; run again."
        )


def _add_events(connection: Connection, transitions: Sequence[Transition], context: Context) -> None:
    if transitions:
        connection.execute(insert(pick_events), [_event_of(each, context) for each in transitions])


def _event_of(cause: Transition, context: Context) -> dict[str, Any]:
    return _event(
        context,
        pick_id=cause.pick_id,
        from_state=cause.before.value,
        to_state=cause.after.value,
        reason=cause.reason,
        detail=cause.detail,
        attempt=cause.attempt,
        payload_sha256=cause.payload_sha256,
        http_status=cause.http_status,
        reply=cause.reply,
    )


def _event(context: Context, **values: Any) -> dict[str, Any]:
    return {
        "http_status": None,
        "reply": None,
        **values,
        "at": context.at,
        "actor": context.person or context.actor.value,
        "run_id": context.run_id,
        "snapshot_id": context.snapshot_id,
        "fence": context.fence,
    }
