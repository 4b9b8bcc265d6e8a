"""What happens to Skroutz orders as the sandbox clock advances: states, couriers, returns, and the events they cause.

`settle` brings the book of all orders to the clock's time. `sender.py` delivers the events.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from order_pipeline.sandbox.shared.channel import World
from order_pipeline.sandbox.skroutz.demo import demo_orders
from order_pipeline.sandbox.skroutz.orders import FILES, Order, athens_text, draw_order

SILENT_STATES = frozenset({"delivered", "for_return", "partially_delivered"})
"""States without a webhook (docs/apis/skroutz.md section 6)."""

Changes = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook that is due: the exact bytes of its body, file URLs still without the fake's address."""

    code: str
    happened_at: datetime
    body: bytes


@dataclass(order=True, slots=True)
class Step:
    """Something that happens to an order at a time; `act` returns what changed."""

    at: datetime
    name: str = field(compare=False)
    act: Callable[[Order], Changes] = field(compare=False)


def planned_life(draw: random.Random, order: Order, created_at: datetime) -> list[Step]:
    """The steps of an order that nobody touches through the API, in order of time."""
    fate = draw.random()
    accepted_at = created_at + timedelta(minutes=draw.randrange(20, 600))
    if order["express"] or order["fulfilled_by_skroutz"]:
        accepted_at = created_at
    elif fate < 0.06:
        return [Step(accepted_at, "reject", _rejection(draw))]
    elif fate < 0.09:
        return [Step(created_at + timedelta(hours=24), "expire", _to_state("expired"))]
    elif fate < 0.13:
        return [Step(accepted_at, "cancel", _to_state("cancelled"))]
    steps = [Step(accepted_at, "accept", acceptance(1, 1))]
    if 0.13 < fate < 0.16 and accepted_at > created_at:
        steps.insert(0, Step(created_at + timedelta(minutes=3), "extend", extension(created_at)))
    if fate > 0.97:
        return [*steps, Step(accepted_at + timedelta(hours=1), "cancel", _to_state("cancelled"))]
    voucher_at = accepted_at + timedelta(minutes=draw.randrange(5, 90))
    dispatched_at = voucher_at + timedelta(hours=draw.randrange(8, 40))
    steps.append(Step(voucher_at, "voucher", voucher(f"9{draw.randrange(10**8):08d}")))
    steps.append(Step(dispatched_at, "dispatch", _dispatch(draw)))
    return steps + _after_dispatch(draw, fate, dispatched_at)


def _after_dispatch(draw: random.Random, fate: float, dispatched_at: datetime) -> list[Step]:
    arrived_at = dispatched_at + timedelta(hours=draw.randrange(18, 70))
    if fate > 0.95:
        return [Step(dispatched_at + timedelta(hours=5), "cancel", _to_state("cancelled"))]
    if fate > 0.92:
        back_at = arrived_at + timedelta(hours=48)
        return [Step(arrived_at, "send back", _to_state("for_return")), Step(back_at, "return", _to_state("returned"))]
    arrived_as = "partially_delivered" if fate > 0.90 else "delivered"
    return [Step(arrived_at, "deliver", _to_state(arrived_as))]


def change_state(order: Order, state: str) -> Changes:
    """Enter a state; what an open order offers goes with it."""
    before, order["state"] = order["state"], state
    order.pop("accept_options", None)
    order.pop("reject_options", None)
    return {"state": {"old": before, "new": state}}


def acceptance(location_number: int, parcels: int) -> Callable[[Order], Changes]:
    """Accepted with a pickup location (counted from 1): state and pickup fields change together."""

    def act(order: Order) -> Changes:
        locations = order["accept_options"]["pickup_location"]
        address = locations[min(location_number, len(locations)) - 1]["label"]
        changes = change_state(order, "accepted")
        start = datetime.fromisoformat(order["created_at"]) + timedelta(hours=20)
        news: dict[str, Any] = {"number_of_parcels": parcels, "pickup_address": address}
        if not order["store_pickup"]:
            news["pickup_window"] = {"from": athens_text(start), "to": athens_text(start + timedelta(hours=3))}
        return changes | _set(order, news)

    return act


def voucher(tracking_code: str) -> Callable[[Order], Changes]:
    """The courier's voucher and tracking code exist; a store pickup gets neither."""

    def act(order: Order) -> Changes:
        if order["store_pickup"]:
            return {}
        news: dict[str, Any] = {"courier_tracking_codes": [tracking_code]}
        if not order["fulfilled_by_skroutz"]:
            news["courier_voucher"] = f"{FILES}/vouchers/{order['code']}.pdf"
        return _set(order, news)

    return act


def extension(now: datetime) -> Callable[[Order], Changes]:
    """More time to accept and to dispatch; the state stays."""

    def act(order: Order) -> Changes:
        news = {"expires_at": athens_text(now + timedelta(hours=36))}
        if order["dispatch_until"]:
            news["dispatch_until"] = athens_text(now + timedelta(hours=60))
        return _set(order, news)

    return act


def _to_state(state: str) -> Callable[[Order], Changes]:
    return lambda order: change_state(order, state)


def _rejection(draw: random.Random) -> Callable[[Order], Changes]:
    reason = draw.choice(("no_stock", "wrong_price", "discontinuation", None))

    def act(order: Order) -> Changes:
        if reason is None:
            order["rejection_info"] = {"reason": "Κλειστό λόγω απογραφής", "actor": "merchant"}
        else:
            order["line_items"][0]["rejection_reason"] = reason
        return change_state(order, "rejected")

    return act


def _dispatch(draw: random.Random) -> Callable[[Order], Changes]:
    serial = f"SN{draw.randrange(10**8):08d}" if draw.random() < 0.06 else None

    def act(order: Order) -> Changes:
        if serial:
            first = order["line_items"][0]
            first["serial_numbers"] = ",".join(f"{serial}{piece}" for piece in range(first["quantity"]))
        changes = change_state(order, "dispatched")
        if order["fulfilled_by_skroutz"]:
            changes |= _set(order, {"fbs_delivery_note": "ΔΑΠ-1", "fbs_delivery_note_url": f"{FILES}/notes/1.pdf"})
        return changes

    return act


def _set(order: Order, news: dict[str, Any]) -> Changes:
    changes = {key: {"old": order.get(key), "new": value} for key, value in news.items()}
    order.update(news)
    return changes


class OrderBook:
    """All orders of the shop, and the events that are due but not yet sent, in order of their time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.orders: dict[str, Order] = {}
        self._plans: dict[str, list[Step]] = {}
        self._born: list[tuple[datetime, str]] = []
        self.due: list[Event] = []
        self.made = 0
        self.demo = demo_orders()
        self._drawn_until = world.first_day

    def settle(self) -> None:
        """Let everything happen that is due by the sandbox clock."""
        now = self._world.clock.now()
        while self._drawn_until <= now.date():
            self._draw_day()
        first_new = len(self.due)
        for born_at, code in self._born:
            if born_at <= now and code not in self.orders:
                self._appear(code, born_at)
        self._born = [(born_at, code) for born_at, code in self._born if born_at > now]
        for code, steps in list(self._plans.items()):
            while steps and steps[0].at <= now:
                step = steps.pop(0)
                self.record(code, step.act(self.orders[code]), step.at)
            if not steps:
                del self._plans[code]
        self.due[first_new:] = sorted(self.due[first_new:], key=lambda event: event.happened_at)

    def find(self, code: str) -> Order | None:
        """The order of this code as it is now; a demo order never changes."""
        self.settle()
        return self.demo.get(code) or self.orders.get(code)

    def plan(self, code: str, steps: list[Step]) -> None:
        """Somebody acted on the order through the API: these steps follow, instead of those planned before."""
        self._plans[code] = steps

    def record(self, code: str, changes: Changes, at: datetime, event_type: str = "order_updated") -> None:
        """Make the event of a change due, unless the change is one that has no webhook."""
        entered = changes.get("state", {}).get("new")
        if (event_type == "order_updated" and not changes) or entered in SILENT_STATES:
            return
        order = self.demo.get(code) or self.orders[code]
        body: dict[str, Any] = {"event_type": event_type, "event_time": athens_text(at), "order": order}
        if changes:
            body["changes"] = changes
        self.due.append(Event(code, at, msgspec.json.encode(body)))
        self.made += 1

    def take_due(self, most: int | None = None) -> list[Event]:
        """The events to send now; they are not due any more."""
        self.settle()
        count = len(self.due) if most is None else most
        taken, self.due = self.due[:count], self.due[count:]
        return taken

    def _draw_day(self) -> None:
        day = self._drawn_until
        start = datetime(day.year, day.month, day.day, tzinfo=self._world.clock.start.tzinfo)
        draw = random.Random(f"{self._world.seed}:skroutz:{day}")  # noqa: S311
        seconds = sorted(draw.sample(range(86_400), min(self._world.orders_per_day, 86_400)))
        self._born += [
            (start + timedelta(seconds=second), f"{day:%y%m%d}-{number * 7919 % 10_000_000:07d}")
            for number, second in enumerate(seconds, start=1)
        ]
        self._drawn_until += timedelta(days=1)

    def _appear(self, code: str, born_at: datetime) -> None:
        draw = random.Random(f"{self._world.seed}:{code}")  # noqa: S311
        order = self.orders[code] = draw_order(draw, code, born_at)
        steps = planned_life(draw, order, born_at)
        if steps[0].at == born_at:  # accepted by an automatic process: its first event shows it accepted
            steps.pop(0).act(order)
        self._plans[code] = steps
        self.record(code, {}, born_at, "new_order")
