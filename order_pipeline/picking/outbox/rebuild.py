"""Brings the outbox up to what `core.pick_status` knows: after the operations store was lost or put back older.

The copy in the lake has no payloads, because they hold personal data. What was sent is known again where the list of
picks still gives the payload with the same hash. Where it does not, the line stays on the floor, and a person compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from order_pipeline.floors import MAIN
from order_pipeline.operations.tables import pick_events, pick_outbox
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.open_lines import load_lines_of
from order_pipeline.picking.outbox.payload import payload_sha256, payload_text
from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import Context, OutboxLine
from order_pipeline.warehouse.lake.connection import Connection as LakeConnection

REBUILT = "rebuilt from core.pick_status"
_COPIED = (
    *("pick_id", "source", "account", "order_id", "order_number", "line_id", "shipment_id", "floor", "reason"),
    *("wave", "attempt", "snapshot_id", "payload_sha256", "fulfilment_id", "upstream_status", "pushed_status"),
    *("planned_at", "sent_at", "updated_at"),
)


@dataclass(slots=True)
class Rebuilt:
    """Counts of lines: new to the outbox, brought up to date, on the floor with a payload that nobody knows."""

    added: int = 0
    updated: int = 0
    payload_unknown: int = 0


def read_pick_status(connection: LakeConnection) -> list[dict[str, Any]]:
    """The rows of `core.pick_status`, as far as the outbox has such columns."""
    names = (*_COPIED, "state")
    cursor = connection.execute(f"SELECT {', '.join(names)} FROM core.pick_status ORDER BY wave, pick_id")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def bring_up_to_date(
    connection: Connection, rows: Sequence[Mapping[str, Any]], payloads: Mapping[str, str], context: Context
) -> Rebuilt:
    """Store every line of the lake that the outbox lacks, or has in an older state.

    Args:
        connection: of a transaction that writes.
        rows: of `read_pick_status`.
        payloads: what the list of picks would send now, by pick id.
        context: who writes, and when.
    """
    known_times = connection.execute(select(pick_outbox.c.pick_id, pick_outbox.c.updated_at))
    changed_at = {pick_id: at for pick_id, at in known_times}  # noqa: C416 - rows are no pairs for the types
    newer = [
        (position, row)
        for position, row in enumerate(rows)
        if row["pick_id"] not in changed_at or changed_at[row["pick_id"]] < row["updated_at"]
    ]
    known = load_lines_of(connection, changed_at.keys() & {row["pick_id"] for _, row in newer})
    result = Rebuilt()
    for position, row in newer:
        present = known.get(row["pick_id"])
        values = _values(row, present, payloads.get(row["pick_id"]), context)
        _store(connection, values | {"position": present.position if present else position}, present, context)
        result.added += present is None
        result.updated += present is not None
        if values["seen_payload"] is not None and values["state"] == PickState.CHANGED_AFTER_SEND.value:
            result.payload_unknown += 1
            line = outbox.load_line(connection, row["pick_id"])
            assert line is not None  # noqa: S101 - it was stored above
            tasks.open_tasks(connection, [tasks.sent_payload_unknown(line)], context.run_id, context.at)
    return result


def _values(
    row: Mapping[str, Any], present: OutboxLine | None, payload_now: str | None, context: Context
) -> dict[str, Any]:
    state = PickState(row["state"])
    values: dict[str, Any] = {name: row[name] for name in _COPIED} | {
        "floor": row["floor"] or MAIN,  # a lake of before there were several knows no floor
        "detail": REBUILT,
        "run_id": context.run_id,
        "seen_payload": None,
        "seen_sha256": None,
    }
    if state is PickState.SENDING:
        state, values["reason"] = PickState.IN_DOUBT, "interrupted"
    candidates = [present.payload if present else None, payload_now]
    payload = next((each for each in candidates if each and payload_sha256(each) == row["payload_sha256"]), None)
    if payload is None and state not in ON_THE_FLOOR and payload_now is not None:
        payload = payload_now  # planning writes it anew anyway
    if payload is None and state in {PickState.SENT, PickState.RESOLVED_SENT} and payload_now is not None:
        state, values["reason"] = PickState.CHANGED_AFTER_SEND, "payload_unknown"
        values |= {"seen_payload": payload_now, "seen_sha256": payload_sha256(payload_now)}
    values["payload"] = payload or payload_text({"ordernumber": row["order_number"]})
    return values | {"state": state.value}


def _store(connection: Connection, values: dict[str, Any], present: OutboxLine | None, context: Context) -> None:
    if present is None:
        connection.execute(insert(pick_outbox).values(**values))
    else:
        connection.execute(update(pick_outbox).where(pick_outbox.c.pick_id == present.pick_id).values(**values))
    connection.execute(
        insert(pick_events).values(
            pick_id=values["pick_id"],
            at=context.at,
            from_state=present.state.value if present else None,
            to_state=values["state"],
            reason=values["reason"],
            detail=REBUILT,
            actor=context.actor.value,
            run_id=context.run_id,
            attempt=values["attempt"],
            snapshot_id=values["snapshot_id"],
            payload_sha256=values["payload_sha256"],
        )
    )
