"""The check `windows_proved_complete` of the raw assets: what a run's windows and days are proved to hold.

It reads the certificates (`warehouse.raw.certificates`), as alerts, `status` and `trace` do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.certificates import (
    NO_LIST,
    DayCertificate,
    ReadingBound,
    UnprovedWindow,
    read_bounds,
    read_day_certificates,
    read_unproved_of_run,
)
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult

COMPLETE_CHECK = "windows_proved_complete"
MOST_NOTES = 10


@dataclass(frozen=True, slots=True)
class Proved:
    """What the certificates say after a run: of its days, of its windows without a proof, and of the channel."""

    days: Sequence[DayCertificate]
    windows: Sequence[UnprovedWindow]
    bounds: Sequence[ReadingBound]

    def of(self, resources: Sequence[str]) -> Proved:
        """What of it is of these resources."""
        kinds = {resource.split("_")[0].rstrip("s") for resource in resources}
        return replace(self, days=[each for each in self.days if each.kind in kinds])

    def state_of(self, day: date) -> str:
        """Of one day, for all accounts. One that has none is of records that no list brings."""
        return ", ".join(sorted({each.state for each in self.days if each.day == day})) or NO_LIST


def read_proved(lake: Lake, source: str, days: Sequence[date], run_id: str) -> Proved:
    """Read them, in one snapshot."""
    now = datetime.now(UTC)
    with lake.snapshot() as connection:
        return Proved(
            [each for each in read_day_certificates(connection, now) if each.source == source and each.day in days],
            read_unproved_of_run(connection, now, source, run_id),
            [each for each in read_bounds(connection, now) if each.source == source],
        )


def check_completeness(
    key: dg.AssetKey, result: IngestResult, resources: Sequence[str], proved: Proved
) -> dg.AssetCheckResult:
    """Whether the windows are proved complete, and the run's two sides of the reconciliation beside each other."""
    reports = [report for report in result.reports if report.resource in resources]
    counts = sum((result.resources.get(resource, Counts()) for resource in resources), Counts())
    reported = sum(report.records for report in reports)
    remaining = _remaining(result, resources, proved)
    return dg.AssetCheckResult(
        check_name=COMPLETE_CHECK,
        asset_key=key,
        passed=not remaining,
        severity=dg.AssetCheckSeverity.WARN,
        description="All windows are proved complete." if not remaining else _advice(len(remaining)),
        metadata={
            "windows": len(reports),
            "not proved complete": len(remaining),
            "what remains (first ones)": dg.MetadataValue.json(remaining[:MOST_NOTES]),
            "days by certificate": dg.MetadataValue.json(dict(Counter(each.state for each in proved.days))),
            "days that a run could prove (first ones)": dg.MetadataValue.json(
                [
                    {
                        "day": each.day.isoformat(),
                        "account": each.account,
                        "of": each.kind,
                        "state": each.state,
                        "why": each.why,
                    }
                    for each in proved.days
                    if each.is_wanting
                ][:MOST_NOTES]
            ),
            "read again": "; ".join(each.in_words() for each in proved.bounds) or "nothing yet",
            "records fetched": counts.records,
            "reported by the source": reported,
            "fetched equals stored": reported == counts.records,
            "new versions": counts.new_versions,
            "unchanged": counts.unchanged,
            "dead letters": counts.dead_letters,
            "pages": sum(report.pages for report in reports),
            "calls": sum(report.calls for report in reports),
            "calls saved": sum(report.calls_saved for report in reports),
            "minutes the clock stood behind what is stored": round(result.clock_behind.total_seconds() / 60, 1),
        },
    )


def _remaining(result: IngestResult, resources: Sequence[str], proved: Proved) -> list[Mapping[str, Any]]:
    """Answers that did not come to their end, and windows whose certificate is refused for another reason."""
    told = [
        (report.resource, report.window_start, report.window_end, report.note)
        for report in result.reports
        if report.resource in resources and not report.complete
    ]
    known = {each[:3] for each in told}
    told += [
        (each.resource, each.start, each.end, each.why)
        for each in proved.windows
        if each.resource in resources and (each.resource, each.start, each.end) not in known
    ]
    return [
        {"what": resource, "from": start.isoformat(), "to": end.isoformat(), "note": note}
        for resource, start, end, note in told
    ]


def _advice(count: int) -> str:
    return (
        f"{count} windows are not proved complete: run these days again. What came is stored; it is not fetched twice."
    )
