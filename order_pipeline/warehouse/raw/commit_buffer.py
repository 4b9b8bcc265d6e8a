"""What was received and waits for one transaction: whole commit groups, their records as Arrow tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pyarrow as pa

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, content_hash

COLUMNS = pa.schema(
    {
        "sequence": pa.int64(),
        "window_number": pa.int64(),
        "record_id": pa.string(),
        "partition_day": pa.date32(),
        "content_sha256": pa.string(),
        "payload": pa.large_string(),
        "fetched_at": pa.timestamp("us", "UTC"),
    }
)


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A fetch report, which window of its resource in the buffer it ends (0 is the first), and when it came."""

    report: FetchReport
    window_number: int
    received_at: datetime


class CommitBuffer:
    """Commit groups in the order in which they were received.

    Attributes:
        next_sequence: number of the next record; it orders the records of one run.
        groups: how many there are.
        payload_bytes: size of all payloads.
        received_at: when the last group came.
        records: of each resource, one table a batch, with the columns `COLUMNS`.
        dead_letters: of each resource, with the number of their window.
        reports: of all resources.
    """

    def __init__(self, next_sequence: int = 0) -> None:
        self.next_sequence = next_sequence
        self.groups = 0
        self.payload_bytes = 0
        self.received_at = datetime.now(UTC)
        self.records: dict[str, list[pa.Table]] = defaultdict(list)
        self.dead_letters: dict[str, list[tuple[int, DeadLetter]]] = defaultdict(list)
        self.reports: list[ReceivedReport] = []
        # Windows of each resource that have ended: what comes next belongs to the window of that number.
        self._windows = Counter[str]()

    def add(self, group: CommitGroup, received_at: datetime) -> None:
        """Add a group. Payloads that are not UTF-8, so no JSON, and ids that no text can hold become dead letters."""
        self.groups += 1
        self.received_at = received_at
        for batch in group.batches:
            self._add_batch(batch)
        for report in group.reports:
            self.reports.append(ReceivedReport(report, self._windows[report.resource], received_at))
            self._windows[report.resource] += not report.watermark

    def _add_batch(self, batch: RecordBatch) -> None:
        window = self._windows[batch.resource]
        rows: list[tuple[object, ...]] = []
        dead_letters = list(batch.dead_letters)
        # Hashed here, in the receiving thread: the writing thread would wait for Python's lock at each one.
        hashes = batch.hashes or map(content_hash, batch.payloads)
        records = zip(batch.record_ids, batch.days, batch.payloads, hashes, strict=True)
        for sequence, (record_id, day, payload, sha256) in zip(count(self.next_sequence), records, strict=False):
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                dead_letters.append(DeadLetter("bad_json", "payload", "not UTF-8", payload, day))
                continue
            if is_storable(record_id):
                rows.append((sequence, window, record_id, day, sha256, text, self.received_at))
            else:
                dead_letters.append(DeadLetter("bad_json", "record_id", record_id, payload, day))
        self.next_sequence += len(batch)
        self.payload_bytes += batch.payloads.size
        arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), COLUMNS.types, strict=False)]
        self.records[batch.resource].append(pa.table(arrays, COLUMNS) if rows else COLUMNS.empty_table())
        self.dead_letters[batch.resource] += [(window, letter) for letter in dead_letters]


def is_storable(text: str) -> bool:
    """Whether a text can be stored: no NUL, which ends it in SQL and in catalogs, and no half character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
