"""Planning: what the order says now, against what the outbox knows, gives transitions and tasks. No I/O.

The rules, in one place:
- Identity decides: a known pick id is never a new line, whatever its payload. Another payload before sending replaces
  the queued one; after sending it is a change, and a task for a person.
- An order goes out whole: if one of its lines cannot go (held by the mart, lacking what ScanOrders requires, refused
  before with this very payload), none of its unsent lines goes.
- A line that left the list of picks is held when unsent. When sent, its upstream status tells a shipment (the normal
  end) from a cancellation or a move elsewhere (a task).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from order_pipeline.picking import tasks as task_texts
from order_pipeline.picking.lines import PickLine, build_payload, payload_sha256, payload_text, why_not_sendable
from order_pipeline.picking.outbox import Observation, OutboxLine, Transition
from order_pipeline.picking.states import NOT_ON_THE_FLOOR, ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR, PickState
from order_pipeline.picking.tasks import Task
from order_pipeline.settings import ScanOrdersSettings

OrderKey: TypeAlias = tuple[str, str, str]

LEFT_THE_LIST = "no_longer_to_be_picked"
GONE = "gone"
ORDER_HELD = "order_held"
ORDER_REFUSED = "order_refused"
DUPLICATE_LINE = "duplicate_line"

DATA_GAPS = frozenset(
    {"unknown_item", "no_barcode", "no_location", "no_quantity", "fractional_quantity", "quarantined"}
)
"""Hold reasons of the mart that say something about our data, not about the order: they stop no picker."""

CALLED_OFF_STATUSES = frozenset({"cancelled", "rejected", "expired"})
"""Upstream statuses that mean: nobody wants these goods."""

UNKNOWN_STATUS = "unknown"
"""A status text that the mapping does not know: the line moved on, nobody can say where to. It is noted, not alarmed:
one line in the seed `status_mappings.csv` tells the next run what it means (Kibo documents no status after READY)."""

SHIPPED_STATUSES = frozenset(
    {"shipped", "partially_shipped", "delivered", "partially_delivered", "return_pending", "returning", "returned"}
    | {"partially_returned"}
)
"""Upstream statuses (common_schema.md section 12) that mean: the goods left, so the pick was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStatus:
    """What core knows of a sent line (a row of `marts.pick_follow_up`): needed once it left the list of picks."""

    pick_id: str
    order_status: str | None = None
    line_status: str | None = None
    shipment_status: str | None = None
    quantity_shipped: Decimal | None = None

    @property
    def status(self) -> str | None:
        """The most telling status: a cancellation anywhere, else a shipment anywhere, else the most particular one."""
        known = [status for status in (self.shipment_status, self.line_status, self.order_status) if status]
        for telling in (CALLED_OFF_STATUSES, SHIPPED_STATUSES):
            for status in known:
                if status in telling:
                    return status
        return self.shipment_status or self.order_status or self.line_status


@dataclass(slots=True)
class Plan:
    """What planning decided; storing it is one transaction."""

    new_lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    transitions: list[Transition] = field(default_factory=list[Transition])
    observations: list[Observation] = field(default_factory=list[Observation])
    tasks: list[Task] = field(default_factory=list[Task])


@dataclass(frozen=True, slots=True)
class Wish:
    """A line of the mart with the payload it would have, and why it cannot go, if so."""

    line: PickLine
    payload: str
    sha256: str
    block: tuple[str, str] | None


def make_plan(
    lines: Iterable[PickLine],
    outbox: Mapping[str, OutboxLine],
    settings: ScanOrdersSettings,
    *,
    wave: int,
    upstream: Mapping[str, UpstreamStatus] | None = None,
    covered_sources: Iterable[str] | None = None,
) -> Plan:
    """Compare the whole list of picks with the whole outbox.

    Args:
        lines: every line of `marts.pick_lines`, of every covered source.
        outbox: every line of the outbox by pick id; none in `sending` (recovery comes first).
        settings: which payload is sent, and to which orders.
        wave: the number that lines get which enter the queue now.
        upstream: what core knows of sent lines, by pick id.
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
                after = _follow_wanted(plan, known, wish, (upstream or {}).get(known.pick_id))
                outcome[known.pick_id] = after, known.reason
    _enter(plan, entering, wave, outcome)
    wanted = {wish.line.pick_id for wishes in orders.values() for wish in wishes}
    covered = None if covered_sources is None else frozenset(covered_sources)
    for known in outbox.values():
        if known.pick_id not in wanted and (covered is None or known.source in covered):
            _follow_unwanted(plan, known, (upstream or {}).get(known.pick_id))
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
            plan.transitions.append(_step(known, after, reason, detail, sha256=wish.sha256, **changes))


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


def _step(
    known: OutboxLine,
    after: PickState,
    reason: str | None,
    detail: str | None,
    *,
    sha256: str | None = None,
    **changes: Any,
) -> Transition:
    return Transition(
        pick_id=known.pick_id,
        before=known.state,
        after=after,
        attempt=known.attempt,
        payload_sha256=sha256 or known.payload_sha256,
        reason=reason,
        detail=detail,
        changes=changes,
    )


def _follow_wanted(plan: Plan, known: OutboxLine, wish: Wish, upstream: UpstreamStatus | None) -> PickState:
    """A line that is, or may be, on the floor and is still on the list of picks."""
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
    plan.transitions.append(_step(known, after, "changed_after_send", task.detail, **changes))
    return after


def _cancel(plan: Plan, known: OutboxLine, why: str, status: str | None = None) -> PickState:
    after = PickState.CANCELLED_AFTER_SEND
    if known.state is not after:
        plan.tasks.append(task_texts.cancelled_after_send(known, why))
        plan.transitions.append(_step(known, after, "cancelled_after_send", why, upstream_status=status))
    return after


def _follow_unwanted(plan: Plan, known: OutboxLine, upstream: UpstreamStatus | None) -> None:
    """A line of the outbox that is not on the list of picks any more."""
    status = upstream.status if upstream else None
    why = f"upstream status: {status or 'not known'}"
    if known.state in NOT_ON_THE_FLOOR:
        if known.reason != LEFT_THE_LIST:
            plan.transitions.append(_step(known, PickState.HELD, LEFT_THE_LIST, why, upstream_status=status))
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
