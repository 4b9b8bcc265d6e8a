"""Records that a list names again on days which an earlier run had read with proof: what shows whether proofs hold.

Such a record should be in raw. One that is not was missed then, or was added to its day since: a surprise. Counts of
both stand in the fetch report; docs/decisions/0052-certificates-of-completeness.md says what bound follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from order_pipeline.channels.base import FetchReport
from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection

SETTLED_AFTER = timedelta(days=2)
"""From its beginning, after which a day takes no more orders, whatever the zone of the channel's clock."""

_PROVED = f"""
SELECT resource, account, window_start, window_end, max(fetched_at)
FROM {all_rows("raw.fetches")}
WHERE source = $source AND complete AND lists_window AND coalesce(doubt, '') = '' AND run_id <> $run_id
GROUP BY ALL
"""

Proofs = Mapping[tuple[str, str], list[tuple[date, date]]]
"""(resource, account) -> half-open ranges of days that an earlier run read with proof after they were over."""


@dataclass(slots=True)
class DayCounts:
    """Different records of a window by their day: all, and those that raw did not have before."""

    named: Counter[date] = field(default_factory=Counter[date])
    first_seen: Counter[date] = field(default_factory=Counter[date])

    def __add__(self, other: DayCounts) -> DayCounts:
        return DayCounts(self.named + other.named, self.first_seen + other.first_seen)


def read_proofs(connection: Connection, source: str, run_id: str) -> Proofs:
    """What runs before this one have proved; days that were not over then are left out."""
    found: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for resource, account, start, end, fetched_at in connection.execute(
        _PROVED, {"source": source, "run_id": run_id}
    ).fetchall():
        days = (_day(start), min(_day(end), _day(fetched_at) - SETTLED_AFTER + timedelta(days=1)))
        if days[0] < days[1]:
            found.setdefault((resource, account), []).append(days)
    return found


def with_read_again(report: FetchReport, days: DayCounts, proofs: Proofs) -> FetchReport:
    """The report of a list, with how many of its records were proved to be in raw, and how many of them were not."""
    ranges = proofs.get((report.resource, report.account), [])
    proved = [day for day in days.named if any(first <= day < end for first, end in ranges)]
    return replace(
        report,
        read_again=sum(days.named[day] for day in proved),
        surprises=sum(days.first_seen[day] for day in proved),
    )


def _day(moment: datetime) -> date:
    return moment.date()
