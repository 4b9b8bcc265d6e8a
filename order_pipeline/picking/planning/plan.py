"""Planning: what the order says now, against what the outbox knows, gives transitions and tasks. No I/O.

The rules, in one place:
- Identity decides: a known pick id is never a new line, whatever its payload. Another payload before sending replaces
  the queued one; after sending it is a change, and a task for a person.
- An order goes out whole: if one of its lines cannot go (held by the mart, lacking what ScanOrders requires, refused
  before with this very payload), none of its unsent lines goes.
- A line that left the list of picks is held when unsent. When sent, its upstream status tells a shipment (the normal
  end) from a cancellation or a move elsewhere (a task). A line that the quarantine keeps off the list was not called
  off: it waits there for a person already, and here nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.picking.outbox import tasks as task_texts
from order_pipeline.picking.outbox.lines import PickLine, build_payload, payload_sha256, payload_text, why_not_sendable
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR, ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning.after_send import follow_unwanted, follow_wanted
from order_pipeline.picking.planning.pick_requests import OrderKey, Plan, Wish, step
from order_pipeline.picking.planning.upstream import UpstreamStatus

ORDER_HELD = "order_held"
ORDER_REFUSED = "order_refused"
DUPLICATE_LINE = "duplicate_line"


def make_plan(
    lines: Iterable[PickLine],
    outbox: Mapping[str, OutboxLine],
    settings: ScanOrdersSettings,
    *,
    wave: int,
    upstream: Mapping[str, UpstreamStatus] | None = None,
    quarantined_orders: frozenset[str] = frozenset(),
    covered_sources: Iterable[str] | None = None,
) -> Plan:
    """Compare the whole list of picks with the whole outbox.

    Args:
        lines: every line of `marts.pick_lines`, of every covered source.
        outbox: every line of the outbox by pick id; none in `sending` (recovery comes first).
        settings: which payload is sent, and to which orders.
        wave: the number that lines get which enter the queue now.
        upstream: what core knows of sent lines, by pick id.
        quarantined_orders: orders of which something is held back: what they lack on the list is not called off.
        covered_sources: the sources whose lines are all in `lines`; None: all. Lines of others are left alone.
    """
    orders = _wishes_by_order(lines, settings)
    plan = Plan()
    outcome: dict[str, tuple[PickState, str | None]] = {}
    entering: list[tuple[Wish, OutboxLine | None, tuple[str, str] | None]] = []
    for wishes in orders.values():
        block = _order_block(wishes, outbox)
        for wish in wishes:
            known = outbox.get(wish.line.pick_id)
            if known is None or known.state in NOT_ON_THE_FLOOR:
                entering.append((wish, known, wish.block or block))
            else:
                after = follow_wanted(plan, known, wish, (upstream or {}).get(known.pick_id))
                outcome[known.pick_id] = after, known.reason
    _enter(plan, entering, wave, outcome)
    wanted = {wish.line.pick_id for wishes in orders.values() for wish in wishes}
    covered = None if covered_sources is None else frozenset(covered_sources)
    for known in outbox.values():
        if known.pick_id not in wanted and (covered is None or known.source in covered):
            is_readable = known.order_id not in quarantined_orders
            follow_unwanted(plan, known, (upstream or {}).get(known.pick_id), is_readable=is_readable)
    for key, wishes in orders.items():
        _notice_partly_sent(plan, key, wishes, outcome)
    return plan


def _wishes_by_order(lines: Iterable[PickLine], settings: ScanOrdersSettings) -> dict[OrderKey, list[Wish]]:
    wishes: dict[str, Wish] = {}
    for line in lines:
        text = payload_text(build_payload(line, settings))
        wish = Wish(line, text, payload_sha256(text), why_not_sendable(line, settings))
        twin = wishes.get(line.pick_id)
        if twin is not None and (twin.sha256, twin.line.order_key) != (wish.sha256, line.order_key):
            wish = Wish(line, text, wish.sha256, (DUPLICATE_LINE, "two lines with one identity and different contents"))
        wishes[line.pick_id] = wish
    orders: dict[OrderKey, list[Wish]] = {}
    for wish in sorted(
        wishes.values(), key=lambda wish: (wish.line.ordered_at, wish.line.order_key, wish.line.pick_id)
    ):
        orders.setdefault(wish.line.order_key, []).append(wish)
    return orders


def _order_block(wishes: Sequence[Wish], outbox: Mapping[str, OutboxLine]) -> tuple[str, str] | None:
    """Why the order as a whole cannot go: the first of its unsent lines that cannot."""
    for wish in wishes:
        known = outbox.get(wish.line.pick_id)
        if known is not None and known.state not in NOT_ON_THE_FLOOR:
            continue
        if wish.block is not None:
            return ORDER_HELD, f"line {wish.line.line_id} of the order: {wish.block[0]}"
        if known is not None and _still_refused(known, wish):
            return ORDER_REFUSED, f"ScanOrders refused line {wish.line.line_id} of the order"
    return None


def _still_refused(known: OutboxLine, wish: Wish) -> bool:
    return known.state is PickState.REJECTED and known.payload_sha256 == wish.sha256


def _enter(
    plan: Plan,
    entering: Sequence[tuple[Wish, OutboxLine | None, tuple[str, str] | None]],
    wave: int,
    outcome: dict[str, tuple[PickState, str | None]],
) -> None:
    """New lines and lines that are not on the floor: to the queue, or held."""
    for position, (wish, known, block) in enumerate(entering):
        after = PickState.HELD if block else PickState.PLANNED
        reason, detail = block or (None, None)
        outcome[wish.line.pick_id] = after, reason
        if known is None:
            plan.new_lines.append(_new_line(wish, after, block, {"wave": wave, "position": position}))
        elif _still_refused(known, wish):
            outcome[known.pick_id] = PickState.REJECTED, known.reason
        elif (known.state, known.reason, known.detail, known.payload_sha256) != (after, reason, detail, wish.sha256):
            changes: dict[str, Any] = {"payload": wish.payload, "seen_payload": None, "seen_sha256": None}
            if known.state is not PickState.PLANNED:
                changes |= {"wave": wave, "position": position}
            plan.transitions.append(step(known, after, reason, detail, sha256=wish.sha256, **changes))


def _new_line(wish: Wish, state: PickState, block: tuple[str, str] | None, place: dict[str, int]) -> dict[str, Any]:
    line = wish.line
    reason, detail = block or (None, None)
    return {
        "pick_id": line.pick_id,
        "source": line.source,
        "account": line.account,
        "order_id": line.order_id,
        "order_number": line.order_number,
        "line_id": line.line_id,
        "shipment_id": line.shipment_id,
        "state": state.value,
        "reason": reason,
        "detail": detail,
        "payload": wish.payload,
        "payload_sha256": wish.sha256,
        **place,
    }


def _notice_partly_sent(
    plan: Plan, key: OrderKey, wishes: Sequence[Wish], outcome: Mapping[str, tuple[PickState, str | None]]
) -> None:
    floor: list[str] = []
    doubtful: list[str] = []
    missing: list[str] = []
    for wish in wishes:
        state, reason = outcome[wish.line.pick_id]
        if state in ON_THE_FLOOR:
            floor.append(wish.line.line_id)
        elif state in PERHAPS_ON_THE_FLOOR:
            doubtful.append(wish.line.line_id)
        elif state in {PickState.HELD, PickState.REJECTED}:
            missing.append(f"{wish.line.line_id} ({reason or state.value})")
    if missing and (floor or doubtful):
        task = task_texts.partly_sent_order(key, wishes[0].line.order_number, floor, doubtful, missing)
        plan.tasks.append(task)
