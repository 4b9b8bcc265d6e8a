"""Raw as a dictionary: answers what a source may ask the warehouse, so that plans are tested without a lake.

The real one is used in order_pipeline_tests/warehouse; here the subject is which calls the source decides to make.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, Window


class RawStore:
    """Commits groups whole; `records[resource][record_id] = (day, payload)`."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, tuple[date, bytes]]] = {}
        self.dead_letters: list[DeadLetter] = []
        self.reports: dict[str, FetchReport] = {}
        self.groups: list[CommitGroup] = []
        self.unsettled: dict[str, date] = {}
        self.watermarks: dict[str, date] = {}
        self.proofs: dict[str, FetchReport] = {}

    async def commit_all(self, groups: AsyncIterator[CommitGroup], at_most: int | None = None) -> RawStore:
        """Commit every group, or the first `at_most` of them (a killed run)."""
        async for group in groups:
            if at_most is not None and len(self.groups) >= at_most:
                break
            self.commit(group)
        return self

    def commit(self, group: CommitGroup) -> None:
        """Take one group."""
        self.groups.append(group)
        for batch in group.batches:
            table = self.records.setdefault(batch.resource, {})
            for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
                table[record_id] = (day, payload)
            self.dead_letters += batch.dead_letters
        self.reports |= {report.resource: report for report in group.reports if not report.watermark}
        self.proofs |= {report.watermark: report for report in group.reports if report.watermark}
        for report in group.reports:
            if report.watermark and report.complete:
                end = report.window_end.date()
                self.watermarks[report.watermark] = max(end, self.watermarks.get(report.watermark, end))

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        """As SourceState: none."""
        return {}

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        """As SourceState: what a test says."""
        return self.unsettled

    def watermark(self, name: str) -> date | None:
        """As SourceState."""
        return self.watermarks.get(name)

    def latest_payloads(self, resource: str, record_ids: Sequence[str]) -> dict[str, bytes]:
        """As SourceState."""
        table = self.records.get(resource, {})
        return {record_id: table[record_id][1] for record_id in record_ids if record_id in table}

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        """As SourceState."""
        return {
            record_id: hashlib.sha256(payload).hexdigest()
            for record_id, (day, payload) in self.records.get(resource, {}).items()
            if window.start <= day < window.end
        }
