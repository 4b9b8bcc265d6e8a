"""Tasks: what only a person can mend, each with what to do.

ScanOrders has no cancel and no change (docs/apis/scanorders.md section 1), so a person has to act when an order changes
after its lines were sent. No text holds personal data: order numbers, lines, quantities and bins only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from order_pipeline.floors import MAIN
from order_pipeline.operations.tables import pick_tasks
from order_pipeline.picking.outbox.payload import differences
from order_pipeline.picking.outbox.states import CONFIRMED, ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, WITHDRAWN, PickState
from order_pipeline.picking.outbox.store import OrderKey, OutboxLine


class TaskKind(StrEnum):
    """What a person has to look at."""

    CHANGED_AFTER_SEND = "changed_after_send"
    CANCELLED_AFTER_SEND = "cancelled_after_send"
    CHANGED_IN_DOUBT = "changed_in_doubt"
    PARTLY_SENT_ORDER = "partly_sent_order"
    REMADE_AFTER_SEND = "remade_after_send"


BY_PLANNING = "planner"
"""Who closes a task whose cause is gone. It is opened again when the cause comes back."""

OF_ORDERS_ON_THE_LIST = frozenset({TaskKind.PARTLY_SENT_ORDER, TaskKind.REMADE_AFTER_SEND})
"""Kinds that every planning finds again while their cause lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One finding. `subject` is a pick id or an order; equal `evidence` about the same subject opens only one task.

    `floor` is the one on whose screen the pick is, or may be; None for an order.
    """

    kind: TaskKind
    subject: str
    source: str
    order_number: str
    what_to_do: str
    detail: str
    evidence: str
    floor: str | None = None

    @property
    def fingerprint(self) -> str:
        """Identifies the finding, so that every run that sees it again opens nothing."""
        return hashlib.sha256(f"{self.kind}|{self.subject}|{self.evidence}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The cause of tasks about a subject is gone. `otherwise` is opened when a person had closed them already."""

    subject: str
    kinds: frozenset[TaskKind]
    reason: str
    otherwise: Task | None = None


def changed_after_send(line: OutboxLine, now: str, sha256: str, floor: str) -> Task:
    """The order says something else than what the floor got; `floor` is where it wants the pick now."""
    there = (line.seen_floor if line.reason == CONFIRMED else None) or line.floor
    changes = differences(line.payload, now)
    what = f"Correct the pick by hand on {_screen(line)}, or tell the picker; it is not sent a second time."
    if floor != there:
        changes.insert(0, f"floor: {there} -> {floor}")
        what = (
            f"Take the pick off the ScanOrders screen of the floor {there} and add it at the floor {floor}, both by "
            f"hand; it is not sent a second time. Then say so: order-pipeline outbox confirm {line.pick_id}."
        )
    evidence = f"{sha256}|{line.updated_at.isoformat()}"
    return _about(line, TaskKind.CHANGED_AFTER_SEND, what, "; ".join(changes), evidence=evidence)


def _screen(line: OutboxLine) -> str:
    return "the ScanOrders screen" + (f" of the floor {line.floor}" if line.floor != MAIN else "")


def taken_back(line: OutboxLine) -> Closing:
    """The order says again what was sent: the tasks about its change are done, or what a person did is to be undone."""
    why = "the order says again what was sent"
    what = f"If the pick was already corrected by hand on {_screen(line)}, put it back as it was sent."
    task = _about(line, TaskKind.CHANGED_AFTER_SEND, what, why, evidence=f"{why}|{line.updated_at.isoformat()}")
    kinds = frozenset({TaskKind.CHANGED_AFTER_SEND, TaskKind.CANCELLED_AFTER_SEND})
    return Closing(subject=line.pick_id, kinds=kinds, reason=f"taken back: {why}", otherwise=task)


def wanted_again(line: OutboxLine, floor: str) -> Task:
    """A person took the line off the floor, and its order asks for it, at `floor`."""
    screen = _screen(line) if floor == line.floor else f"the ScanOrders screen of the floor {floor}"
    what = (
        f"Add the pick by hand on {screen}, for it is not sent a second time; then say so: "
        f"order-pipeline outbox confirm {line.pick_id}."
    )
    detail = f"the order asks for a pick that was taken off: {line.detail or WITHDRAWN}"
    return _about(line, TaskKind.CHANGED_AFTER_SEND, what, detail, evidence=detail)


def cancelled_after_send(line: OutboxLine, why: str) -> Task:
    """The line is on the floor and should not be picked any more, as far as its order says."""
    what = (
        f"Look at the order at its channel. If it is not to be picked, take the pick off {_screen(line)} by hand, "
        "put the goods back to their bin, and say so: order-pipeline outbox withdraw. If the pick is right all the "
        "same: order-pipeline outbox confirm."
    )
    return _about(line, TaskKind.CANCELLED_AFTER_SEND, what, why, evidence=f"{why}|{line.updated_at.isoformat()}")


def changed_in_doubt(line: OutboxLine, detail: str) -> Task:
    """The order moved on while nobody knows whether the line is on the floor."""
    what = (
        f"Look for order {line.order_number} on {_screen(line)}, correct it there if it exists, "
        "and resolve the doubt (order-pipeline outbox resolve)."
    )
    return _about(line, TaskKind.CHANGED_IN_DOUBT, what, detail, evidence=detail)


def remade_after_send(line: OutboxLine, source: str, pick_id: str, order_number: str) -> Task:
    """Another pick for the same item and order waits, because `line` is, or may be, on the floor."""
    return Task(
        kind=TaskKind.REMADE_AFTER_SEND,
        subject=pick_id,
        source=source,
        order_number=order_number,
        what_to_do=(
            f"Take {line.pick_id} off {_screen(line)} and say so: order-pipeline outbox withdraw {line.pick_id}. "
            f"Then {pick_id} is sent. If both are to be picked: order-pipeline outbox confirm {line.pick_id}. "
            f"If the goods of the first serve the second: order-pipeline outbox resolve {pick_id} --sent."
        ),
        detail=f"{line.pick_id} of the same item is {line.state.value}",
        evidence=line.pick_id,
        floor=line.floor,
    )


def sent_payload_unknown(line: OutboxLine) -> Task:
    """The line is on the floor, its order may have changed since, and what was sent was lost with the outbox."""
    what = (
        f"Compare the pick on {_screen(line)} with its order. If it is right, say so: order-pipeline outbox "
        f"confirm {line.pick_id}. If not, correct it there first."
    )
    detail = "the operations store was lost, and the order does not give the same pick as the one that was sent"
    return _about(line, TaskKind.CHANGED_AFTER_SEND, what, detail, evidence=f"rebuilt|{line.payload_sha256}")


def _about(line: OutboxLine, kind: TaskKind, what: str, detail: str, *, evidence: str) -> Task:
    return Task(
        kind=kind,
        subject=line.pick_id,
        source=line.source,
        order_number=line.order_number,
        what_to_do=what,
        detail=detail,
        evidence=evidence,
        floor=line.floor,
    )


def partly_sent_order(
    order_key: OrderKey, order_number: str, lines: Iterable[tuple[str, PickState, str | None]]
) -> Task | None:
    """An order of which some lines are on the floor, or in doubt, while others cannot go; None for any other order.

    `lines` are line id, state and reason of every line of the order.
    """
    floor: list[str] = []
    doubtful: list[str] = []
    missing: list[str] = []
    for line_id, state, reason in lines:
        if state in ON_THE_FLOOR:
            floor.append(line_id)
        elif state in PERHAPS_ON_THE_FLOOR:
            doubtful.append(line_id)
        elif state in {PickState.HELD, PickState.REJECTED}:
            missing.append(f"{line_id} ({reason or state.value})")
    if not missing or not (floor or doubtful):
        return None
    evidence = f"not on the floor: {', '.join(sorted(missing))}"
    parts = [
        f"on the floor: {', '.join(sorted(floor)) or 'none'}",
        f"in doubt: {', '.join(sorted(doubtful)) or 'none'}",
        evidence,
    ]
    return Task(
        kind=TaskKind.PARTLY_SENT_ORDER,
        subject=":".join(order_key),
        source=order_key[0],
        order_number=order_number,
        what_to_do="Do not ship the order in part unnoticed: mend the missing lines' cause, or add them by hand.",
        detail="; ".join(parts),
        evidence=evidence,
    )


def open_tasks(connection: Connection, tasks: Sequence[Task], run_id: str, at: datetime) -> int:
    """Open what is not open and what no person closed; returns how many are new or open again."""
    unique = {task.fingerprint: task for task in tasks}
    of_them = pick_tasks.c.fingerprint.in_(unique)
    known = set(connection.execute(select(pick_tasks.c.fingerprint).where(of_them)).scalars())
    again = connection.execute(
        update(pick_tasks)
        .where(of_them, pick_tasks.c.closed_by == BY_PLANNING)
        .values(closed_at=None, closed_by=None, closing_reason=None, opened_at=at, run_id=run_id)
    ).rowcount
    copied = ("subject", "source", "order_number", "floor", "what_to_do", "detail", "fingerprint")
    rows: list[dict[str, Any]] = [
        {"kind": task.kind.value, "run_id": run_id, "opened_at": at, **{name: getattr(task, name) for name in copied}}
        for fingerprint, task in unique.items()
        if fingerprint not in known
    ]
    if rows:
        connection.execute(insert(pick_tasks), rows)
    return len(rows) + again


def close_where_over(connection: Connection, closings: Sequence[Closing], at: datetime) -> list[Task]:
    """Close the tasks whose cause is gone; returns the tasks to open where none was open any more."""
    left: list[Task] = []
    for closing in closings:
        closed = connection.execute(
            update(pick_tasks)
            .where(
                pick_tasks.c.subject == closing.subject,
                pick_tasks.c.kind.in_(closing.kinds),
                pick_tasks.c.closed_at.is_(None),
            )
            .values(closed_at=at, closed_by=BY_PLANNING, closing_reason=closing.reason)
        )
        if not closed.rowcount and closing.otherwise is not None:
            left.append(closing.otherwise)
    return left


def close_what_was_not_found(
    connection: Connection, found: Iterable[Task], covered: Collection[str] | None, at: datetime
) -> None:
    """Close the open tasks of `OF_ORDERS_ON_THE_LIST` that this planning did not find again.

    Args:
        connection: of a transaction that writes.
        found: the tasks that planning found.
        covered: the sources that planning spoke for; None: all.
        at: now.
    """
    query = (
        update(pick_tasks)
        .where(
            pick_tasks.c.kind.in_(OF_ORDERS_ON_THE_LIST),
            pick_tasks.c.closed_at.is_(None),
            pick_tasks.c.fingerprint.not_in([task.fingerprint for task in found if task.kind in OF_ORDERS_ON_THE_LIST]),
        )
        .values(closed_at=at, closed_by=BY_PLANNING, closing_reason="no longer so")
    )
    if covered is not None:
        query = query.where(pick_tasks.c.source.in_(covered))
    connection.execute(query)


def close_tasks_about(connection: Connection, subject: str, *, who: str, reason: str, at: datetime) -> None:
    """Close every open task about a pick."""
    connection.execute(
        update(pick_tasks)
        .where(pick_tasks.c.subject == subject, pick_tasks.c.closed_at.is_(None))
        .values(closed_at=at, closed_by=who, closing_reason=reason)
    )


def close_task(connection: Connection, task_id: int, *, who: str, reason: str, at: datetime) -> bool:
    """Close one open task; False when there is no such open task."""
    closed = connection.execute(
        update(pick_tasks)
        .where(pick_tasks.c.task_id == task_id, pick_tasks.c.closed_at.is_(None))
        .values(closed_at=at, closed_by=who, closing_reason=reason)
    )
    return closed.rowcount == 1
