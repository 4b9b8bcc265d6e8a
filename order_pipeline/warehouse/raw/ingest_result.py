"""What an ingest did: counts, days and reports, for the asset's metadata and for `raw.fetches`."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import date, timedelta
from operator import add

from order_pipeline.channels.base import FetchReport, SoFar


@dataclass(frozen=True, slots=True)
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

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(add, astuple(self), astuple(other)))


@dataclass(slots=True)
class IngestResult:
    """What one ingest did so far: totals, counts per resource, days whose core is owed, and every fetch report.

    Attributes:
        clock_behind: how far the clock stood behind a row that was stored before; more than minutes: it jumped.
        so_far: what the extraction said last of how far it has come.
    """

    source: str
    run_id: str
    resources: dict[str, Counts] = field(default_factory=dict[str, Counts])
    stale_days: set[date] = field(default_factory=set[date])
    reports: list[FetchReport] = field(default_factory=list[FetchReport])
    commits: int = 0
    payload_bytes: int = 0
    clock_behind: timedelta = timedelta(0)
    so_far: SoFar | None = None

    @property
    def total(self) -> Counts:
        """The counts of all resources."""
        return sum(self.resources.values(), Counts())

    @property
    def incomplete(self) -> list[FetchReport]:
        """Reports of windows that are not proved complete."""
        return [report for report in self.reports if not report.complete]

    def count(self, resource: str, counts: Counts) -> None:
        """Add counts of a resource."""
        self.resources[resource] = self.resources.get(resource, Counts()) + counts

    def add(self, part: IngestResult) -> None:
        """Add what another transaction wrote, or another ingest of the same run."""
        for resource, counts in part.resources.items():
            self.count(resource, counts)
        self.stale_days |= part.stale_days
        self.reports += part.reports
        self.commits += part.commits
        self.payload_bytes += part.payload_bytes
        self.clock_behind = max(self.clock_behind, part.clock_behind)
