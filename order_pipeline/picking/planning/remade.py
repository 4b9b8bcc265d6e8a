"""Planning for a pick that was made anew: the same item of the same order under another shipment or item number.

While the first one is, or may be, on the floor, the goods would go out twice. So the second waits until a person
withdrew the first or confirmed it (`operators.resolve`). What the channel asked for in one planning is no remake, and
neither is what comes after the first one left the warehouse.

The account is part of a pick's number, and the floor does not know it. A channel's order has one number under whatever
name we file it, so a line that is on the floor under another account is the same line: a changed
`ORDER_PIPELINE_SKROUTZ__ACCOUNT` sends nothing again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline.picking.outbox.states import (
    CONFIRMED,
    NOT_ON_THE_FLOOR,
    ON_THE_FLOOR,
    PERHAPS_ON_THE_FLOOR,
    WITHDRAWN,
)
from order_pipeline.picking.outbox.store import OrderKey, OutboxLine
from order_pipeline.picking.outbox.tasks import remade_after_send
from order_pipeline.picking.planning.pick_lines import PickLine
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.pick_requests import PickRequest, Plan
from order_pipeline.picking.planning.upstream import SHIPPED_STATUSES

REMADE = "remade_after_send"

ChannelOrder: TypeAlias = tuple[str, str]
"""Channel and order number."""


def hold_remade(
    plan: Plan,
    orders: Mapping[OrderKey, Sequence[PickRequest]],
    outbox: Mapping[str, OutboxLine],
    picks: PickList,
) -> dict[OrderKey, list[PickRequest]]:
    """The same requests; those that were made anew are blocked, each with a task."""
    earlier = _on_the_floor(outbox.values(), picks)
    held: dict[OrderKey, list[PickRequest]] = {}
    for key, requests in orders.items():
        held[key] = [_held(plan, each, outbox, earlier.get(_order_of(each.line), ())) for each in requests]
    return held


def _on_the_floor(lines: Iterable[OutboxLine], picks: PickList) -> dict[ChannelOrder, list[OutboxLine]]:
    """The lines whose goods may still be here. One that is not followed any more left long ago."""
    upstream = {status.pick_id: status for status in picks.upstream}
    found: dict[ChannelOrder, list[OutboxLine]] = {}
    for line in filter(picks.follows, lines):
        status = upstream.get(line.pick_id)
        has_left = status is not None and status.status in SHIPPED_STATUSES
        is_settled = line.reason in {CONFIRMED, WITHDRAWN}
        if line.state in ON_THE_FLOOR | PERHAPS_ON_THE_FLOOR and not has_left and not is_settled:
            found.setdefault(_order_of(line), []).append(line)
    return found


def _order_of(line: OutboxLine | PickLine) -> ChannelOrder:
    return line.source, line.order_number


def _held(
    plan: Plan, request: PickRequest, outbox: Mapping[str, OutboxLine], earlier: Sequence[OutboxLine]
) -> PickRequest:
    known = outbox.get(request.line.pick_id)
    if known is not None and known.state not in NOT_ON_THE_FLOOR:
        return request
    for first in earlier:
        if (known is None or first.wave < known.wave) and _is_same_item(first, request):
            line = request.line
            plan.tasks.append(remade_after_send(first, line.source, line.pick_id, line.order_number))
            if request.block is not None:
                return request
            place = f" at the floor {first.floor}" if first.floor != request.floor else ""
            detail = (
                f"{first.pick_id} of the same item is {first.state.value}{place}: order-pipeline outbox withdraw, or "
                "confirm"
            )
            return replace(request, block=(REMADE, detail))
    return request


def _is_same_item(first: OutboxLine, request: PickRequest) -> bool:
    """Whether both are for one line of the order, or for one barcode of the order under one account."""
    if first.line_id == request.line.line_id:
        return True
    if first.order_key != request.line.order_key:
        return False
    return read_payload(first.payload).get("barcode", "") == (request.line.barcode or None)
