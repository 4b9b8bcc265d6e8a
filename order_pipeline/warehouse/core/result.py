"""What a build did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from order_pipeline.warehouse.core.quarantine import RejectChanges
from order_pipeline.warehouse.core.soft_checks import SoftWarning, merged


@dataclass(slots=True)
class CoreResult:
    """What one build did.

    Attributes:
        source: the channel.
        days: built, in order.
        skipped_days: requested, and nothing was to be done.
        failed_days: could not be built, with the reason as far as it may be shown.
        left_days: core owes them, and later builds take them.
        rows: good rows of the built days by table (append-only tables: rows added).
        halvings: chunks that failed and were staged again in halves (`last_net`).
    """

    source: str
    days: tuple[date, ...] = ()
    skipped_days: tuple[date, ...] = ()
    failed_days: dict[date, str] = field(default_factory=dict[date, str])
    left_days: tuple[date, ...] = ()
    rows: Counter[str] = field(default_factory=Counter[str])
    rejected_rows: int = 0
    rejects_by_rule: Counter[str] = field(default_factory=Counter[str])
    quarantine: RejectChanges = field(default_factory=RejectChanges)
    warnings: tuple[SoftWarning, ...] = ()
    halvings: int = 0
    seconds: float = 0.0

    def add(self, published: CoreResult) -> None:
        """Add what was published."""
        self.days = tuple(sorted({*self.days, *published.days}))
        self.rows += published.rows
        self.rejected_rows += published.rejected_rows
        self.rejects_by_rule += published.rejects_by_rule
        self.quarantine += published.quarantine
        self.warnings = merged([*self.warnings, *published.warnings], over_days=True)
