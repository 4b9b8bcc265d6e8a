"""The fake distributor's books: seeded orders whose every future step is planned when they are entered.

How an order looks at a moment is a pure function of its plan and the time, so the sandbox clock alone moves it on. All
values are made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from order_pipeline.sandbox.scansource.items import DistributorItem, draw

CARRIERS = ("UPS", "FEDEX", "USPS")
BUYERS = (
    ("Riverbend Retail Systems", "Dock 4", "100 Market Street", "Greenville", "SC", "29601", "US"),
    ("Café Möbius POS", "Élodie", "7 Rue Sainte-Anne", "Montréal", "QC", "H2X 1Y4", "CA"),
    ("Harbor & Pine Hospitality", "", "2200 Seaview Avenue", "Portland", "ME", "04101", "US"),
    ("Łódź Scanning Partners", "Receiving", "18 Piotrkowska", "Chicago", "IL", "60614", "US"),
)


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One order line. `line_number` counts in tens, as SAP does."""

    line_number: int
    item: DistributorItem
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """Goods that leave together: (line number, quantity) pairs, and when they are allocated, shipped and billed."""

    number: str
    allocations: tuple[tuple[int, int], ...]
    committed_at: datetime
    shipped_at: datetime
    invoiced_at: datetime
    invoice_number: str
    carrier: str
    cartons: int
    invoice_cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """A line's quantities at a moment; ordered is always the sum of the other four."""

    ordered: int
    committed: int
    back_ordered: int
    shipped: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order and all that will happen to it. Times are aware; None means that the step never comes."""

    number: str
    customer_number: str
    purchase_order: str
    end_user_purchase_order: str
    reference: str
    entered_at: datetime
    lines: tuple[PlannedLine, ...]
    deliveries: tuple[PlannedDelivery, ...]
    buyer: tuple[str, ...]
    currency: str = "USD"
    freight: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal("0.06")
    memo: str = ""
    quotation: bool = False
    released_at: datetime | None = None
    cancelled_at: datetime | None = None
    stray_tracking_number: str | None = None
    touched_at: datetime | None = None

    def shipped_deliveries(self, now: datetime) -> list[PlannedDelivery]:
        """The deliveries that have left by `now`."""
        return [delivery for delivery in self.deliveries if delivery.shipped_at <= now]

    def invoiced_deliveries(self, now: datetime) -> list[PlannedDelivery]:
        """The deliveries whose invoice exists by `now`: always some hours after they left."""
        return [delivery for delivery in self.deliveries if delivery.invoiced_at <= now]

    def on_hold(self, now: datetime) -> bool:
        """Whether the order is blocked at `now`."""
        return self.released_at is not None and now < self.released_at

    def line_state(self, line: PlannedLine, now: datetime) -> LineState:
        """The line's quantities at `now`."""
        shipped = committed = 0
        for delivery in self.deliveries:
            quantity = sum(amount for number, amount in delivery.allocations if number == line.line_number)
            if delivery.shipped_at <= now:
                shipped += quantity
            elif delivery.committed_at <= now and not self.quotation and not self.on_hold(now):
                committed += quantity
        if self.cancelled_at is not None and self.cancelled_at <= now:
            return LineState(line.quantity, 0, 0, shipped, line.quantity - shipped)
        return LineState(line.quantity, committed, line.quantity - committed - shipped, shipped, 0)

    def status(self, now: datetime) -> str:
        """The status text at `now` (section 3.7)."""
        if self.quotation:
            return "Quotation/Sales"
        states = [self.line_state(line, now) for line in self.lines]
        if all(state.cancelled == state.ordered for state in states):
            return "Cancelled"
        if self.on_hold(now):
            return "On Hold"
        if all(state.shipped + state.cancelled == state.ordered for state in states):
            return "Completely Shipped"
        return "Partially Shipped" if any(state.shipped for state in states) else "Open"

    def last_changed(self, now: datetime) -> datetime:
        """When the latest step before `now` happened."""
        steps = [self.entered_at, self.released_at, self.cancelled_at, self.touched_at]
        for delivery in self.deliveries:
            steps += [delivery.committed_at, delivery.shipped_at, delivery.invoiced_at, delivery.invoice_cancelled_at]
        return max(step for step in steps if step is not None and step <= now)

    def goods_total(self) -> Decimal:
        """Sum of quantity x price."""
        return sum((line.quantity * line.item.partner_price for line in self.lines), Decimal(0))

    def tax(self) -> Decimal:
        """Tax on the goods, in whole cents."""
        return (self.goods_total() * self.tax_rate).quantize(Decimal("0.01"))


class Books:
    """All that the distributor knows, by item number, order number and invoice number."""

    def __init__(self, items: Sequence[DistributorItem], orders: Sequence[PlannedOrder] = ()) -> None:
        self.items = {item.item_number.casefold(): item for item in items}
        self.orders: dict[str, PlannedOrder] = {}
        self._invoices: dict[str, tuple[str, int]] = {}
        self.replace_orders(orders)

    def replace_orders(self, orders: Sequence[PlannedOrder]) -> None:
        """Forget every order and enter these."""
        self.orders.clear()
        self._invoices.clear()
        for order in orders:
            self.put(order)

    def put(self, order: PlannedOrder) -> None:
        """Enter the order, or replace the plan of one that is known."""
        self.orders[order.number] = order
        for position, delivery in enumerate(order.deliveries):
            self._invoices[delivery.invoice_number] = (order.number, position)

    def invoice(self, number: str) -> tuple[PlannedOrder, PlannedDelivery] | None:
        """The order and the delivery that the invoice bills."""
        if number not in self._invoices:
            return None
        order_number, position = self._invoices[number]
        order = self.orders[order_number]
        return order, order.deliveries[position]

    def touch(self, number: str, now: datetime, memo: str) -> None:
        """Change the order at `now` in a way that only its LastChanged and its detail show."""
        self.put(replace(self.orders[number], memo=memo, touched_at=now))


def plan_orders(
    items: Sequence[DistributorItem],
    *,
    seed: int,
    orders: int,
    first_day: date,
    days: int,
    customer_numbers: Sequence[str] = ("1000047110",),
) -> list[PlannedOrder]:
    """`orders` orders entered evenly over `days` days from `first_day` (UTC) on."""
    planned: list[PlannedOrder] = []
    midnight = datetime.combine(first_day, time(), tzinfo=UTC)
    for index in range(orders):
        random = draw(f"{seed}:scansource-order:{index}")
        day = index * days // orders
        entered_at = midnight + timedelta(days=day, minutes=random.randrange(0, 24 * 60))
        customer = customer_numbers[index % len(customer_numbers)]
        planned.append(plan_order(random, index, customer, entered_at, items))
    return planned


def plan_order(
    random: Random, index: int, customer_number: str, entered_at: datetime, items: Sequence[DistributorItem]
) -> PlannedOrder:
    """One order with one to six lines; one order in eight has the same item on two lines."""
    chosen = random.sample(items, k=min(len(items), random.choice((1, 1, 2, 3, 4, 6))))
    if random.random() < 0.125:
        chosen.append(chosen[0])
    lines = tuple(
        PlannedLine(10 * position, item, random.choice((1, 1, 2, 3, 10))) for position, item in enumerate(chosen, 1)
    )
    fate = random.random()
    quotation, cancelled, held = fate < 0.03, 0.03 <= fate < 0.08, 0.08 <= fate < 0.13
    released_at = entered_at + timedelta(days=random.choice((1, 3, 30))) if held else None
    deliveries = () if quotation or cancelled else _plan_deliveries(random, index, lines, released_at or entered_at)
    stray = f"1Z999STRAY{index:08d}" if deliveries and random.random() < 0.02 else None
    return PlannedOrder(
        number=f"{41_000_000 + index:010d}",
        customer_number=customer_number,
        purchase_order=f"PO-{2000 + index}",
        end_user_purchase_order=f"EU{index:06d}" if random.random() < 0.5 else "",
        reference=f"WEB-{index}" if random.random() < 0.7 else "",
        entered_at=entered_at,
        lines=lines,
        deliveries=deliveries,
        buyer=random.choice(BUYERS),
        freight=Decimal(random.randrange(0, 6000)) / 100,
        memo="Deliver to the back door" if random.random() < 0.1 else "",
        quotation=quotation,
        released_at=released_at,
        cancelled_at=entered_at + timedelta(hours=random.randrange(2, 48)) if cancelled else None,
        stray_tracking_number=stray,
    )


def _plan_deliveries(
    random: Random, index: int, lines: Sequence[PlannedLine], start: datetime
) -> tuple[PlannedDelivery, ...]:
    """One delivery, or two when a part has to wait for stock; one order in ten waits for stock for very long."""
    now_part: list[tuple[int, int]] = []
    later_part: list[tuple[int, int]] = []
    for line in lines:
        waiting = random.randrange(0, line.quantity + 1) if random.random() < 0.25 else 0
        if line.quantity > waiting:
            now_part.append((line.line_number, line.quantity - waiting))
        if waiting:
            later_part.append((line.line_number, waiting))
    committed_at = start + timedelta(minutes=random.randrange(0, 90))
    shipped_at = committed_at + timedelta(hours=random.choice((6, 20, 30, 54, 120)))
    deliveries: list[PlannedDelivery] = []
    if now_part:
        deliveries.append(_plan_delivery(random, f"{index}1", now_part, committed_at, shipped_at))
    if later_part:
        arrival = shipped_at + timedelta(days=random.choice((1, 2, 5, 60)))
        deliveries.append(_plan_delivery(random, f"{index}2", later_part, arrival, arrival + timedelta(hours=9)))
    return tuple(deliveries)


def _plan_delivery(
    random: Random, suffix: str, allocations: Sequence[tuple[int, int]], committed_at: datetime, shipped_at: datetime
) -> PlannedDelivery:
    invoiced_at = shipped_at + timedelta(hours=random.randrange(2, 20))
    return PlannedDelivery(
        number=f"8{int(suffix):09d}",
        allocations=tuple(allocations),
        committed_at=committed_at,
        shipped_at=shipped_at,
        invoiced_at=invoiced_at,
        invoice_number=f"9{int(suffix):09d}",
        carrier=random.choice(CARRIERS),
        cartons=random.choice((1, 1, 2)),
        invoice_cancelled_at=invoiced_at + timedelta(days=2) if random.random() < 0.02 else None,
    )
