"""The copy: the outbox and `core.pick_status` have the same lines in the same states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from order_pipeline.reconciliation.differences import Comparison, ComparisonResult, Difference, Reason
from order_pipeline.reconciliation.outbox_lines import OutboxLine
from order_pipeline.warehouse.lake.connection import Connection

_PUBLISHED = """
SELECT pick_id, source, floor, state, reason
FROM core.pick_status
WHERE updated_at >= $since
"""

_PUBLISHED_OF = """
SELECT pick_id, source, floor, state, reason
FROM core.pick_status
WHERE pick_id IN (SELECT pick_id FROM wanted)
"""


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A line of the copy."""

    pick_id: str
    source: str
    floor: str | None
    state: str
    reason: str | None


def read_published_since(connection: Connection, since: datetime) -> dict[str, PublishedLine]:
    """The lines of the copy that moved since that time, by pick id, in a read transaction of the lake."""
    rows = connection.execute(_PUBLISHED, {"since": since}).fetchall()
    return {row[0]: PublishedLine(*row) for row in rows}


def read_published_of(connection: Connection, pick_ids: Collection[str]) -> dict[str, PublishedLine]:
    """The lines of the copy with these pick ids, in the same read transaction."""
    connection.register("wanted", pa.table({"pick_id": pa.array(sorted(pick_ids), pa.string())}))
    rows = connection.execute(_PUBLISHED_OF).fetchall()
    connection.unregister("wanted")
    return {row[0]: PublishedLine(*row) for row in rows}


def reconcile_copy(
    outbox: Mapping[str, OutboxLine], published: Mapping[str, PublishedLine], published_until: datetime | None
) -> ComparisonResult:
    """Compare the outbox with its copy.

    Args:
        outbox: its lines.
        published: the lines of the copy, among them all with these pick ids; read before the outbox.
        published_until: the last move that the copy knows: lines that moved later wait for the next copy. None: nothing
            was ever copied.
    """
    result = ComparisonResult(Comparison.COPY, checked=len(outbox.keys() | published.keys()))
    for line in outbox.values():
        copy = published.get(line.pick_id)
        if published_until is None or line.updated_at > published_until:
            result.waiting += 1
        elif copy is None:
            result.differences.append(_difference(line, Reason.NOT_PUBLISHED))
        elif (copy.state, copy.reason, copy.floor) != (line.state, line.reason, line.floor):
            result.differences.append(_difference(line, Reason.PUBLISHED_OTHERWISE))
    lost = [copy for pick_id, copy in published.items() if pick_id not in outbox]
    result.differences += [_difference(copy, Reason.ONLY_PUBLISHED) for copy in lost]
    return result


def _difference(line: OutboxLine | PublishedLine, reason: Reason) -> Difference:
    command = "rebuild" if reason is Reason.ONLY_PUBLISHED else "publish"
    return Difference(Comparison.COPY, line.pick_id, reason, line.source, None, f"order-pipeline outbox {command}")
