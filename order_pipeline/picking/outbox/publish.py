"""Copies the state of every pick line from the operations store into `core.pick_status`, for analysts.

One lake transaction replaces the rows of the lines that moved since the last copy. So marts can join the table, and
`AT (VERSION => n)` shows what the floor had at an earlier moment. The operations store stays the truth. Personal
data is not copied: payloads and replies stay behind.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# (pyarrow has no type hints)
from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import select, union

from order_pipeline.operations.installation import operations_mark
from order_pipeline.operations.store import OperationsStore
from order_pipeline.operations.tables import pick_outbox, pick_status
from order_pipeline.warehouse.installation import note_operations_mark
from order_pipeline.warehouse.lake.connection import Connection, Lake

_TIME = pa.timestamp("us", tz="UTC")
_TEXTS = (
    *("pick_id", "source", "account", "order_id", "order_number", "line_id", "shipment_id", "floor", "state", "reason"),
    *("payload_sha256", "fulfilment_id", "upstream_status", "pushed_status", "scanorders_status_code"),
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        *((name, pa.int64()) for name in ("wave", "attempt", "snapshot_id")),
        *((name, _TIME) for name in ("planned_at", "sent_at", "updated_at", "scanorders_read_at")),
        ("scanorders_matches", pa.bool_()),
    ]
)
_WATERMARK = """
SELECT max(greatest(updated_at, coalesce(scanorders_read_at, updated_at))) FROM core.pick_status
"""


def publish(lake: Lake, store: OperationsStore, *, everything: bool = False) -> int:
    """Bring `core.pick_status` up to date; returns the rows written. Nothing moved: no lake snapshot is made.

    Args:
        lake: migrated, so that it has the table.
        store: the operations store.
        everything: copy each line again, not only those that moved since the last copy.

    Raises:
        LakeBusyError: another writer held the lake too long; the next run makes up for it.
    """
    store.create_all()
    with lake.connect() as connection:
        row = connection.execute(_WATERMARK).fetchone()
    rows, mark = _moved_since(store, row[0] if row and not everything else None)
    if not rows:
        return 0
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)

    def write(target: Connection) -> int:
        target.register("moved_picks", table)
        target.execute("DELETE FROM core.pick_status WHERE pick_id IN (SELECT pick_id FROM moved_picks)")
        target.execute("INSERT INTO core.pick_status BY NAME SELECT * FROM moved_picks")
        target.unregister("moved_picks")
        note_operations_mark(target, mark)
        return table.num_rows

    return lake.run("pick status", write)


def _moved_since(store: OperationsStore, moment: datetime | None) -> tuple[list[dict[str, Any]], int]:
    """Lines that moved, or were read back, after the moment (None: all), and how far the store had come by then."""
    read = {
        "status_code": "scanorders_status_code",
        "matches": "scanorders_matches",
        "read_at": "scanorders_read_at",
    }
    own = [pick_outbox.c[name] for name in _SCHEMA.names if name in pick_outbox.c]
    query = select(*own, *(pick_status.c[name].label(label) for name, label in read.items())).join(
        pick_status, pick_status.c.pick_id == pick_outbox.c.pick_id, isouter=True
    )
    if moment is not None:
        moved = union(
            select(pick_outbox.c.pick_id).where(pick_outbox.c.updated_at > moment),
            select(pick_status.c.pick_id).where(pick_status.c.read_at > moment),
        )
        query = query.where(pick_outbox.c.pick_id.in_(moved))
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()], operations_mark(connection)
