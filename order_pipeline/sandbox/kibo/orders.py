"""The Kibo fake's orders as facts: who ordered what, and when each shipment changes its state.

A day's orders depend on the seed and the day alone, so a day is the same whatever span the sandbox shows, and a day to
come exists as soon as the clock reaches it. `payload.py` says what an order looks like at a moment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Literal

from order_pipeline.sandbox.shared.catalogue import Product, catalogue
from order_pipeline.sandbox.shared.people import Buyer, draw_buyer

State = Literal["READY", "BACKORDER", "CANCELLED", "SHIPPED"]
RecordSize = Literal["full", "lean"]

MANUFACTURERS: dict[int, str] = {30211: "USD", 30212: "CAD", 30307: "EUR"}
OUR_LOCATIONS = (110452, 110453)
LOCATIONS: dict[int, str] = {110452: "Harbour Warehouse", 110453: "Mill Lane Store", 110460: "North Depot"}
SHIP_TYPES = ("REGULAR", "EXPRESS_1_DAY", "EXPRESS_2_DAY", "EXPRESS_3_DAY")
CARRIERS = ("UPS", "FedEx", "USPS", "Other")

_EPOCH = date(2020, 1, 1)
ORDERS_A_DAY = 100_000
_LINES_AN_ORDER = 16
_SHIPMENTS_AN_ORDER = 8
_FIRST_ORDER_ITEM = 3_000_000_000  # the documented ids do not fit 32 bits
_MANUFACTURER_WEIGHTS = tuple(accumulate((60, 25, 15)))
_LINE_COUNT_WEIGHTS = tuple(accumulate((40, 22, 14, 9, 6, 4, 3, 2)))
_QUANTITY_WEIGHTS = tuple(accumulate((70, 15, 8, 4, 3)))


@dataclass(slots=True)
class Line:
    """One ordered item. Money in hundredths, per unit; `cancelled_at` None: never."""

    item_id: int
    product: Product
    quantity: int
    unit_cents: int
    discount_cents: int
    cancelled_at: datetime | None = None


@dataclass(slots=True)
class Shipment:
    """A part of an order at one location: (line, quantity) pairs, and the states it goes through, in time order.

    `moved_away`: it was cancelled because another location took its items over.
    """

    shipment_id: int
    parts: list[tuple[Line, int]]
    location: int
    steps: list[tuple[datetime, State]]
    tracking_number: str
    carrier: str
    moved_away: bool = False

    @property
    def created_at(self) -> datetime:
        """When it came to be; before that the order does not show it."""
        return self.steps[0][0]

    def state_at(self, now: datetime) -> State | None:
        """Its state at `now`; None before it exists."""
        state: State | None = None
        for moment, following in self.steps:
            if moment > now:
                break
            state = following
        return state

    def time_of(self, state: State) -> datetime | None:
        """When it enters `state`; None if it never does."""
        return next((moment for moment, entered in self.steps if entered == state), None)


@dataclass(slots=True)
class Order:
    """One order's facts. `fraud_lock` is the order's text; `address_locked` the address's flag."""

    order_id: int
    manufacturer: int
    currency: str
    created_at: datetime
    buyer: Buyer
    lines: list[Line]
    shipments: list[Shipment] = field(default_factory=list[Shipment])
    ship_type: str = "REGULAR"
    in_store_pickup: bool = False
    is_test: bool = False
    is_gift: bool = False
    fraud_score: int = 12
    fraud_lock: str = "WILL_CHARGE"
    address_locked: bool = False
    loyalty_tier: str | None = None

    @property
    def external_id(self) -> str:
        """The shop's own order id."""
        return f"WEB_{self.order_id:010d}_{self.manufacturer % 1000:03d}"

    @property
    def customer_id(self) -> str:
        """The buyer's id, with zeros in front."""
        return f"{self.order_id % 90_007:07d}"

    def changes(self) -> list[datetime]:
        """Every moment at which the order looks different from before, in order."""
        moments = {moment for shipment in self.shipments for moment, _ in shipment.steps}
        moments.update(line.cancelled_at for line in self.lines if line.cancelled_at)
        return sorted(moments)


def draw_day(seed: int, day: date, count: int, size: RecordSize = "full") -> list[Order]:
    """The orders of one day in time order; the first at 00:00:00, the last at 23:59:59, so that borders are tried.

    Raises:
        ValueError: more orders than a day has ids.
    """
    if count > ORDERS_A_DAY:
        raise ValueError(f"Kibo's fake has at most {ORDERS_A_DAY:,} orders a day, and {count:,} are asked for")
    draw = random.Random(f"kibo:{seed}:{day}")  # noqa: S311
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    seconds = sorted(draw.randrange(1, 86_399) for _ in range(count))
    if count > 1:
        seconds[0], seconds[-1] = 0, 86_399
    first_id = (day - _EPOCH).days * ORDERS_A_DAY + 1
    return [
        draw_order(draw, first_id + place, midnight + timedelta(seconds=second), size)
        for place, second in enumerate(seconds)
    ]


def draw_order(draw: random.Random, order_id: int, created_at: datetime, size: RecordSize = "full") -> Order:
    """One order and its whole life."""
    manufacturer = draw.choices(tuple(MANUFACTURERS), cum_weights=_MANUFACTURER_WEIGHTS)[0]
    currency = MANUFACTURERS[manufacturer]
    order = Order(
        order_id=order_id,
        manufacturer=manufacturer,
        currency=currency,
        created_at=created_at,
        buyer=draw_buyer(draw, currency),
        lines=_draw_lines(draw, order_id, 1 if size == "lean" else None),
        ship_type=draw.choice(SHIP_TYPES) if draw.random() < 0.15 else "REGULAR",
        in_store_pickup=draw.random() < 0.08,
        is_test=draw.random() < 0.01,
        is_gift=draw.random() < 0.03,
        fraud_score=draw.randrange(40),
        loyalty_tier="SILVER" if draw.random() < 0.04 else None,
    )
    fate = draw.random()
    if fate < 0.012:
        order.address_locked = True
    elif fate < 0.022:
        order.fraud_lock = "REVIEW_PENDING"
    _draw_shipments(draw, order, single=size == "lean")
    return order


def _draw_lines(draw: random.Random, order_id: int, count: int | None) -> list[Line]:
    products = catalogue()
    number = count or draw.choices(range(1, 9), cum_weights=_LINE_COUNT_WEIGHTS)[0]
    chosen = draw.sample(products, number)
    if number > 1 and draw.random() < 0.02:
        chosen[-1] = chosen[0]  # the same article on two lines: lines must never be joined by their number
    lines: list[Line] = []
    for place, product in enumerate(chosen):
        quantity = draw.choices((1, 2, 3, 5, 12), cum_weights=_QUANTITY_WEIGHTS)[0]
        unit_cents = product.price_cents * draw.choice((100, 100, 95, 90, 80)) // 100
        discount = unit_cents * quantity // 10 if draw.random() < 0.05 else 0
        item_id = _FIRST_ORDER_ITEM + order_id * _LINES_AN_ORDER + place
        lines.append(Line(item_id, product, quantity, unit_cents, discount))
    return lines


def _draw_shipments(draw: random.Random, order: Order, *, single: bool) -> None:
    """Assign the lines to shipments after some hours, and lay out what becomes of each."""
    assigned_at = order.created_at + timedelta(seconds=18 if draw.random() < 0.7 else draw.randrange(600, 20_000))
    groups = _split_lines(draw, order.lines, single=single)
    cancel_order = draw.random() < 0.035
    for parts in groups:
        if not single and draw.random() < 0.02:
            moved = _new_shipment(draw, order, parts, assigned_at)
            moved.steps.append((assigned_at + timedelta(hours=2), "CANCELLED"))
            moved.moved_away = True
            shipment = _new_shipment(draw, order, parts, assigned_at + timedelta(hours=2))
        else:
            shipment = _new_shipment(draw, order, parts, assigned_at)
        _lay_out_life(draw, shipment, cancel=cancel_order or draw.random() < 0.01)
    for line in order.lines:
        if draw.random() < 0.015:
            line.cancelled_at = assigned_at + timedelta(minutes=draw.randrange(1, 3000))


def _split_lines(draw: random.Random, lines: list[Line], *, single: bool) -> list[list[tuple[Line, int]]]:
    """Lines in one to three groups; rarely one line's pieces come from two locations."""
    if single or (len(lines) == 1 and lines[0].quantity == 1) or draw.random() < 0.75:
        return [[(line, line.quantity) for line in lines]]
    if len(lines) == 1 or draw.random() < 0.03:
        whole = [(line, line.quantity) for line in lines[1:]]
        pieces = lines[0].quantity
        if pieces > 1 and draw.random() < 0.1:
            return [[(lines[0], pieces - 1), *whole], [(lines[0], 1)]]
        return [[(lines[0], pieces), *whole]]
    count = min(len(lines), draw.choice((2, 2, 3)))
    return [[(line, line.quantity) for line in lines[start::count]] for start in range(count)]


def _new_shipment(draw: random.Random, order: Order, parts: list[tuple[Line, int]], created_at: datetime) -> Shipment:
    shipment = Shipment(
        shipment_id=order.order_id * _SHIPMENTS_AN_ORDER + len(order.shipments) + 1,
        parts=parts,
        location=draw.choice(tuple(LOCATIONS)),
        steps=[(created_at, "READY")],
        tracking_number=f"1Z{draw.randrange(10**14):014d}",
        carrier=draw.choice(CARRIERS),
    )
    order.shipments.append(shipment)
    return shipment


def _lay_out_life(draw: random.Random, shipment: Shipment, *, cancel: bool) -> None:
    """READY for some days and then away; or waiting for stock first; or cancelled on the way."""
    moment = shipment.created_at
    if draw.random() < 0.08:
        shipment.steps[0] = (moment, "BACKORDER")
        moment += timedelta(hours=draw.randrange(20, 110))
        shipment.steps.append((moment, "READY"))
    if cancel:
        shipment.steps.append((moment + timedelta(minutes=draw.randrange(20, 4000)), "CANCELLED"))
        return
    hours = draw.randrange(20, 72) if draw.random() < 0.3 else draw.randrange(72, 260)
    shipment.steps.append((moment + timedelta(hours=hours), "SHIPPED"))
