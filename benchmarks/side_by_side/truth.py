"""What the fake truly holds, read page by page without any of the tools: each tool's tables are compared with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any
from unicodedata import normalize

import msgspec

from benchmarks.peers.kibo_pages import page_reader, searches, total_of

CHANGED_CITY = "Changed by the benchmark"


@dataclass(frozen=True, slots=True)
class Contents:
    """All rows that a tool left, or should have left.

    Attributes:
        orders: order id, city and total in cents, each with how many rows say so.
        items: order id, article and pieces of the items of shipments, each with how many rows say so.
    """

    orders: Counter[tuple[int, str, int]] = field(default_factory=Counter[tuple[int, str, int]])
    items: Counter[tuple[int, str, int]] = field(default_factory=Counter[tuple[int, str, int]])

    @property
    def order_ids(self) -> list[int]:
        """Every order once, in order."""
        return sorted({order_id for order_id, _, _ in self.orders})

    def with_changed_city(self, order_ids: Collection[int]) -> Contents:
        """The same after `change_orders`."""
        changed = frozenset(order_ids)
        orders = Counter[tuple[int, str, int]]()
        for (order_id, city, cents), count in self.orders.items():
            orders[order_id, CHANGED_CITY if order_id in changed else city, cents] += count
        return replace(self, orders=orders)


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that are not as they should be: missing, there more than once, or with other values."""

    lost: int = 0
    twice: int = 0
    changed: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.twice or self.changed)

    def __str__(self) -> str:
        return f"{self.lost} rows lost, {self.twice} twice, {self.changed} with other values"


def compare(wanted: Contents, found: Contents) -> Difference:
    """What is wrong with what a tool left. An item has no key that all tools keep: with other values it is lost."""
    there, should = (Counter(order_id for order_id, _, _ in each.orders.elements()) for each in (found, wanted))
    extra_items = (found.items - wanted.items).total()
    as_wanted = {key[0] for key in found.orders.keys() & wanted.orders.keys()}
    return Difference(
        lost=len(should.keys() - there.keys()) + (wanted.items - found.items).total(),
        twice=sum(count - 1 for count in there.values()) + extra_items,
        changed=len(there.keys() - as_wanted),
    )


def cents(amount: object) -> int:
    """An amount in cents, whether a tool kept it as text, as a float or as a decimal."""
    return round(Decimal(str(amount)) * 100)


def plain(text: str) -> str:
    """A city as our core has it; the vendor sends some with HTML entities, which the peers keep."""
    return normalize("NFC", unescape(text)).strip()


def contents_of_fake(url: str, days: int, today: date) -> Contents:
    """Read every page of every search once."""
    contents = Contents()
    for order in read_orders(url, days, today):
        order_id = int(order["orderID"])
        city = plain(order["shippingAddressInformation"]["city"])
        contents.orders[order_id, city, cents(order["total"])] += 1
        for shipment in order.get("shipments") or []:
            for item in shipment.get("items") or []:
                contents.items[order_id, item["sku"], int(item["quantity"])] += 1
    return contents


def read_orders(url: str, days: int, today: date) -> Iterator[dict[str, Any]]:
    """Every order of the fake in the days."""
    get = page_reader(url)
    for search in searches(days, today):
        number, pages = 1, 1
        while number <= pages:
            body = get(search, number)
            pages = -(-total_of(body) // 100)
            yield from msgspec.json.decode(body)["collection"]
            number += 1
