"""Following a line that is, or may be, on the floor: changed, called off, moved elsewhere, or shipped as it should be.

No transition of this module leads back to the queue: what ScanOrders has, or may have, is never sent again; a person
gets a task instead. Belongs here: the rules after sending, and a line that left the list of picks. Does not belong
here: what enters the queue (`plan`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from order_pipeline.picking.outbox import tasks as task_texts
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import Observation, OutboxLine
from order_pipeline.picking.planning.pick_requests import Plan, Wish, step
from order_pipeline.picking.planning.upstream import (
    CALLED_OFF_STATUSES,
    SHIPPED_STATUSES,
    UNKNOWN_STATUS,
    UpstreamStatus,
)

LEFT_THE_LIST = "no_longer_to_be_picked"
GONE = "gone"
QUARANTINED = "quarantined"

DATA_GAPS = frozenset({"unknown_item", "no_barcode", "no_location", "no_quantity", "fractional_quantity", QUARANTINED})
"""Hold reasons of the mart that say something about our data, not about the order: they stop no picker."""


def follow_wanted(plan: Plan, known: OutboxLine, wish: Wish, upstream: UpstreamStatus | None) -> PickState:
    """A line that is, or may be, on the floor and is still on the list of picks."""
    status = upstream.status if upstream else None
    if known.state in ON_THE_FLOOR and status is not None and status != known.upstream_status:
        plan.observations.append(Observation(known.pick_id, {"upstream_status": status}))
    hold = wish.line.hold_reason
    if hold in DATA_GAPS:
        return known.state
    if known.state in PERHAPS_ON_THE_FLOOR:
        return _follow_doubtful(plan, known, wish)
    if hold is not None:
        return _cancel(plan, known, f"the order is on hold now: {hold}")
    if known.state is not PickState.CANCELLED_AFTER_SEND:
        if wish.sha256 == (known.seen_sha256 or known.payload_sha256):
            return known.state
        if known.state is not PickState.CHANGED_AFTER_SEND and _only_shipped_since(known, wish, upstream):
            plan.observations.append(_seen(known, wish))
            return known.state
    return _change(plan, known, wish)


def _follow_doubtful(plan: Plan, known: OutboxLine, wish: Wish) -> PickState:
    if wish.sha256 not in {known.payload_sha256, known.seen_sha256}:
        plan.observations.append(_seen(known, wish))
        detail = "; ".join(task_texts.differences(known.payload, wish.payload))
        plan.tasks.append(task_texts.changed_in_doubt(known, detail))
    return known.state


def _seen(known: OutboxLine, wish: Wish) -> Observation:
    return Observation(known.pick_id, {"seen_payload": wish.payload, "seen_sha256": wish.sha256})


def _only_shipped_since(known: OutboxLine, wish: Wish, upstream: UpstreamStatus | None) -> bool:
    """Whether a smaller quantity is what is left after part of the line was shipped (ScanSource counts down)."""
    if upstream is None or not upstream.quantity_shipped:
        return False
    sent = msgspec.json.decode(known.payload, type=dict[str, Any])
    now = msgspec.json.decode(wish.payload, type=dict[str, Any])
    missing = int(sent["qtytopick"]) - int(now["qtytopick"])
    return sent | {"qtytopick": 0} == now | {"qtytopick": 0} and 0 < missing <= upstream.quantity_shipped


def _change(plan: Plan, known: OutboxLine, wish: Wish) -> PickState:
    task = task_texts.changed_after_send(known, wish.payload, wish.sha256)
    plan.tasks.append(task)
    after = PickState.CHANGED_AFTER_SEND
    changes = _seen(known, wish).changes
    plan.transitions.append(step(known, after, "changed_after_send", task.detail, **changes))
    return after


def _cancel(plan: Plan, known: OutboxLine, why: str, status: str | None = None) -> PickState:
    after = PickState.CANCELLED_AFTER_SEND
    if known.state is not after:
        plan.tasks.append(task_texts.cancelled_after_send(known, why))
        plan.transitions.append(step(known, after, "cancelled_after_send", why, upstream_status=status))
    return after


def follow_unwanted(plan: Plan, known: OutboxLine, upstream: UpstreamStatus | None, *, is_readable: bool) -> None:
    """A line of the outbox that is not on the list of picks any more.

    `is_readable` is False when the quarantine holds back something of its order: unless core knows that the line ended,
    its absence is a gap in our data and no word of the channel.
    """
    status = upstream.status if upstream else None
    why = f"upstream status: {status or 'not known'}"
    if not is_readable and status not in CALLED_OFF_STATUSES | SHIPPED_STATUSES:
        if known.state in NOT_ON_THE_FLOOR and known.reason != QUARANTINED:
            detail = "a row of its order broke a rule: order-pipeline quarantine list"
            plan.transitions.append(step(known, PickState.HELD, QUARANTINED, detail))
        return
    if known.state in NOT_ON_THE_FLOOR:
        if known.reason != LEFT_THE_LIST:
            plan.transitions.append(step(known, PickState.HELD, LEFT_THE_LIST, why, upstream_status=status))
        return
    if status in SHIPPED_STATUSES or status == UNKNOWN_STATUS:
        if known.upstream_status != status:
            plan.observations.append(Observation(known.pick_id, {"upstream_status": status}))
        return
    if known.state in ON_THE_FLOOR:
        _cancel(plan, known, f"the line is not to be picked any more; {why}", status)
    elif known.upstream_status != (status or GONE):
        plan.observations.append(Observation(known.pick_id, {"upstream_status": status or GONE}))
        plan.tasks.append(task_texts.changed_in_doubt(known, f"the line is not to be picked any more; {why}"))
