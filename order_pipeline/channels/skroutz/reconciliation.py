"""What reads said against what was known: the counts of one run, for its fetch report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Reconciliation:
    """What the reads of one run said, against what was known.

    Counts, in which keys webhooks and reads differed, and how reads failed.
    """

    confirmed: int = 0
    first_seen: int = 0
    differed: int = 0
    not_found: int = 0
    dead_letters: int = 0
    refused: int = 0
    failed: int = 0
    left_out: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    differing_keys: Counter[str] = field(default_factory=Counter[str])

    @property
    def compared(self) -> int:
        """Orders that Skroutz knows, and of which something may have been known before."""
        return self.confirmed + self.otherwise

    @property
    def otherwise(self) -> int:
        """Those of them of which nothing was known, or something else."""
        return self.first_seen + self.differed

    def describe(self) -> str:
        """One line for the fetch report: names of keys, never values."""
        counts = f"{self.confirmed} confirmed, {self.first_seen} first seen, {self.differed} differed"
        rest = f"{self.not_found} not found, {self.dead_letters} dead letters, {self.failed} failed"
        rest += f", {self.left_out} left out for their codes" if self.left_out else ""
        keys = ", ".join(f"{key} {count}" for key, count in self.differing_keys.most_common(8))
        why = ", ".join(f"{reason} {count}" for reason, count in self.failures.most_common(3))
        return (
            f"re-read: {counts}, {rest}" + (f" ({why})" if why else "") + (f"; differing keys: {keys}" if keys else "")
        )
