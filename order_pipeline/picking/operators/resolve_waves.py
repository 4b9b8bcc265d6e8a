"""A person's word about many lines at once: what is on the floor of a wave that is in doubt, as after a restore."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, distinct, func, select

from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox
from order_pipeline.picking.operators.resolve import Verdict
from order_pipeline.picking.operators.views import UnknownPickError
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline.picking.outbox.states import Actor, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine, transition


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person saw on the ScanOrders screen: whole orders by number, or single lines by number and barcode."""

    orders: Collection[str] = frozenset()
    lines: Collection[tuple[str, str]] = frozenset()

    def has(self, line: OutboxLine) -> bool:
        """Whether the line was seen."""
        barcode = str(read_payload(line.payload).get("barcode", ""))
        return line.order_number in self.orders or (line.order_number, barcode) in self.lines


@dataclass(slots=True)
class Resolved:
    """How many lines of the wave are now called sent, and not sent; numbers of the list that the wave does not have."""

    sent: int = 0
    not_sent: int = 0
    not_of_the_wave: list[str] = field(default_factory=list[str])


def read_seen(lines: Iterable[str]) -> Seen:
    """Read a list: an order number a line, or order number and barcode with a comma between. Empty lines count nothing.

    Raises:
        ValueError: a line has more than two parts.
    """
    orders: set[str] = set()
    single: set[tuple[str, str]] = set()
    for number, row in enumerate(csv.reader(lines), start=1):
        cells = [cell.strip() for cell in row if cell.strip()]
        if len(cells) > 2:
            raise ValueError(
                f"Line {number} has {len(cells)} parts: give an order number, or order number and barcode."
            )
        if len(cells) == 2:
            single.add((cells[0], cells[1]))
        elif cells:
            orders.add(cells[0])
    return Seen(orders, single)


def list_waves(store: OperationsStore) -> list[dict[str, Any]]:
    """The waves that have lines in doubt, oldest first, with how many at each floor; a restore puts many into doubt."""
    columns = pick_outbox.c
    query = (
        select(
            columns.wave,
            columns.floor,
            func.count().label("lines"),
            func.count(distinct(columns.order_id)).label("orders"),
            func.min(columns.order_number).label("from_order"),
            func.max(columns.order_number).label("to_order"),
        )
        .where(columns.state == PickState.IN_DOUBT.value)
        .group_by(columns.wave, columns.floor)
        .order_by(columns.wave, columns.floor)
    )
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def resolve_wave(
    store: OperationsStore, wave: int, verdict: Verdict | Seen, *, reason: str, who: str, floor: str | None = None
) -> Resolved:
    """Resolve every line of the wave that is in doubt, at one floor: each has a screen of its own.

    Args:
        store: the operations store.
        wave: its number.
        verdict: of all lines; or what was seen: that is sent, and the rest of the wave is not.
        reason: what was seen, in words.
        who: who looked.
        floor: whose screen it was; None: the only one that the wave has doubts at.

    Raises:
        ValueError: reason, person or floor is missing.
        UnknownPickError: the wave has no such line.
    """
    if not reason.strip() or not who.strip():
        raise ValueError("A person's word needs a reason and the name of who looked; nothing was changed.")
    with store.writing() as connection:
        lines = _lines_of(connection, wave, floor)
        if not lines:
            where = f" at the floor {floor}" if floor else ""
            raise UnknownPickError(f"Wave {wave} has no line in doubt{where}; nothing was changed.")
        if len(floors := sorted({line.floor for line in lines})) > 1:
            raise ValueError(f"Wave {wave} has doubts at {', '.join(floors)}: say whose screen; nothing was changed.")
        now = store.now(connection)
        sent = [line for line in lines if (verdict.has(line) if isinstance(verdict, Seen) else verdict == "sent")]
        is_sent = {line.pick_id for line in sent}
        not_sent = [line for line in lines if line.pick_id not in is_sent]
        told = reason.strip()
        words = [transition(line, PickState.RESOLVED_SENT, "resolved_sent", told, sent_at=now) for line in sent]
        words += [transition(line, PickState.RESOLVED_NOT_SENT, "resolved_not_sent", told) for line in not_sent]
        outbox.apply(connection, words, Context(actor=Actor.PERSON, person=who.strip(), run_id="by hand", at=now))
    known = {line.order_number for line in lines}
    listed = {*verdict.orders, *(order for order, _ in verdict.lines)} if isinstance(verdict, Seen) else set[str]()
    return Resolved(len(sent), len(not_sent), sorted(listed - known))


def _lines_of(connection: Connection, wave: int, floor: str | None) -> list[OutboxLine]:
    query = select(pick_outbox).where(
        pick_outbox.c.wave == wave,
        pick_outbox.c.state == PickState.IN_DOUBT.value,
    )
    if floor is not None:
        query = query.where(pick_outbox.c.floor == floor)
    return outbox.read_lines(connection, query)
