"""The basis of a line: what the emission that sent it had read about it, kept for as long as the line.

Upkeep forgets the lake's snapshots after some days. Raw forgets no version, so the versions that the order's rows were
built from tell for good what was known; the rest is copied (docs/decisions/0062-a-line-keeps-what-it-was-sent-from.md).
Nothing of it is personal: names and addresses stand in the payload, and in raw, where they can be erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, delete, insert, select

from order_pipeline.operations.tables import pick_basis
from order_pipeline.picking.outbox.open_lines import in_batches

Basis: TypeAlias = Mapping[str, Any]
"""The columns of `pick_basis` of one line, without `read_at`."""


def store_basis(connection: Connection, lines: Sequence[Basis], read_at: datetime) -> None:
    """Store what the lines are about to be sent from, in place of what an emission before had read.

    Args:
        connection: of the transaction that stores the plan: what was known is durable before the first POST.
        lines: one for each line of the queue.
        read_at: when the list of picks was read.
    """
    for batch in in_batches(line["pick_id"] for line in lines):
        connection.execute(delete(pick_basis).where(pick_basis.c.pick_id.in_(batch)))
    if lines:
        connection.execute(insert(pick_basis), [{**line, "read_at": read_at} for line in lines])


def load_basis(connection: Connection, pick_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Pick id -> its row of `pick_basis`, of those that have one."""
    found: dict[str, dict[str, Any]] = {}
    for batch in in_batches(pick_ids):
        query = select(pick_basis).where(pick_basis.c.pick_id.in_(batch))
        found |= {row["pick_id"]: dict(row) for row in connection.execute(query).mappings()}
    return found
