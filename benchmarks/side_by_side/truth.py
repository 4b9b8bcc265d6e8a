"""What the fake truly holds, counted page by page without any of the tools: each tool's tables must agree with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from benchmarks.peers.kibo_pages import page_reader, searches, total_of

CHANGED_CITY = "Changed by the benchmark"


@dataclass(frozen=True, slots=True)
class Counts:
    """Orders, the items of their shipments, and the orders that the workload changed."""

    orders: int
    items: int
    changed: int = 0


@dataclass
class Truth:
    """The ids of all orders, and the count of the items of all shipments."""

    order_ids: list[int] = field(default_factory=list)
    items: int = 0

    @classmethod
    def of_fake(cls, url: str, days: int, today: date) -> Truth:
        """Read every page of every search once."""
        truth = cls()
        for order in read_orders(url, days, today):
            truth.order_ids.append(order["orderID"])
            truth.items += sum(len(shipment.get("items") or []) for shipment in order.get("shipments") or [])
        return truth


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
