"""Compares what an emission does now with what it would do after the replay, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.operators.preview import PlannedLine, action_of, plan_without_storing
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.sending.read_pick_list import pick_list_of
from order_pipeline.replay.changes import PickChange
from order_pipeline.replay.replayed_lake import NAME
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Connection


def pick_changes(
    connection: Connection, settings: Settings, operations: OperationsStore, followed: Sequence[OutboxLine]
) -> list[PickChange]:
    """The lines for which an emission would do something else, by pick id.

    Both plans are made by the rules of this code: what changed is the lake's rows, the views and the seeds. Another
    payload of a line that is not on the floor is a change too.

    Args:
        connection: see `replayed_lake`.
        settings: of the emission.
        operations: the outbox; only read.
        followed: see `read_pick_list.lines_to_follow`.
    """
    connection.execute("USE lake")
    now = pick_list_of(connection, operations, followed)
    connection.execute(f"USE {NAME}")
    then = pick_list_of(connection, operations, followed)
    before = plan_without_storing(settings, operations, now, then).after
    after = plan_without_storing(settings, operations, then, now).after
    numbers = {line.pick_id: line.order_number for line in followed}
    numbers |= {str(row["pick_id"]): str(row["order_number"]) for row in (*now.rows, *then.rows)}
    return [
        PickChange(
            pick_id,
            numbers.get(pick_id, ""),
            _told(before.get(pick_id)),
            _told(after.get(pick_id), with_another_payload=_has_another_payload(before, after, pick_id)),
        )
        for pick_id in sorted(before.keys() | after.keys())
        if before.get(pick_id) != after.get(pick_id)
    ]


def _told(line: PlannedLine | None, *, with_another_payload: bool = False) -> str | None:
    if line is None:
        return None
    told = f"{action_of(line.state)}: {line.reason}" if line.reason else action_of(line.state)
    return f"{told}, with another payload" if with_another_payload else told


def _has_another_payload(before: Mapping[str, PlannedLine], after: Mapping[str, PlannedLine], pick_id: str) -> bool:
    both = before.get(pick_id), after.get(pick_id)
    return both[0] is not None and both[1] is not None and both[0].payload_sha256 != both[1].payload_sha256
