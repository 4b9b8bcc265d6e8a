"""The outbox: reading pick lines' current state and storing transitions, each with its event, in one transaction.

Belongs here: every statement that writes `pick_outbox` or `pick_events`. Does not belong here:
deciding on a transition. Writers pass the connection of a transaction that they opened, so that several transitions,
and the proof of the lease, become durable together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Update, bindparam, func, insert, select, update

from order_pipeline.operations.tables import pick_events, pick_outbox
from order_pipeline.picking.outbox.states import Actor, PickState, check_transition


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
    def order_key(self) -> tuple[str, str, str]:
        """The order the line belongs to: source, account, order id."""
        return self.source, self.account, self.order_id


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one line. Reason and detail replace what stood there; `changes` are further columns to set."""

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


def load_lines(connection: Connection, *, states: Iterable[PickState] | None = None) -> list[OutboxLine]:
    """All lines, or those in the given states, in sending order (wave, position)."""
    query = select(pick_outbox).order_by(pick_outbox.c.wave, pick_outbox.c.position)
    if states is not None:
        query = query.where(pick_outbox.c.state.in_([state.value for state in states]))
    return [_line(row) for row in connection.execute(query)]


def load_line(connection: Connection, pick_id: str) -> OutboxLine | None:
    """One line, or None."""
    row = connection.execute(select(pick_outbox).where(pick_outbox.c.pick_id == pick_id)).first()
    return None if row is None else _line(row)


def load_order(connection: Connection, order_key: tuple[str, str, str]) -> list[OutboxLine]:
    """All lines of one order (source, account, order id)."""
    source, account, order_id = order_key
    query = select(pick_outbox).where(
        pick_outbox.c.source == source, pick_outbox.c.account == account, pick_outbox.c.order_id == order_id
    )
    return [_line(row) for row in connection.execute(query)]


def next_wave(connection: Connection) -> int:
    """The number of the wave that a planning of now would make."""
    return int(connection.execute(select(func.coalesce(func.max(pick_outbox.c.wave), 0))).scalar_one()) + 1


def add_lines(connection: Connection, rows: Sequence[dict[str, Any]], context: Context) -> None:
    """Store new lines (`planned` or `held`) with their first event; a known identity is an error, not a second line."""
    if not rows:
        return
    for row in rows:
        check_transition(None, PickState(row["state"]), context.actor)
    connection.execute(
        insert(pick_outbox),
        [
            {
                **row,
                "attempt": 0,
                "run_id": context.run_id,
                "snapshot_id": context.snapshot_id,
                "planned_at": context.at,
                "updated_at": context.at,
            }
            for row in rows
        ],
    )
    connection.execute(
        insert(pick_events),
        [
            _event(
                context,
                pick_id=row["pick_id"],
                from_state=None,
                to_state=row["state"],
                reason=row["reason"],
                detail=row["detail"],
                attempt=0,
                payload_sha256=row["payload_sha256"],
            )
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
    for step in transitions:
        check_transition(step.before, step.after, context.actor)
        values = {
            "state": step.after.value,
            "reason": step.reason,
            "detail": step.detail,
            "attempt": step.attempt,
            "payload_sha256": step.payload_sha256,
            "run_id": context.run_id,
            "updated_at": context.at,
            **_present(http_status=step.http_status, reply=step.reply, snapshot_id=context.snapshot_id),
            **step.changes,
        }
        groups.setdefault(tuple(values), []).append(
            {"key_pick_id": step.pick_id, "key_state": step.before.value, **values}
        )
    for columns, parameters in groups.items():
        _update_guarded(connection, columns, parameters)
    if transitions:
        connection.execute(insert(pick_events), [_event_of(step, context) for step in transitions])


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def observe(connection: Connection, observations: Sequence[Observation], context: Context) -> None:
    """Set columns of lines without moving them: no transition, so no event; their state stays as it is."""
    for seen in observations:
        connection.execute(
            update(pick_outbox)
            .where(pick_outbox.c.pick_id == seen.pick_id)
            .values(**seen.changes, updated_at=context.at)
        )


@cache
def _guarded_update(columns: tuple[str, ...]) -> Update:
    """Built once per set of columns: it runs with every turn of the emitter."""
    return (
        update(pick_outbox)
        .where(pick_outbox.c.pick_id == bindparam("key_pick_id"), pick_outbox.c.state == bindparam("key_state"))
        .values({column: bindparam(column) for column in columns})
    )


def _update_guarded(connection: Connection, columns: tuple[str, ...], parameters: list[dict[str, Any]]) -> None:
    moved = connection.execute(_guarded_update(columns), parameters).rowcount
    if moved != len(parameters):
        message = (
            f"{len(parameters) - moved} of {len(parameters)} pick lines were moved by someone else meanwhile "
            f"(first of them all: {parameters[0]['key_pick_id']}). Nothing was stored; run again."
        )
        raise OutboxConflictError(message)


def _event_of(step: Transition, context: Context) -> dict[str, Any]:
    return _event(
        context,
        pick_id=step.pick_id,
        from_state=step.before.value,
        to_state=step.after.value,
        reason=step.reason,
        detail=step.detail,
        attempt=step.attempt,
        payload_sha256=step.payload_sha256,
        http_status=step.http_status,
        reply=step.reply,
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


def add_note(
    connection: Connection, line: OutboxLine, context: Context, *, reason: str, detail: str, **values: Any
) -> None:
    """Record an event that leaves the state as it is (a late answer, a pushed status)."""
    connection.execute(
        insert(pick_events),
        [
            _event(
                context,
                pick_id=line.pick_id,
                from_state=line.state.value,
                to_state=line.state.value,
                reason=reason,
                detail=detail,
                attempt=line.attempt,
                payload_sha256=line.payload_sha256,
                **values,
            )
        ],
    )
