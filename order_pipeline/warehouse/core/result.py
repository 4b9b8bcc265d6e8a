"""What a build did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.core.quarantine import RejectChanges
from order_pipeline.warehouse.core.soft_checks import SoftWarning, summarised


@dataclass(slots=True)
class CoreResult:
    """What one build did. `rows` counts the good rows of the built days by table (append-only tables: rows added)."""

    source: str
    days: tuple[date, ...] = ()
    skipped_days: tuple[date, ...] = ()
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CORE_TABLES, 0))
    rejected_rows: int = 0
    rejects_by_rule: dict[str, int] = field(default_factory=dict[str, int])
    quarantine: RejectChanges = field(default_factory=RejectChanges)
    warnings: tuple[SoftWarning, ...] = ()
    seconds: float = 0.0

    def add(self, published: CoreResult) -> None:
        """Add what was published."""
        self.days += published.days
        self.rows = {name: count + published.rows.get(name, 0) for name, count in self.rows.items()}
        self.rejected_rows += published.rejected_rows
        self.rejects_by_rule = dict(Counter(self.rejects_by_rule) + Counter(published.rejects_by_rule))
        self.quarantine = self.quarantine + published.quarantine
        self.warnings = summarised([*self.warnings, *published.warnings])
