"""What a reconciliation finds: one row a difference, with what is concerned, why, and the command that heals it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Comparison(StrEnum):
    """Two places that must agree."""

    RECORDS = "records"
    """What raw holds, and where core has it."""
    PICKS = "picks"
    """What may be picked, and what the outbox has."""
    COPY = "copy"
    """The outbox, and its copy `core.pick_status`."""
    FLOOR = "floor"
    """What was sent, and what the read-back saw at ScanOrders."""


class Reason(StrEnum):
    """Why two places do not agree."""

    NOT_IN_CORE = "not_in_core"
    """A record of raw is neither in core nor in quarantine, and core owes its day nothing."""
    OLDER_IN_CORE = "older_in_core"
    """A record changed after its day was built, and core owes the day nothing."""
    NOT_ON_LIST = "not_on_list"
    """A pick candidate is not on the list of picks, and no policy leaves it out."""
    NOT_IN_OUTBOX = "not_in_outbox"
    """A line of the list of picks was there for the last emission, and the outbox does not have it."""
    HELD_WITHOUT_REASON = "held_without_reason"
    """The outbox holds a line and does not say why."""
    NOT_PUBLISHED = "not_published"
    """A line of the outbox moved before the last copy, and the copy does not have it."""
    PUBLISHED_OTHERWISE = "published_otherwise"
    """The copy has another state, reason or floor than the outbox."""
    ONLY_PUBLISHED = "only_published"
    """The copy has a line that the outbox does not have."""
    UNKNOWN_TO_FLOOR = "unknown_to_floor"
    """A line was accepted, and ScanOrders does not know it, though it knows later ones."""
    OTHER_ORDER_THERE = "other_order_there"
    """ScanOrders has something else under the number that it gave the line."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about which two places do not agree.

    Attributes:
        comparison: the two places.
        key: a raw record (resource and record id) or a pick id. Nothing personal.
        reason: why they do not agree.
        source: the channel.
        day: the partition of the order, where it is known.
        heal: the command that heals it, or that shows it to the person who must.
    """

    comparison: Comparison
    key: str
    reason: Reason
    source: str
    day: date | None
    heal: str


@dataclass(slots=True)
class ComparisonResult:
    """One comparison.

    Attributes:
        checked: how many records or lines were compared.
        waiting: how many of them an ordinary run has yet to bring on, which is no difference.
    """

    comparison: Comparison
    checked: int = 0
    waiting: int = 0
    differences: list[Difference] = field(default_factory=list[Difference])


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All comparisons of the days from `since` on; `seconds` is what comparing them took."""

    since: date
    comparisons: list[ComparisonResult]
    seconds: float

    @property
    def differences(self) -> list[Difference]:
        """Those of all comparisons."""
        return [each for comparison in self.comparisons for each in comparison.differences]

    @property
    def agrees(self) -> bool:
        """No comparison has a difference."""
        return not self.differences
