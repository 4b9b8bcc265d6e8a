"""Commit groups into the lake: what is gathered goes in by one transaction, with its dirty days and fetch reports.

Belongs here: what one transaction holds, and the counts. Does not belong here: when to write (see `ingest`), and how
records are compared with raw (see `raw_writer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from order_pipeline.sources.records import CommitGroup, FetchReport, RecordBatch
from order_pipeline.warehouse.dirty_days import mark_dirty
from order_pipeline.warehouse.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.lake import Connection, Lake, snapshot_id
from order_pipeline.warehouse.migrations import ensure_raw_table
from order_pipeline.warehouse.raw_writer import (
    Changes,
    Prepared,
    find_changes,
    prepare,
    set_aside_undecodable,
    write_changes,
)
from order_pipeline.warehouse.unusable import write_unusable


@dataclass(slots=True)
class _Report:
    """A fetch report, and how many of the gathered records of its resource had come when it was given."""

    report: FetchReport
    records_before: int
    unusable_before: int
    received_at: datetime


@dataclass(slots=True)
class Gathered:
    """Whole commit groups that will be written together."""

    batches: dict[str, list[tuple[RecordBatch, datetime]]] = field(
        default_factory=dict[str, list[tuple[RecordBatch, datetime]]]
    )
    reports: list[_Report] = field(default_factory=list[_Report])
    payload_bytes: int = 0
    last_received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def has_content(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.batches or self.reports)

    def add(self, group: CommitGroup, received_at: datetime) -> None:
        """Add a group that was received at `received_at`."""
        for batch in group.batches:
            usable = set_aside_undecodable(batch)
            self.batches.setdefault(batch.resource, []).append((usable, received_at))
            self.payload_bytes += sum(map(len, usable.payloads))
        for report in group.reports:
            batches = [batch for batch, _ in self.batches.get(report.resource, [])]
            records, unusable = sum(map(len, batches)), sum(len(batch.unusable) for batch in batches)
            self.reports.append(_Report(report, records, unusable, received_at))
        self.last_received_at = received_at


class GroupWriter:
    """The writing side of one ingest. Used by one thread at a time; `result` grows with every write."""

    def __init__(self, lake: Lake, source: str, run_id: str) -> None:
        self._lake = lake
        self._source = source
        self._run_id = run_id
        self._tables: set[str] = set()
        self._sequence = 0
        # A resource's counts since its last report: they belong to the window that its next report ends.
        self._since_report: dict[str, Counts] = {}
        self.result = IngestResult(source, run_id)

    def write(self, gathered: Gathered) -> None:
        """Write what was gathered in one transaction; in none when it changes nothing and ends no window.

        Raises:
            LakeBusyError: another writer held the lake too long; nothing of `gathered` was written.
        """
        for resource in set(gathered.batches) - self._tables:
            ensure_raw_table(self._lake, self._source, resource)
            self._tables.add(resource)
        prepared = [prepare(resource, batches) for resource, batches in gathered.batches.items()]
        with self._lake.connect() as connection:
            connection.begin()
            seen = snapshot_id(connection)
            changes = self._find(connection, prepared)
            connection.rollback()
        if any(changes) or gathered.reports or any(part.unusable for part in prepared):

            def commit(connection: Connection) -> list[Changes]:
                # Raw may have changed while this writer queued; what was found then is good only for that snapshot.
                found = changes if snapshot_id(connection) == seen else self._find(connection, prepared)
                self._write_in_transaction(connection, gathered, prepared, found)
                return found

            changes = self._lake.run(f"write {self._source} to raw (run {self._run_id})", commit)
            self.result.commits += 1
        self._advance(gathered, prepared, changes)

    def _find(self, connection: Connection, prepared: list[Prepared]) -> list[Changes]:
        return [find_changes(connection, self._source, part) for part in prepared]

    def _write_in_transaction(
        self, connection: Connection, gathered: Gathered, prepared: list[Prepared], changes: list[Changes]
    ) -> None:
        sequence = self._sequence
        dirty: set[date] = set()
        for part, change in zip(prepared, changes, strict=True):
            write_changes(connection, self._source, part, change, sequence=sequence, run_id=self._run_id)
            write_unusable(
                connection,
                self._source,
                part.resource,
                part.unusable,
                fetched_at=gathered.last_received_at,
                run_id=self._run_id,
            )
            sequence += len(part)
            dirty |= change.days | {record.day for record in part.unusable if record.day}
        mark_dirty(connection, self._source, dirty, gathered.last_received_at, self._run_id)
        rows = [
            _fetch_row(self._source, self._run_id, report, counts)
            for report, counts in zip(gathered.reports, self._report_counts(gathered, prepared, changes), strict=True)
        ]
        if rows:
            connection.executemany(f"INSERT INTO raw.fetches VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _report_counts(self, gathered: Gathered, prepared: list[Prepared], changes: list[Changes]) -> list[Counts]:
        """Each report's counts: the records of its resource since the report before it."""
        found = {part.resource: change for part, change in zip(prepared, changes, strict=True)}
        counted_to: dict[str, tuple[int, int]] = {}
        results: list[Counts] = []
        for report in gathered.reports:
            resource = report.report.resource
            start = counted_to.get(resource)
            end = (report.records_before, report.unusable_before)
            counts = Counts()
            if start is None:
                counts.add(self._since_report.get(resource, Counts()))
            if resource in found:
                counts.add(count(found[resource], start or (0, 0), end))
            counted_to[resource] = end
            results.append(counts)
        return results

    def _advance(self, gathered: Gathered, prepared: list[Prepared], changes: list[Changes]) -> None:
        """Bring the running totals up to date, after the commit."""
        reported = {report.report.resource: report for report in gathered.reports}
        for resource in reported:
            self._since_report.pop(resource, None)
        for part, change in zip(prepared, changes, strict=True):
            everything = count(change, (0, 0), (len(part), len(part.unusable)))
            self.result.total.add(everything)
            self.result.resources.setdefault(part.resource, Counts()).add(everything)
            self.result.dirty_days |= change.days | {record.day for record in part.unusable if record.day}
            last = reported.get(part.resource)
            start = (last.records_before, last.unusable_before) if last else (0, 0)
            rest = count(change, start, (len(part), len(part.unusable)))
            self._since_report.setdefault(part.resource, Counts()).add(rest)
            self._sequence += len(part)
        self.result.reports += [report.report for report in gathered.reports]
        self.result.payload_bytes += gathered.payload_bytes


def count(changes: Changes, start: tuple[int, int], end: tuple[int, int]) -> Counts:
    """Counts of the records whose position is in [start, end), given as (usable, unusable) positions."""
    new = int(np.count_nonzero((changes.new >= start[0]) & (changes.new < end[0])))
    reappeared = int(np.count_nonzero((changes.reappeared >= start[0]) & (changes.reappeared < end[0])))
    unchanged = end[0] - start[0] - new - reappeared
    return Counts(new, unchanged, reappeared, end[1] - start[1])


def _fetch_row(source: str, run_id: str, given: _Report, counts: Counts) -> tuple[object, ...]:
    report = given.report
    return (
        source,
        report.resource,
        report.window_start,
        report.window_end,
        report.pages,
        report.records,
        report.claimed_total,
        report.complete,
        report.note,
        report.calls,
        report.calls_saved,
        counts.new_versions,
        counts.unchanged,
        counts.reappeared,
        counts.unusable,
        given.received_at,
        run_id,
    )
