"""The sending order: oldest wave first, and of every order one line out at a time, whichever floor it goes to.

When the first line of an order is refused, nothing of the order is on a floor yet. So one line at a time keeps an
order whole as far as that can be. Several orders are sent at once. A floor that cannot send keeps its own lines only.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable

from order_pipeline.floors import MAIN
from order_pipeline.picking.outbox.store import OrderKey, OutboxLine


class SendingQueue:
    """Planned lines by order and floor. A taken line makes its order busy until it is finished or put back."""

    def __init__(self, lines: Iterable[OutboxLine]) -> None:
        self._lines: dict[OrderKey, dict[str, deque[OutboxLine]]] = {}
        self._free: dict[str, list[tuple[int, OrderKey]]] = {}
        for line in sorted(lines, key=lambda line: (line.wave, line.position)):
            self._lines.setdefault(line.order_key, {}).setdefault(line.floor, deque()).append(line)
            self._free.setdefault(line.floor, [])
        self._rank = {key: rank for rank, key in enumerate(self._lines)}
        self._busy: set[OrderKey] = set()
        self._listeners: list[Callable[[], object]] = []
        for key in self._lines:
            self._release(key)

    @property
    def floors(self) -> list[str]:
        """The floors that have lines, or had some."""
        return list(self._free)

    def on_release(self, listener: Callable[[], object]) -> None:
        """Call the listener when an order is free again: another floor may have waited for it."""
        self._listeners.append(listener)

    def take(self, at_most: int, floor: str = MAIN) -> list[OutboxLine]:
        """The floor's next lines, each of another order; fewer than asked when no more orders are free."""
        free = self._free.get(floor, [])
        taken: list[OutboxLine] = []
        while free and len(taken) < at_most:
            _, key = heapq.heappop(free)
            if key not in self._busy and self._lines[key][floor]:
                self._busy.add(key)
                taken.append(self._lines[key][floor].popleft())
        return taken

    def has_lines(self, floor: str) -> bool:
        """Whether the floor has lines left; those of a busy order cannot be taken yet."""
        return any(lines.get(floor) for lines in self._lines.values())

    def finished(self, line: OutboxLine) -> None:
        """The line has its answer: the order's next line may go, before all later orders."""
        self._release(line.order_key)

    def put_back(self, line: OutboxLine) -> None:
        """The line was certainly not sent: it goes first again."""
        self._lines[line.order_key][line.floor].appendleft(line)
        self._release(line.order_key)

    def withdraw_rest(self, line: OutboxLine) -> list[OutboxLine]:
        """Take the rest of the line's order out of the queue, of all floors."""
        of_order = self._lines[line.order_key]
        rest = [each for lines in of_order.values() for each in lines]
        for lines in of_order.values():
            lines.clear()
        self._release(line.order_key)
        return rest

    def _release(self, key: OrderKey) -> None:
        """Free the order; what a floor's list holds of it from before is skipped when it is taken."""
        self._busy.discard(key)
        for floor, lines in self._lines[key].items():
            if lines:
                heapq.heappush(self._free[floor], (self._rank[key], key))
        for listener in self._listeners:
            listener()
