"""The sending order: oldest wave first, and of every order one line out at a time.

When the first line of an order is refused, nothing of the order is on the floor yet. So one line at a time keeps an
order whole as far as that can be. Several orders are sent at once.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from order_pipeline.picking.outbox.store import OrderKey, OutboxLine


class SendingQueue:
    """Planned lines by order. A taken line makes its order busy until it is finished or put back."""

    def __init__(self, lines: Iterable[OutboxLine]) -> None:
        self._lines: dict[OrderKey, deque[OutboxLine]] = {}
        for line in sorted(lines, key=lambda line: (line.wave, line.position)):
            self._lines.setdefault(line.order_key, deque()).append(line)
        self._rank = {key: rank for rank, key in enumerate(self._lines)}
        self._free = [(rank, key) for key, rank in self._rank.items()]

    def take(self, at_most: int) -> list[OutboxLine]:
        """The next lines, each of another order; fewer than asked when no more orders are free."""
        taken: list[OutboxLine] = []
        while self._free and len(taken) < at_most:
            _, key = heapq.heappop(self._free)
            taken.append(self._lines[key].popleft())
        return taken

    def finished(self, line: OutboxLine) -> None:
        """The line has its answer: the order's next line may go, before all later orders."""
        self._release(line.order_key)

    def put_back(self, line: OutboxLine) -> None:
        """The line was certainly not sent: it goes first again."""
        self._lines[line.order_key].appendleft(line)
        self._release(line.order_key)

    def withdraw_rest(self, line: OutboxLine) -> list[OutboxLine]:
        """Take the rest of the line's order out of the queue."""
        rest = list(self._lines[line.order_key])
        self._lines[line.order_key].clear()
        return rest

    def _release(self, key: OrderKey) -> None:
        if self._lines[key]:
            heapq.heappush(self._free, (self._rank[key], key))
