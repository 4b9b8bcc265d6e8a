"""Planning for lines that are, or may be, on the floor: what follows from a change, a cancellation or a shipment.

No transition of this module leads back to the queue. What ScanOrders has, or may have, is never sent again: a person
gets a task instead. What enters the queue is decided in `plan`.
"""

from __future__ import annotations

from order_pipeline.picking.outbox import tasks
from order_pipeline.picking.outbox.payload import differences, is_same_pick, payload_text, read_payload
from order_pipeline.picking.outbox.states import (
    CONFIRMED,
    NOT_ON_THE_FLOOR,
    ON_THE_FLOOR,
    PERHAPS_ON_THE_FLOOR,
    WITHDRAWN,
    PickState,
)
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
AWAITING_READ = "awaiting_read"

DATA_GAPS = frozenset(
    {
        "unknown_item",
        "no_barcode",
        "no_location",
        "location_not_named",
        "no_quantity",
        "fractional_quantity",
        QUARANTINED,
        AWAITING_READ,
    }
)
"""Hold reasons of the mart that say something about our data and nothing about the order: they call no pick off."""

DOUBTFUL = frozenset({"contradictory_levels", "unknown_status"})
"""Hold reasons of the mart that a person settles by confirming the pick."""


NOTHING_SEEN = {"seen_payload": None, "seen_sha256": None, "seen_floor": None}
"""Columns of a line whose order says what was sent."""


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
        return _follow_doubtful(plan, known, request, hold)
    if hold is not None:
        return _follow_held(plan, known, f"{hold}: {request.line.hold_detail or hold}", is_doubt=hold in DOUBTFUL)
    if known.reason == WITHDRAWN:
        plan.tasks.append(tasks.wanted_again(known, request.floor))
        plan.observations += [] if _is_as_seen(known, request) else [_seen(known, request)]
        return known.state
    return _follow_change(plan, known, request, upstream)


def _follow_held(plan: Plan, known: OutboxLine, why: str, *, is_doubt: bool) -> PickState:
    if known.reason == WITHDRAWN or (known.reason == CONFIRMED and is_doubt):
        return known.state
    return _cancel(plan, known, f"the order is on hold now: {why}")


def _follow_change(plan: Plan, known: OutboxLine, request: PickRequest, upstream: UpstreamStatus | None) -> PickState:
    has_task = known.state in {PickState.CHANGED_AFTER_SEND, PickState.CANCELLED_AFTER_SEND}
    if has_task and _is_as_sent(known, request):
        return _take_back(plan, known)
    if _is_as_seen(known, request) and known.state is not PickState.CANCELLED_AFTER_SEND:
        return known.state
    if known.reason == CONFIRMED and _is_as_sent(known, request):  # what a person did for the change is to be undone
        plan.closings.append(tasks.taken_back(known))
        plan.observations.append(Observation(known.pick_id, NOTHING_SEEN))
        return known.state
    if not has_task and _only_shipped_since(known, request, upstream):
        plan.observations.append(_seen(known, request))
        return known.state
    return _change(plan, known, request)


def _is_as_sent(known: OutboxLine, request: PickRequest) -> bool:
    """Whether the same picker would do the same as when the line was sent."""
    return known.floor == request.floor and is_same_pick(known.payload, request.payload)


def _is_as_seen(known: OutboxLine, request: PickRequest) -> bool:
    """Whether the order says what it said when it was last looked at."""
    floor, payload = known.seen_floor or known.floor, known.seen_payload or known.payload
    return floor == request.floor and is_same_pick(payload, request.payload)


def _follow_doubtful(plan: Plan, known: OutboxLine, request: PickRequest, hold: str | None) -> PickState:
    if hold is not None:
        plan.tasks.append(tasks.changed_in_doubt(known, f"the order is on hold now: {hold}"))
    elif _is_as_sent(known, request):
        if known.seen_payload or known.upstream_status:
            kinds = frozenset({tasks.TaskKind.CHANGED_IN_DOUBT})
            reason = "taken back: the order says again what was sent"
            plan.closings.append(tasks.Closing(subject=known.pick_id, kinds=kinds, reason=reason))
            plan.observations.append(Observation(known.pick_id, {**NOTHING_SEEN, "upstream_status": None}))
    elif not _is_as_seen(known, request):
        plan.observations.append(_seen(known, request))
        moved = [f"floor: {known.floor} -> {request.floor}"] if request.floor != known.floor else []
        detail = "; ".join([*moved, *differences(known.payload, request.payload)])
        plan.tasks.append(tasks.changed_in_doubt(known, detail))
    return known.state


def _take_back(plan: Plan, known: OutboxLine) -> PickState:
    """The order says again what was sent, so the line is as it was before; a person's correction is to be undone."""
    after = PickState.SENT if known.fulfilment_id else PickState.RESOLVED_SENT
    plan.closings.append(tasks.taken_back(known))
    detail = "the order says again what was sent"
    plan.transitions.append(transition(known, after, "taken_back", detail, **NOTHING_SEEN, upstream_status=None))
    return after


def _seen(known: OutboxLine, request: PickRequest) -> Observation:
    floor = request.floor if request.floor != known.floor else None
    seen = {"seen_payload": request.payload, "seen_sha256": request.sha256, "seen_floor": floor}
    return Observation(known.pick_id, seen)


def _only_shipped_since(known: OutboxLine, request: PickRequest, upstream: UpstreamStatus | None) -> bool:
    """Whether a smaller quantity is what is left after part of the line was shipped (ScanSource counts down)."""
    if upstream is None or not upstream.quantity_shipped or known.floor != request.floor:
        return False
    sent = read_payload(known.payload)
    now = read_payload(request.payload)
    if "qtytopick" not in sent:  # rebuilt after a loss: what was sent is not known
        return False
    missing = int(sent["qtytopick"]) - int(now["qtytopick"])
    same_quantity = payload_text(now | {"qtytopick": sent["qtytopick"]})
    return is_same_pick(known.payload, same_quantity) and 0 < missing <= upstream.quantity_shipped


def _change(plan: Plan, known: OutboxLine, request: PickRequest) -> PickState:
    task = tasks.changed_after_send(known, request.payload, request.sha256, request.floor)
    plan.tasks.append(task)
    plan.closings.append(_overtaken(known))
    after = PickState.CHANGED_AFTER_SEND
    changes = _seen(known, request).changes
    plan.transitions.append(transition(known, after, "changed_after_send", task.detail, **changes))
    return after


def _overtaken(known: OutboxLine) -> tasks.Closing:
    kinds = frozenset({tasks.TaskKind.CHANGED_AFTER_SEND, tasks.TaskKind.CANCELLED_AFTER_SEND})
    return tasks.Closing(subject=known.pick_id, kinds=kinds, reason="overtaken by a later change")


def _cancel(plan: Plan, known: OutboxLine, why: str, status: str | None = None) -> PickState:
    after = PickState.CANCELLED_AFTER_SEND
    if known.state is not after:
        plan.tasks.append(tasks.cancelled_after_send(known, why))
        plan.closings.append(_overtaken(known))
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
    if known.reason == CONFIRMED and known.upstream_status == status:
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
