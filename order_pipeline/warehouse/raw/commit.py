"""Commit groups into the lake: one transaction with its stale partitions and fetch reports.

Belongs here: what one transaction holds, and the counts. Does not belong here: when to write (see `ingest`), and how
records are compared with raw (see `raw_writer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, content_hash
from order_pipeline.warehouse.lake.connection import Connection, Lake, snapshot_id
from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.migrations import ensure_raw_table, turn_table
from order_pipeline.warehouse.raw.dead_letters import write_dead_letters
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.raw.stale_partitions import mark_stale
from order_pipeline.warehouse.raw.writer import (
    Changes,
    Prepared,
    find_changes,
    prepare,
    set_aside_undecodable,
    write_changes,
)


@dataclass(frozen=True, slots=True)
class _Report:
    """A fetch report, and how many of the gathered records of its resource had come when it was given."""

    report: FetchReport
    records_before: int
    dead_letters_before: int
    received_at: datetime


@dataclass(slots=True)
class Gathered:
    """Whole commit groups that will be written together, in the order in which they were received."""

    groups: list[tuple[CommitGroup, datetime]] = field(default_factory=list[tuple[CommitGroup, datetime]])
    hashes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    payload_bytes: int = 0

    def add(self, group: CommitGroup, received_at: datetime) -> None:
        """Add a group that was received at `received_at`.

        Hashes its payloads at once, in the receiving thread: each hash lets go of Python's lock, and in the writing
        thread it would wait for the receiving one 50,000 times to get it back.
        """
        self.groups.append((group, received_at))
        for batch in group.batches:
            self.hashes.setdefault(batch.resource, []).extend(batch.hashes or map(content_hash, batch.payloads))
            self.payload_bytes += batch.payloads.size

    @property
    def last_received_at(self) -> datetime:
        """When the last group was received."""
        return self.groups[-1][1]

    def batches(self) -> dict[str, list[tuple[RecordBatch, datetime]]]:
        """Each resource's batches."""
        by_resource: dict[str, list[tuple[RecordBatch, datetime]]] = {}
        for group, received_at in self.groups:
            for batch in group.batches:
                by_resource.setdefault(batch.resource, []).append((batch, received_at))
        return by_resource

    def reports(self) -> list[_Report]:
        """The reports, each with the records of its resource that came before it."""
        before: dict[str, tuple[int, int]] = {}
        found: list[_Report] = []
        for group, received_at in self.groups:
            for batch in group.batches:
                records, dead_letters = before.get(batch.resource, (0, 0))
                before[batch.resource] = (records + len(batch), dead_letters + len(batch.dead_letters))
            found += [_Report(report, *before.get(report.resource, (0, 0)), received_at) for report in group.reports]
        return found

    def without_undecodable(self) -> Gathered:
        """The same groups, with the payloads that are no text among the dead letters."""
        decodable = Gathered()
        for group, received_at in self.groups:
            batches = [set_aside_undecodable(batch) for batch in group.batches]
            decodable.add(CommitGroup(batches, group.reports), received_at)
        decodable.payload_bytes = self.payload_bytes
        return decodable


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
        """Write what was gathered in one transaction, and let go of it; in none when there is nothing to write.

        Raises:
            LakeBusyError: another writer held the lake too long; nothing of `gathered` was written.
        """
        prepared = _prepare(gathered)
        if not all(part.is_text for part in prepared):
            gathered = gathered.without_undecodable()
            prepared = _prepare(gathered)
        for resource in {part.resource for part in prepared} - self._tables:
            ensure_raw_table(self._lake, self._source, resource)
            self._tables.add(resource)
        reports, received_at, payload_bytes = gathered.reports(), gathered.last_received_at, gathered.payload_bytes
        gathered.groups.clear()  # the columns hold what is still needed
        with self._lake.snapshot() as connection:
            seen = snapshot_id(connection)
            changes = self._find(connection, prepared)
        if any(changes) or reports or any(part.dead_letters for part in prepared):

            def commit(connection: Connection) -> list[Changes]:
                # Raw may have changed while this writer queued; what was found then is good only for that snapshot.
                found = changes if snapshot_id(connection) == seen else self._find(connection, prepared)
                if not self._lake.is_embedded:
                    _take_turn(connection, self._source)
                self._write_parts(connection, prepared, found, received_at)
                self._write_reports(connection, reports, self._report_counts(reports, prepared, found))
                return found

            changes = self._lake.run(f"write {self._source} to raw (run {self._run_id})", commit)
            self.result.commits += 1
        self.result.payload_bytes += payload_bytes
        self._advance(reports, prepared, changes)

    def _find(self, connection: Connection, prepared: list[Prepared]) -> list[Changes]:
        return [find_changes(connection, self._source, part) for part in prepared]

    def _write_parts(
        self, connection: Connection, prepared: list[Prepared], changes: list[Changes], received_at: datetime
    ) -> None:
        sequence = self._sequence
        stale: set[date] = set()
        for part, change in zip(prepared, changes, strict=True):
            write_changes(connection, self._source, part, change, sequence=sequence, run_id=self._run_id)
            write_dead_letters(
                connection,
                self._source,
                part.resource,
                part.dead_letters,
                fetched_at=received_at,
                run_id=self._run_id,
            )
            sequence += len(part)
            stale |= _stale_days(part, change)
        mark_stale(connection, self._source, stale, received_at, self._run_id)

    def _write_reports(self, connection: Connection, reports: list[_Report], counts: list[Counts]) -> None:
        rows = [_fetch_row(self._source, self._run_id, *pair) for pair in zip(reports, counts, strict=True)]
        insert_rows(connection, "raw.fetches", rows)

    def _report_counts(self, reports: list[_Report], prepared: list[Prepared], changes: list[Changes]) -> list[Counts]:
        """Each report's counts: the records of its resource since the report before it."""
        found = {part.resource: change for part, change in zip(prepared, changes, strict=True)}
        counted_to: dict[str, tuple[int, int]] = {}
        results: list[Counts] = []
        for report in reports:
            resource = report.report.resource
            start = counted_to.get(resource)
            end = (report.records_before, report.dead_letters_before)
            counts = Counts()
            if start is None:
                counts.add(self._since_report.get(resource, Counts()))
            if resource in found:
                counts.add(count(found[resource], start or (0, 0), end))
            counted_to[resource] = end
            results.append(counts)
        return results

    def _advance(self, reports: list[_Report], prepared: list[Prepared], changes: list[Changes]) -> None:
        """Bring the running totals up to date, after the commit."""
        reported = {report.report.resource: report for report in reports}
        for resource in reported:
            self._since_report.pop(resource, None)
        for part, change in zip(prepared, changes, strict=True):
            everything = count(change, (0, 0), (len(part), len(part.dead_letters)))
            self.result.total.add(everything)
            self.result.resources.setdefault(part.resource, Counts()).add(everything)
            self.result.stale_days |= _stale_days(part, change)
            last = reported.get(part.resource)
            start = (last.records_before, last.dead_letters_before) if last else (0, 0)
            rest = count(change, start, (len(part), len(part.dead_letters)))
            self._since_report.setdefault(part.resource, Counts()).add(rest)
            self._sequence += len(part)
        self.result.reports += [report.report for report in reports]


def _take_turn(connection: Connection, source: str) -> None:
    """Make two transactions that write the same source's raw at once conflict, so that the later one looks again.

    Both have looked for the same contents and not found them; appending alone is no conflict to DuckLake.
    """
    turn = connection.execute(f"SELECT turn FROM {turn_table(source)}").fetchone()
    connection.execute(f"DELETE FROM {turn_table(source)}")
    connection.execute(f"INSERT INTO {turn_table(source)} VALUES (?)", [turn[0] + 1 if turn else 1])


def _prepare(gathered: Gathered) -> list[Prepared]:
    return [prepare(resource, batches, gathered.hashes[resource]) for resource, batches in gathered.batches().items()]


def _stale_days(part: Prepared, changes: Changes) -> set[date]:
    return changes.days | {record.day for record in part.dead_letters if record.day}


def count(changes: Changes, start: tuple[int, int], end: tuple[int, int]) -> Counts:
    """Counts of the records whose position is in [start, end), given as (record, dead letter) positions."""
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
        counts.dead_letters,
        given.received_at,
        run_id,
    )
