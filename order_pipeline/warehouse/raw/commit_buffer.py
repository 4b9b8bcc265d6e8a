"""What was received and waits for one transaction: whole commit groups, as columns that DuckDB reads in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, content_hash


@dataclass(frozen=True, slots=True)
class ReceivedGroup:
    """A commit group without its records: when it came, its dead letters by resource, and its reports."""

    received_at: datetime
    dead_letters: dict[str, list[DeadLetter]]
    reports: Sequence[FetchReport]


@dataclass(slots=True)
class CommitBuffer:
    """Commit groups in the order in which they were received.

    Attributes:
        next_sequence: number of the next record; it orders the records of one run.
        groups: the groups.
        tables: the records of each resource, one Arrow table a batch. Columns: sequence, group_number (place in
            `groups`), record_id, partition_day, content_sha256, payload (text), fetched_at.
        payload_bytes: size of all payloads.
    """

    next_sequence: int = 0
    groups: list[ReceivedGroup] = field(default_factory=list[ReceivedGroup])
    tables: dict[str, list[pa.Table]] = field(default_factory=dict[str, list[pa.Table]])
    payload_bytes: int = 0

    def add(self, group: CommitGroup, received_at: datetime) -> None:
        """Add a group. Payloads that are not UTF-8, so no JSON, and ids that no text can hold become dead letters."""
        received = ReceivedGroup(received_at, {}, group.reports)
        for batch in group.batches:
            self.payload_bytes += batch.payloads.size
            texts = _texts(batch)
            if texts is None or not is_storable("".join(batch.record_ids)):
                batch = _without_unstorable(batch)  # noqa: PLW2901
                texts = _texts(batch)
            self.tables.setdefault(batch.resource, []).append(self._table(batch, texts or [], received_at))
            self.next_sequence += len(batch)
            received.dead_letters.setdefault(batch.resource, []).extend(batch.dead_letters)
        self.groups.append(received)

    def records(self, resource: str) -> pa.Table:
        """All records of a resource."""
        return pa.concat_tables(self.tables[resource])

    def dead_letters(self, resource: str) -> list[DeadLetter]:
        """All dead letters of a resource."""
        return [record for group in self.groups for record in group.dead_letters.get(resource, ())]

    def _table(self, batch: RecordBatch, texts: list[pa.Array], received_at: datetime) -> pa.Table:
        rows = len(batch)
        sequence = np.arange(self.next_sequence, self.next_sequence + rows, dtype=np.int64)
        return pa.table(
            {
                "sequence": pa.array(sequence),
                "group_number": pa.repeat(pa.scalar(len(self.groups), pa.int64()), rows),
                "record_id": pa.array(batch.record_ids, pa.string()),
                "partition_day": pa.array(batch.days, pa.date32()),
                # Hashed here, in the receiving thread: the writing thread would wait for Python's lock at each one.
                "content_sha256": pa.array(batch.hashes or list(map(content_hash, batch.payloads)), pa.string()),
                "payload": pa.chunked_array(texts, pa.large_string()),
                "fetched_at": pa.repeat(pa.scalar(received_at, pa.timestamp("us", "UTC")), rows),
            }
        )


def _texts(batch: RecordBatch) -> list[pa.Array] | None:
    """The payloads' blocks in place, or None if a payload is not UTF-8: DuckDB takes such a column on trust."""
    texts = [_text_column(*block) for block in batch.payloads.blocks()]
    try:
        for text in texts:
            text.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return texts


def _text_column(block: bytes, lengths: list[int]) -> pa.Array:
    """The block as it is, and its offsets: no Python string is made and DuckDB copies nothing."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.large_string(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def is_storable(text: str) -> bool:
    """Whether a text can be stored: no NUL, which ends it in SQL and in catalogs, and no half character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _without_unstorable(batch: RecordBatch) -> RecordBatch:
    kept = RecordBatch(batch.resource, dead_letters=list(batch.dead_letters))
    for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
        try:
            payload.decode()
        except UnicodeDecodeError:
            kept.dead_letters.append(DeadLetter("bad_json", "payload", "not UTF-8", payload, day))
            continue
        if is_storable(record_id):
            kept.record_ids.append(record_id)
            kept.days.append(day)
            kept.payloads.append(payload)
        else:
            kept.dead_letters.append(DeadLetter("bad_json", "record_id", record_id, payload, day))
    return kept
