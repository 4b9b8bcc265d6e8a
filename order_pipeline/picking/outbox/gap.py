"""The gap after a restore: what was ordered before it may be on the floor without the outbox knowing.

Such a line does not enter the queue by itself. It becomes in doubt, and a person says whether it is on the floor
(docs/decisions/0030-stores-know-each-other.md).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from order_pipeline.operations.installation import read_identity
from order_pipeline.operations.tables import pick_events
from order_pipeline.picking.outbox.open_lines import in_batches
from order_pipeline.picking.outbox.states import PickState

IN_DOUBT_AFTER_RESTORE = "in_doubt_after_restore"
DETAIL = "it may have been sent between the backup and the restore: order-pipeline outbox resolve-wave"


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines ordered before `ended_at` may be on the floor, except the `settled` ones: a person spoke of them since.

    `settled` speaks of the lines that were asked for.
    """

    ended_at: datetime
    settled: frozenset[str]

    def holds(self, pick_id: str, ordered_at: datetime) -> bool:
        """Whether nobody knows if this line, which is due, is on the floor already."""
        return ordered_at < self.ended_at and pick_id not in self.settled


def load_gap(connection: Connection, pick_ids: Collection[str]) -> Gap | None:
    """The gap of the last restore; None where there was none, or where nothing can have been sent in it.

    Only a line that a person called not sent, or one ordered later, can have been `planned` since the restore. So those
    events say what is settled.

    Args:
        connection: of a transaction.
        pick_ids: of the lines that may be sent now: they alone are looked up.
    """
    identity = read_identity(connection)
    if identity is None or not identity.has_gap or identity.restored_at is None:
        return None
    settled: set[str] = set()
    for batch in in_batches(pick_ids):
        query = select(pick_events.c.pick_id).where(
            pick_events.c.pick_id.in_(batch),
            pick_events.c.event_id > (identity.restored_mark or 0),
            pick_events.c.to_state.in_([PickState.PLANNED.value, PickState.RESOLVED_NOT_SENT.value]),
        )
        settled.update(connection.execute(query).scalars())
    return Gap(identity.restored_at, frozenset(settled))
