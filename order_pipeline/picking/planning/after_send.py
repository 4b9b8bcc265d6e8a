"""Planning for lines that are, or may be, on the floor: what follows from a change, a cancellation or a shipment.

No transition of this module leads back to the queue. What ScanOrders has, or may have, is never sent again: a person
gets a task instead. What enters the queue is decided in `plan`.
"""

from __future__ import annotations

from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.payload import differences, read_payload
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import Observation, OutboxLine, transition
from order_pipeline.picking.planning.pick_requests import PickRequest, Plan
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
"""Hold reasons of the mart that say something about our data and nothing about the order: they call no pick off."""


def follow_wanted(plan: Plan, known: OutboxLine, request: PickRequest, upstream: UpstreamStatus | None) -> PickState:
    """A line that is, or may be, on the floor and is still on the list of picks."""
    status = upstream.status if upstream else None
    if known.state in ON_THE_FLOOR and status is not None and status != known.upstream_status:
        plan.observations.append(Observation(known.pick_id, {"upstream_status": status}))
    # What keeps the rest of an order says nothing about a line that is on the floor.
    hold = None if request.line.hold_scope == "order" else request.line.hold_reason
    if hold in DATA_GAPS:
        return known.state
    if known.state in PERHAPS_ON_THE_FLOOR:
        return _follow_doubtful(plan, known, request)
    if hold is not None:
        return _cancel(plan, known, f"the order is on hold now: {hold}: {request.line.hold_detail or hold}")
    if known.state is not PickState.CANCELLED_AFTER_SEND:
        if request.sha256 == (known.seen_sha256 or known.payload_sha256):
            return known.state
        if known.state is not PickState.CHANGED_AFTER_SEND and _only_shipped_since(known, request, upstream):
            plan.observations.append(_seen(known, request))
            return known.state
    return _change(plan, known, request)


def _follow_doubtful(plan: Plan, known: OutboxLine, request: PickRequest) -> PickState:
    if request.sha256 not in {known.payload_sha256, known.seen_sha256}:
        plan.observations.append(_seen(known, request))
        detail = "; ".join(differences(known.payload, request.payload))
        plan.tasks.append(tasks.changed_in_doubt(known, detail))
    return known.state


def _seen(known: OutboxLine, request: PickRequest) -> Observation:
    return Observation(known.pick_id, {"seen_payload": request.payload, "seen_sha256": request.sha256})


def _only_shipped_since(known: OutboxLine, request: PickRequest, upstream: UpstreamStatus | None) -> bool:
    """Whether a smaller quantity is what is left after part of the line was shipped (ScanSource counts down)."""
    if upstream is None or not upstream.quantity_shipped:
        return False
    sent = read_payload(known.payload)
    now = read_payload(request.payload)
    missing = int(sent["qtytopick"]) - int(now["qtytopick"])
    return sent | {"qtytopick": 0} == now | {"qtytopick": 0} and 0 < missing <= upstream.quantity_shipped


def _change(plan: Plan, known: OutboxLine, request: PickRequest) -> PickState:
    task = tasks.changed_after_send(known, request.payload, request.sha256)
    plan.tasks.append(task)
    after = PickState.CHANGED_AFTER_SEND
    changes = _seen(known, request).changes
    plan.transitions.append(transition(known, after, "changed_after_send", task.detail, **changes))
    return after


def _cancel(plan: Plan, known: OutboxLine, why: str, status: str | None = None) -> PickState:
    after = PickState.CANCELLED_AFTER_SEND
    if known.state is not after:
        plan.tasks.append(tasks.cancelled_after_send(known, why))
        plan.transitions.append(transition(known, after, "cancelled_after_send", why, upstream_status=status))
    return after


def follow_unwanted(plan: Plan, known: OutboxLine, upstream: UpstreamStatus | None, *, is_readable: bool) -> None:
    """A line of the outbox that is not on the list of picks any more.

    `is_readable` is False when the quarantine holds back something of its order: unless core knows that the line ended,
    its absence is a gap in our data and says nothing about the order.
    """
    status = upstream.status if upstream else None
    why = f"upstream status: {status or 'not known'}"
    if not is_readable and status not in CALLED_OFF_STATUSES | SHIPPED_STATUSES:
        if known.state in NOT_ON_THE_FLOOR and known.reason != QUARANTINED:
            detail = "a row of its order broke a rule: order-pipeline quarantine list"
            plan.transitions.append(transition(known, PickState.HELD, QUARANTINED, detail))
        return
    if known.state in NOT_ON_THE_FLOOR:
        if known.reason != LEFT_THE_LIST:
            plan.transitions.append(transition(known, PickState.HELD, LEFT_THE_LIST, why, upstream_status=status))
        return
    if status in SHIPPED_STATUSES or status == UNKNOWN_STATUS:
        if known.upstream_status != status:
            plan.observations.append(Observation(known.pick_id, {"upstream_status": status}))
        return
    if known.state in ON_THE_FLOOR:
        _cancel(plan, known, f"the line is not to be picked any more; {why}", status)
    elif known.upstream_status != (status or GONE):
        plan.observations.append(Observation(known.pick_id, {"upstream_status": status or GONE}))
        plan.tasks.append(tasks.changed_in_doubt(known, f"the line is not to be picked any more; {why}"))
