"""The Kibo fake's state: the orders that exist by now, how they were changed by hand, and their encoded records.

Records are encoded once and kept until the order's next change, so a page is a join of bytes: a measurement of the
pipeline must not measure the fake.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from order_pipeline.sandbox.kibo.orders import Order, draw_day, draw_order
from order_pipeline.sandbox.kibo.payload import CONDENSED_AWAY, render
from order_pipeline.sandbox.kibo.search import Moment, SearchQuery, matches
from order_pipeline.sandbox.kibo.values import PayloadSwitches
from order_pipeline.sandbox.shared.channel import World

INSERTED_ORDER_ID = 900_000_001
CACHED_SEARCHES = 64
FAR_AWAY = datetime.max.replace(tzinfo=UTC)


def by_time(order: Order) -> tuple[datetime, int]:
    """The sort key of orderDate; ties by id."""
    return order.created_at, order.order_id


class KiboStore:
    """Orders by time; each day is made when the clock reaches it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.reset()

    def reset(self) -> None:
        """The seeded orders, nothing changed by hand."""
        self._orders: list[Order] = []
        self._by_id: dict[int, Order] = {}
        self._next_day: date = self._world.first_day
        self._overrides: dict[int, bytes] = {}
        self._records: dict[int, tuple[datetime, bytes]] = {}
        self._record_switches: PayloadSwitches | None = None
        self._found: OrderedDict[Any, list[Order]] = OrderedDict()
        self._inserted = 0

    def _draw_until(self, now: datetime, switches: PayloadSwitches) -> None:
        """Draw every day that has begun; a day's orders stay out of sight until their time."""
        while datetime.combine(self._next_day, time(), tzinfo=UTC) < now:
            drawn = draw_day(self._world.seed, self._next_day, self._world.orders_per_day, switches.size)
            self._orders.extend(drawn)
            self._by_id.update((order.order_id, order) for order in drawn)
            self._next_day += timedelta(days=1)

    def existing(self, moment: Moment) -> list[Order]:
        """All orders created before `now`, in time order."""
        self._draw_until(moment.now, moment.switches)
        return self._orders[: bisect_left(self._orders, (moment.now, 0), key=by_time)]

    def find(self, order_id: int, moment: Moment) -> Order | None:
        """One order, if it exists by now."""
        self._draw_until(moment.now, moment.switches)
        order = self._by_id.get(order_id)
        return order if order is not None and order.created_at < moment.now else None

    def search(self, query: SearchQuery, moment: Moment, *, inclusive_end: bool) -> list[Order]:
        """All orders that match, in the order asked for. Kept, because a client asks for the pages one by one."""
        key = (query.key, moment, inclusive_end)
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        rows = [
            order
            for order in self._candidates(query, moment, inclusive_end=inclusive_end)
            if matches(order, query, moment) and in_ship_window(order, query, moment, inclusive_end=inclusive_end)
        ]
        sort = query.values.get("sortBy")
        rows.sort(key=by_time if sort else lambda order: order.order_id, reverse=(sort or "").startswith("-"))
        self._found[key] = rows
        if len(self._found) > CACHED_SEARCHES:
            self._found.popitem(last=False)
        return rows

    def _candidates(self, query: SearchQuery, moment: Moment, *, inclusive_end: bool) -> Sequence[Order]:
        """The few orders that can match: by id, by order date, else all."""
        values = query.values
        if "orderID" in values:
            found = (self.find(order_id, moment) for order_id in values["orderID"])
            orders = sorted((order for order in found if order is not None), key=by_time)
        else:
            orders = self.existing(moment)
        if "orderDateStart" not in values:
            return orders
        first = bisect_left(orders, (values["orderDateStart"], 0), key=by_time)
        end = values["orderDateEnd"] + timedelta(seconds=1 if inclusive_end else 0)
        return orders[first : bisect_left(orders, (end, 0), key=by_time)]

    def record(self, order: Order, moment: Moment) -> bytes:
        """The order's JSON, as it is now."""
        if order.order_id in self._overrides:
            return self._overrides[order.order_id]
        if moment.switches is not self._record_switches:
            self._records.clear()
            self._record_switches = moment.switches
        kept = self._records.get(order.order_id)
        if kept is not None and moment.now < kept[0]:
            return kept[1]
        until = next((change for change in order.changes() if change > moment.now), FAR_AWAY)
        body = render(order, moment.now, moment.switches)
        self._records[order.order_id] = (until, body)
        return body

    def condensed_record(self, order: Order, moment: Moment) -> bytes:
        """The order without the parts that condensedResponse leaves out."""
        value = msgspec.json.decode(self.record(order, moment))
        return msgspec.json.encode({name: part for name, part in value.items() if name not in CONDENSED_AWAY})

    def warm(self, moment: Moment) -> int:
        """Encode every record that exists by now; returns how many."""
        orders = self.existing(moment)
        for order in orders:
            self.record(order, moment)
        return len(orders)

    def insert_near(self, created_at: datetime, moment: Moment) -> Order:
        """A new order at that time: it was not there a moment ago, and it moves the rows behind it."""
        self._draw_until(moment.now, moment.switches)
        draw = random.Random(f"kibo-insert:{self._world.seed}:{self._inserted}")  # noqa: S311
        order = draw_order(draw, INSERTED_ORDER_ID + self._inserted, created_at, moment.switches.size)
        self._inserted += 1
        insort(self._orders, order, key=by_time)
        self._by_id[order.order_id] = order
        self._found.clear()
        return order

    def cancel(self, order: Order, moment: Moment) -> None:
        """Cancel all that is not shipped yet, at once."""
        for shipment in order.shipments:
            shipment.steps = [step for step in shipment.steps if step[0] <= moment.now]
            if shipment.state_at(moment.now) != "SHIPPED":
                shipment.steps.append((max(moment.now, order.created_at), "CANCELLED"))
        self._records.pop(order.order_id, None)
        self._found.clear()

    def override(self, order_id: int, body: bytes | None) -> None:
        """Serve these bytes as the order's record, whatever they are; None: the true record again."""
        if body is None:
            self._overrides.pop(order_id, None)
        else:
            self._overrides[order_id] = body


def in_ship_window(order: Order, query: SearchQuery, moment: Moment, *, inclusive_end: bool) -> bool:
    """Whether a shipment left inside the window of ship dates, when one is given."""
    if "shipDateStart" not in query.values:
        return True
    start, end = query.values["shipDateStart"], query.values["shipDateEnd"]
    left_at = (shipment.time_of("SHIPPED") for shipment in order.shipments)
    return any(
        start <= moment_left <= end and (inclusive_end or moment_left < end)
        for moment_left in left_at
        if moment_left is not None and moment_left <= moment.now
    )
