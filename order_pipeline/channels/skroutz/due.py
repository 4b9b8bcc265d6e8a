"""Which of the orders that are due a run reads, where it may not read them all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    """Codes to read: by rank those that changed not long ago, and older ones whose turn it is; `note` counts them."""

    ranks: list[list[str]]
    in_turn: list[str]
    note: str

    def __len__(self) -> int:
        return sum(map(len, self.ranks)) + len(self.in_turn)

    def sample(self, most: int) -> list[str]:
        """At most `most` of the codes; the older ones first, for they are few and come seldom."""
        return [*self.in_turn, *sampled(self.ranks, most - len(self.in_turn))]


def sampled(ranks: Sequence[Sequence[str]], most: int) -> list[str]:
    """At most `most` of the codes, higher ranks first; of a rank that does not fit whole, a random sample.

    Random, so that an order beyond the limit of one run is read by another: taking the first ones each time would
    never come to the last while the first stay due.
    """
    asked: list[str] = []
    for rank in ranks:
        room = most - len(asked)
        asked += rank if len(rank) <= room else random.sample(rank, room)
    return asked
