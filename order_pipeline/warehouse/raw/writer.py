"""How received records become versions in raw: compare by hash, append what is new, all in one transaction.

The transaction also holds the marks of stale partitions, the dead letters and the fetch reports, so that a killed run
leaves a commit group whole or not at all.
"""

from __future__ import annotations

import logging
from dataclasses import astuple, fields
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa

from order_pipeline.channels.base import FetchReport
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer
from order_pipeline.warehouse.raw.dead_letters import heal_dead_letters, write_dead_letters
from order_pipeline.warehouse.raw.erased_records import erased_ids, letters_without_erased, without_erased
from order_pipeline.warehouse.raw.ingest_result import Counts, IngestResult
from order_pipeline.warehouse.raw.read_again import DayCounts, Proofs, read_proofs, with_read_again
from order_pipeline.warehouse.raw.source_state import CLOCK_TOLERANCE
from order_pipeline.warehouse.raw.stale_partitions import mark_stale
from order_pipeline.warehouse.raw.tables import ensure_raw_tables, turn_table
from order_pipeline.warehouse.raw.versions import SEEN, sightings

_log = logging.getLogger(__name__)

FIELDS_BEFORE_WATERMARK = [field.name for field in fields(FetchReport)].index("watermark")

# What each record of `incoming` is: unchanged if it repeats the content before it, reappeared if it brings an older one
# back, else new. The content before it is that of the same id's record before it, or the current version in raw.
_COMPARE = """
WITH known AS MATERIALIZED ({known}
), current AS (
    SELECT
        record_id, arg_max(content_sha256, {seen}) AS content_sha256, arg_max(partition_day, {seen}) AS partition_day,
        max(fetched_at) AS fetched_at
    FROM known
    GROUP BY record_id
), compared AS (
    SELECT
        incoming.sequence, incoming.window_number, incoming.record_id, incoming.partition_day,
        current.partition_day AS current_day,
        -- The clock may have stood ahead once: what arrives later is later, whatever the clock says now.
        greatest(incoming.fetched_at, current.fetched_at + INTERVAL 1 MICROSECOND) AS fetched_at,
        epoch_us(current.fetched_at) - epoch_us(incoming.fetched_at) AS clock_behind_us,
        coalesce(lag(incoming.content_sha256) OVER of_record, current.content_sha256) IS DISTINCT FROM
            incoming.content_sha256 AS is_changed,
        row_number() OVER of_content > 1
            OR (incoming.record_id, incoming.content_sha256) IN (SELECT (record_id, content_sha256) FROM known)
            AS is_known,
        row_number() OVER of_record = 1 AS is_once,
        current.record_id IS NULL AS is_first
    FROM incoming
    LEFT JOIN current ON current.record_id = incoming.record_id
    WINDOW of_record AS (PARTITION BY incoming.record_id ORDER BY incoming.sequence),
        of_content AS (PARTITION BY incoming.record_id, incoming.content_sha256 ORDER BY incoming.sequence)
)
SELECT
    sequence, window_number, partition_day, is_changed, is_changed AND is_known AS is_reappeared, fetched_at,
    clock_behind_us, is_once, is_first,
    coalesce(lag(partition_day) OVER (PARTITION BY record_id, is_changed ORDER BY sequence), current_day)
        AS previous_day
FROM compared"""

_COUNT = """
SELECT
    window_number, count(*) FILTER (is_changed AND NOT is_reappeared), count(*) FILTER (NOT is_changed),
    count(*) FILTER (is_reappeared)
FROM compared
GROUP BY window_number"""

_COUNT_BY_DAY = """
SELECT window_number, partition_day, count(*), count(*) FILTER (is_first)
FROM compared
WHERE is_once
GROUP BY window_number, partition_day"""

_CLOCK_BEHIND = "SELECT max(clock_behind_us) FROM compared"

_STALE = "SELECT DISTINCT unnest([partition_day, previous_day]) FROM compared WHERE is_changed"


class RawWriter:
    """The writing side of one ingest. Used by one thread at a time; `result` grows with every write."""

    def __init__(self, lake: Lake, source: str, run_id: str) -> None:
        self.result = IngestResult(source, run_id)
        self._lake = lake
        self._source = source
        self._run_id = run_id
        self._tables: set[str] = set()
        # A resource's counts since its last report: they belong to the window that its next report ends.
        self._unreported: dict[str, Counts] = {}
        self._unreported_days: dict[str, DayCounts] = {}
        self._proofs: Proofs | None = None

    def write(self, buffer: CommitBuffer) -> None:
        """Write the buffer in one transaction; nothing is written where nothing is new and nothing is reported.

        Raises:
            LakeBusyError: another writer held the lake too long; nothing of the buffer was written.
        """
        if missing := sorted(buffer.records.keys() - self._tables):
            ensure_raw_tables(self._lake, [(self._source, resource) for resource in missing])
            self._tables.update(missing)
        purpose = f"write {self._source} to raw (run {self._run_id})"
        written, windows, days = self._lake.run(purpose, lambda connection: self._write(connection, buffer))
        self._unreported = {resource: counts for (resource, _), counts in windows.items()}
        self._unreported_days = {resource: counts for (resource, _), counts in days.items()}
        self.result.add(written)

    def _write(
        self, connection: Connection, buffer: CommitBuffer
    ) -> tuple[IngestResult, dict[tuple[str, int], Counts], dict[tuple[str, int], DayCounts]]:
        """What was written, and the counts that no report has yet."""
        written = IngestResult(self._source, self._run_id, payload_bytes=buffer.payload_bytes)
        received_at = buffer.received_at
        windows = {(resource, 0): counts for resource, counts in self._unreported.items()}
        by_day = {(resource, 0): counts for resource, counts in self._unreported_days.items()}
        for resource, batches in buffer.records.items():
            received, letters = pa.concat_tables(batches), buffer.dead_letters[resource]
            asked = [*received["record_id"].to_pylist(), *(letter.record_id for _, letter in letters)]
            erased = erased_ids(connection, self._source, asked)
            records = without_erased(self._source, received, erased)
            found, again, days = self._write_versions(connection, resource, records, received_at)
            for number, counts in again.items():
                by_day[resource, number] = by_day.get((resource, number), DayCounts()) + counts
            dead = letters_without_erased(self._source, [letter for _, letter in letters], erased)
            write_dead_letters(connection, self._source, resource, dead, fetched_at=received_at, run_id=self._run_id)
            found += [(number, Counts(dead_letters=1)) for number, _ in letters]
            written.stale_days |= days | {letter.day for _, letter in letters if letter.day}
            for number, counts in found:
                written.count(resource, counts)
                windows[resource, number] = windows.get((resource, number), Counts()) + counts
        mark_stale(connection, self._source, written.stale_days, received_at, self._run_id)
        rows: list[tuple[object, ...]] = []
        for received in buffer.reports:
            # A report of a watermark is about no records: they are counted by the report of their window.
            window = (received.report.resource, received.window_number)
            is_watermark = bool(received.report.watermark)
            counts = Counts() if is_watermark else windows.pop(window, Counts())
            named = DayCounts() if is_watermark else by_day.pop(window, DayCounts())
            report = received.report
            if report.lists_window:
                if self._proofs is None:
                    self._proofs = read_proofs(connection, self._source, self._run_id)
                report = with_read_again(report, named, self._proofs)
            rows.append(self._row_of(report, counts, received.received_at))
            written.reports.append(received.report)
        insert_rows(connection, "raw.fetches", rows)
        is_changed = written.total.records > written.total.unchanged
        if is_changed and not self._lake.is_embedded:
            take_turn(connection, self._source)
        written.commits = int(bool(rows) or is_changed)
        return written, windows, by_day

    def _row_of(self, report: FetchReport, counts: Counts, received_at: datetime) -> tuple[object, ...]:
        """The row of `raw.fetches`: what is told first stands before the counts, what came to it later behind."""
        told = astuple(report)
        first, (watermark, *certified) = told[:FIELDS_BEFORE_WATERMARK], told[FIELDS_BEFORE_WATERMARK:]
        return (
            self._source, *first, *astuple(counts), received_at, self._run_id, watermark or None, *certified
        )  # fmt: skip

    def _write_versions(
        self, connection: Connection, resource: str, records: pa.Table, received_at: datetime
    ) -> tuple[list[tuple[int, Counts]], dict[int, DayCounts], set[date]]:
        """Append what is new; counts by window number, those by day too, and the days whose core is owed."""
        if not records.num_rows:
            return [], {}, set()
        connection.register("incoming", records)
        connection.register("compared", _compare(connection, self._source, resource))
        append_versions(connection, self._source, resource, self._run_id)
        counts = [(number, Counts(*counted)) for number, *counted in connection.execute(_COUNT).fetchall()]
        again = dict[int, DayCounts]()
        for number, day, named, first_seen in connection.execute(_COUNT_BY_DAY).fetchall():
            of_window = again.setdefault(number, DayCounts())
            of_window.named[day], of_window.first_seen[day] = named, first_seen
        days = {day for (day,) in connection.execute(_STALE).fetchall() if day}
        days |= heal_dead_letters(connection, self._source, resource, received_at)
        self._note_clock(connection, resource)
        connection.unregister("compared")
        connection.unregister("incoming")
        return counts, again, days

    def _note_clock(self, connection: Connection, resource: str) -> None:
        """Warn where raw holds a row of a record that was fetched later than the clock says it is now."""
        found = connection.execute(_CLOCK_BEHIND).fetchone()
        behind = timedelta(microseconds=found[0] or 0) if found else timedelta(0)
        if behind <= CLOCK_TOLERANCE or behind <= self.result.clock_behind:
            return
        self.result.clock_behind = behind
        _log.warning(
            "The clock of this machine stands %s behind rows of %s %s that are stored: it jumped. What comes now counts"
            " as later all the same. Check the machine's time service.",
            *(behind, self._source, resource),
        )


def append_versions(connection: Connection, source: str, resource: str, run_id: str) -> None:
    """Append the records of `incoming` that are new, and note those that reappeared, as `compared` says."""
    connection.execute(
        f"INSERT INTO raw.{source}_{resource}"
        " SELECT record_id, incoming.partition_day, content_sha256, payload, compared.fetched_at, sequence, ?"
        " FROM incoming INNER JOIN compared USING (sequence) WHERE is_changed AND NOT is_reappeared",
        [run_id],
    )
    connection.execute(
        "INSERT INTO raw.reappearances"
        " SELECT ?, ?, record_id, incoming.partition_day, content_sha256, compared.fetched_at, sequence, ?"
        " FROM incoming INNER JOIN compared USING (sequence) WHERE is_reappeared",
        [source, resource, run_id],
    )


def take_turn(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Replace the source's turn row, so that two transactions which write the source at once conflict.

    Both have looked for the same contents and not found them; appending alone is no conflict to DuckLake.
    """
    turn = connection.execute(f"SELECT turn FROM {turn_table(source)}").fetchone()
    connection.execute(f"DELETE FROM {turn_table(source)}")
    connection.execute(f"INSERT INTO {turn_table(source)} VALUES (?)", [turn[0] + 1 if turn else 1])


def _compare(connection: Connection, source: str, resource: str) -> pa.Table:
    """Compare `incoming` with raw as the transaction sees it; columns as `_COMPARE` selects."""
    # The range lets DuckLake skip files by their statistics; ids grow with time at every channel.
    extremes = connection.execute("SELECT min(record_id) AS first, max(record_id) AS last FROM incoming").fetchone()
    first, last = extremes or (None, None)
    condition = "record_id BETWEEN $first AND $last AND record_id IN (SELECT record_id FROM incoming)"
    compare = _COMPARE.format(known=sightings(source, resource, condition), seen=SEEN)
    return connection.execute(compare, {"first": first, "last": last}).to_arrow_table()
