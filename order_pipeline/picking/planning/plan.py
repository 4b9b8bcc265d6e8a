"""Planning: compares the whole list of picks with the outbox, and gives transitions and tasks. No I/O.

The rules:
- A pick id decides what a line is. A known pick id is never a new line, whatever its payload. A payload that changes
  before sending replaces the queued one. A payload that changes after sending opens a task.
- An order goes out whole. If one of its lines cannot go, none of its unsent lines goes. A line cannot go when the mart
  holds it, when it lacks what ScanOrders requires, or when ScanOrders refused this very payload before.
- A line that left the list of picks is held when it is unsent. When it was sent, its upstream status tells a shipment
  (the normal end) from a cancellation or a move elsewhere (a task).
- After a restore, a line that is due and may have been sent in the gap becomes in doubt (`outbox.gap`).
- A pick that moves to another floor goes there while it is unsent. Once it was, or may have been, a person moves it.
- A pick of an item that is on the floor under another number of the same order waits for a person (`remade`).
- A line that the quarantine keeps off the list was not called off. It waits in the quarantine for a person, so nothing
  is concluded from its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from order_pipeline.picking.outbox.gap import DETAIL, IN_DOUBT_AFTER_RESTORE, Gap
from order_pipeline.picking.outbox.payload import payload_sha256, payload_text
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import OrderKey, OutboxLine, transition
from order_pipeline.picking.outbox.tasks import partly_sent_order
from order_pipeline.picking.planning.after_send import NOTHING_SEEN, follow_unwanted, follow_wanted
from order_pipeline.picking.planning.pick_lines import (
    Floors,
    PickLine,
    build_payload,
    pick_lines_from_rows,
    settings_for,
    why_not_sendable,
)
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.pick_requests import PickRequest, Plan, Reason
from order_pipeline.picking.planning.remade import hold_remade
from order_pipeline.settings import PickingSettings

ORDER_HELD = "order_held"
ORDER_REFUSED = "order_refused"
DUPLICATE_LINE = "duplicate_line"


def make_plan(
    picks: PickList,
    known_lines: Iterable[OutboxLine],
    floors: Floors,
    *,
    wave: int,
    covered: frozenset[str] | None = None,
    rules: PickingSettings | None = None,
    gap: Gap | None = None,
) -> Plan:
    """Compare the whole list of picks with the outbox.

    Args:
        picks: the list of picks of every covered source.
        known_lines: of the outbox, at least those of `open_lines.load_for_planning`; none in `sending` (recovery comes
            first).
        floors: which payload each floor gets, and of which orders.
        wave: the number that lines get which enter the queue now.
        covered: the sources whose lines are all in `picks`; None: all. Lines of others are left alone.
        rules: what settings decide; None: their defaults.
        gap: after a restore: what is due and may be on the floor already becomes in doubt instead of being sent.

    Raises:
        ValueError: a row is none of `marts.pick_lines`.
    """
    rules = rules or PickingSettings()
    orders = _requests_by_order(pick_lines_from_rows(picks.rows), floors, urgent_first=rules.wave_order == "urgent")
    outbox = {line.pick_id: line for line in known_lines}
    upstream = {status.pick_id: status for status in picks.upstream}
    plan = Plan()
    if rules.remade_shipments == "hold":
        orders = hold_remade(plan, orders, outbox, picks)
    outcome: dict[str, tuple[PickState, str | None]] = {}
    entering: list[tuple[PickRequest, OutboxLine | None, Reason | None]] = []
    for requests in orders.values():
        block = _order_block(requests, outbox)
        for request in requests:
            known = outbox.get(request.line.pick_id)
            if known is None or known.state in NOT_ON_THE_FLOOR:
                entering.append((request, known, request.block or block))
            else:
                after = follow_wanted(plan, known, request, upstream.get(known.pick_id))
                outcome[known.pick_id] = after, known.reason
    _enter(plan, entering, wave, outcome, gap)
    wanted = {request.line.pick_id for requests in orders.values() for request in requests}
    for known in outbox.values():
        if known.pick_id not in wanted and picks.follows(known) and (covered is None or known.source in covered):
            is_readable = known.order_id not in picks.quarantined_orders
            follow_unwanted(plan, known, upstream.get(known.pick_id), is_readable=is_readable)
    for key, requests in orders.items():
        states = [(request.line.line_id, *outcome[request.line.pick_id]) for request in requests]
        task = partly_sent_order(key, requests[0].line.order_number, states)
        plan.tasks += [task] if task else []
    return plan


def _requests_by_order(
    lines: Iterable[PickLine], floors: Floors, *, urgent_first: bool
) -> dict[OrderKey, list[PickRequest]]:
    """The pick requests of each order: the (most urgent and) oldest order first, its lines by their pick ids."""
    requests: dict[str, PickRequest] = {}
    for line in lines:
        text = payload_text(build_payload(line, settings_for(line, floors)))
        request = PickRequest(line, text, payload_sha256(text), why_not_sendable(line, floors))
        twin = requests.get(line.pick_id)
        if twin is not None and _contents(twin) != _contents(request):
            block = DUPLICATE_LINE, "two lines with one identity and different contents"
            request = PickRequest(line, text, request.sha256, block)
        requests[line.pick_id] = request
    orders: dict[OrderKey, list[PickRequest]] = {}

    def rank(request: PickRequest) -> tuple[Any, ...]:
        line = request.line
        return *(line.urgency if urgent_first else ()), line.ordered_at, line.order_key, line.pick_id

    for request in sorted(requests.values(), key=rank):
        orders.setdefault(request.line.order_key, []).append(request)
    return orders


def _contents(request: PickRequest) -> tuple[Any, ...]:
    return request.sha256, request.line.order_key, request.floor


def _order_block(requests: Sequence[PickRequest], outbox: Mapping[str, OutboxLine]) -> Reason | None:
    """Why the order as a whole cannot go: the first of its unsent lines that cannot."""
    for request in requests:
        known = outbox.get(request.line.pick_id)
        if known is not None and known.state not in NOT_ON_THE_FLOOR:
            continue
        if request.block is not None:
            return ORDER_HELD, f"line {request.line.line_id} of the order: {request.block[0]}"
        if known is not None and _still_refused(known, request):
            return ORDER_REFUSED, f"ScanOrders refused line {request.line.line_id} of the order"
    return None


def _still_refused(known: OutboxLine, request: PickRequest) -> bool:
    is_same = (known.payload_sha256, known.floor) == (request.sha256, request.floor)
    return known.state is PickState.REJECTED and is_same


def _enter(
    plan: Plan,
    entering: Sequence[tuple[PickRequest, OutboxLine | None, Reason | None]],
    wave: int,
    outcome: dict[str, tuple[PickState, str | None]],
    gap: Gap | None,
) -> None:
    """New lines and lines that are not on the floor: to the queue, held, or in doubt after a restore."""
    for position, (request, known, obstacle) in enumerate(entering):
        after, block = PickState.HELD if obstacle else PickState.PLANNED, obstacle
        if block is None and gap is not None and gap.holds(request.line.pick_id, request.line.ordered_at):
            after, block = PickState.IN_DOUBT, (IN_DOUBT_AFTER_RESTORE, DETAIL)
        reason, detail = block or (None, None)
        outcome[request.line.pick_id] = after, reason
        if known is None:
            plan.new_lines.append(_new_line(request, after, block, {"wave": wave, "position": position}))
        elif _still_refused(known, request):
            outcome[known.pick_id] = PickState.REJECTED, known.reason
        elif _standing(known) != (after, reason, detail, request.sha256, request.floor):
            changes: dict[str, Any] = {"payload": request.payload, "floor": request.floor, **NOTHING_SEEN}
            if known.state is not PickState.PLANNED or after is PickState.IN_DOUBT:
                changes |= {"wave": wave, "position": position}
            plan.transitions.append(transition(known, after, reason, detail, payload_sha256=request.sha256, **changes))


def _standing(line: OutboxLine) -> tuple[Any, ...]:
    return line.state, line.reason, line.detail, line.payload_sha256, line.floor


def _new_line(request: PickRequest, state: PickState, block: Reason | None, place: dict[str, int]) -> dict[str, Any]:
    copied = ("pick_id", "source", "account", "order_id", "order_number", "line_id", "shipment_id")
    reason, detail = block or (None, None)
    return {
        **{name: getattr(request.line, name) for name in copied},
        "floor": request.floor,
        "state": state.value,
        "reason": reason,
        "detail": detail,
        "payload": request.payload,
        "payload_sha256": request.sha256,
        **place,
    }
