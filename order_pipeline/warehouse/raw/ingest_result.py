"""What an ingest did: counts, days and reports, for the asset's metadata and for `raw.fetches`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from order_pipeline.channels.base import FetchReport


@dataclass(slots=True)
class Counts:
    """What became of received records: new, unchanged, reappeared (older content came back) or a dead letter."""

    new_versions: int = 0
    unchanged: int = 0
    reappeared: int = 0
    dead_letters: int = 0

    @property
    def records(self) -> int:
        """Records received."""
        return self.new_versions + self.unchanged + self.reappeared + self.dead_letters

    def add(self, other: Counts) -> None:
        """Add another count to this one."""
        self.new_versions += other.new_versions
        self.unchanged += other.unchanged
        self.reappeared += other.reappeared
        self.dead_letters += other.dead_letters


@dataclass(slots=True)
class IngestResult:
    """What one ingest did so far: totals, counts per resource, days whose core is owed, and every fetch report."""

    source: str
    run_id: str
    total: Counts = field(default_factory=Counts)
    resources: dict[str, Counts] = field(default_factory=dict[str, Counts])
    stale_days: set[date] = field(default_factory=set[date])
    reports: list[FetchReport] = field(default_factory=list[FetchReport])
    commits: int = 0
    payload_bytes: int = 0

    @property
    def incomplete(self) -> list[FetchReport]:
        """Reports of windows that are not proved complete."""
        return [report for report in self.reports if not report.complete]

    def add(
        self,
        counts: Iterable[Mapping[str, Counts]],
        stale_days: set[date],
        reports: Iterable[FetchReport],
        payload_bytes: int,
    ) -> None:
        """Add what one transaction wrote; `counts` by resource, one mapping a commit group."""
        for group in counts:
            for resource, counted in group.items():
                self.total.add(counted)
                self.resources.setdefault(resource, Counts()).add(counted)
        self.stale_days |= stale_days
        self.reports += reports
        self.payload_bytes += payload_bytes
