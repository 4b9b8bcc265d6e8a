"""Records into a raw table by content: a version that is known is not written again.

Works on columns: DuckDB reads the blocks of payloads in place; only ids and hashes are compared. Does not belong here:
when to write (see `ingest`), or what a payload means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import numpy as np
import pyarrow as pa

from order_pipeline.channels.base import DeadLetter, RecordBatch
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.partitioned_inserts import rows_handed_on_early
from order_pipeline.warehouse.raw.versions import sightings

# Payloads that an insert holds back for each day, a second copy of them.
_ROWS_HELD = 512


@dataclass(frozen=True, slots=True)
class Prepared:
    """Batches of one resource as columns, hashed and checked, in the order in which they were received.

    Columns: position (from 0), record_id, partition_day, content_sha256, payload, fetched_at. What is compared with raw
    is kept as Python's objects too: making them again from the columns would hold Python's lock, for which the
    receiving thread waits.
    """

    resource: str
    columns: pa.Table
    dead_letters: list[DeadLetter]
    record_ids: list[str]
    days: list[date]
    hashes: Sequence[str]

    def __len__(self) -> int:
        return self.columns.num_rows

    @property
    def is_text(self) -> bool:
        """Whether every payload is UTF-8; DuckDB takes the column on trust, so others must be set aside first."""
        return _is_utf8(self.columns["payload"])


@dataclass(frozen=True, slots=True)
class Changes:
    """What the records change: positions of new versions, positions of reappeared ones, and the days of both."""

    new: np.ndarray
    reappeared: np.ndarray
    days: set[date]

    def __bool__(self) -> bool:
        return bool(len(self.new) or len(self.reappeared))


def prepare(resource: str, batches: Sequence[tuple[RecordBatch, datetime]], hashes: Sequence[str]) -> Prepared:
    """Lay the records out for DuckDB. Needs no connection and no lock.

    Args:
        resource: the batches' resource.
        batches: each with the time at which it was received.
        hashes: the content hash of every payload, in the batches' order.
    """
    record_ids = [record_id for batch, _ in batches for record_id in batch.record_ids]
    days = [day for batch, _ in batches for day in batch.days]
    columns = pa.table(
        {
            "position": pa.array(np.arange(len(record_ids), dtype=np.int64)),
            "record_id": pa.array(record_ids, pa.string()),
            "partition_day": pa.array(days, pa.date32()),
            "content_sha256": pa.array(hashes, pa.string()),
            "payload": pa.chunked_array(
                [_text_column(*block) for batch, _ in batches for block in batch.payloads.blocks()], pa.large_string()
            ),
            "fetched_at": pa.concat_arrays(
                [pa.repeat(pa.scalar(received, pa.timestamp("us", "UTC")), len(batch)) for batch, received in batches]
            ),
        }
    )
    dead_letters = [record for batch, _ in batches for record in batch.dead_letters]
    return Prepared(resource, columns, dead_letters, record_ids, days, hashes)


def set_aside_undecodable(batch: RecordBatch) -> RecordBatch:
    """The batch with payloads that are not UTF-8, so no JSON text, moved to its dead letters (rule bad_json)."""
    kept = RecordBatch(batch.resource, dead_letters=list(batch.dead_letters))
    for record_id, day, payload in zip(batch.record_ids, batch.days, batch.payloads, strict=True):
        try:
            payload.decode()
        except UnicodeDecodeError:
            kept.dead_letters.append(DeadLetter("bad_json", "payload", "not UTF-8", payload, day))
        else:
            kept.record_ids.append(record_id)
            kept.days.append(day)
            kept.payloads.append(payload)
    return kept


def find_changes(connection: duckdb.DuckDBPyConnection, source: str, prepared: Prepared) -> Changes:
    """Compare the records with raw, as the connection sees it now."""
    ids = prepared.record_ids
    if not ids:
        return compare([], [], [], {}, set())
    # The range lets DuckLake skip files by their statistics; ids grow with time at every channel.
    condition = (
        f"record_id BETWEEN {quoted(min(ids))} AND {quoted(max(ids))} AND record_id IN (SELECT record_id FROM incoming)"
    )
    connection.register("incoming", prepared.columns.select(["record_id"]))
    try:
        known = connection.execute(
            f"SELECT record_id, partition_day, content_sha256 FROM ({sightings(source, prepared.resource, condition)})"
            " ORDER BY fetched_at, sequence"
        ).to_arrow_table()
    finally:
        connection.unregister("incoming")
    known_ids, known_days, known_hashes = (column.to_pylist() for column in known.columns)
    current = dict(zip(known_ids, zip(known_hashes, known_days, strict=True), strict=True))
    versions = set(zip(known_ids, known_hashes, strict=True))
    return compare(ids, prepared.days, prepared.hashes, current, versions)


def compare(
    ids: list[str],
    days: list[date],
    hashes: Sequence[str],
    current: dict[str, tuple[str, date]],
    versions: set[tuple[str, str]],
) -> Changes:
    """Find what records, in the order in which they came, change.

    Args:
        ids: record ids; an id may come more than once.
        days: partition days.
        hashes: content hashes.
        current: hash and day of each record's current version; brought up to date here.
        versions: every known (record id, hash); completed here.
    """
    if not current and len(set(ids)) == len(ids):
        return Changes(np.arange(len(ids), dtype=np.int64), np.array([], np.int64), set(days))
    new: list[int] = []
    reappeared: list[int] = []
    stale: set[date] = set()
    for position, (record_id, day, content) in enumerate(zip(ids, days, hashes, strict=True)):
        previous = current.get(record_id)
        if previous is not None:
            if previous[0] == content:
                continue
            stale.add(previous[1])
        (reappeared if (record_id, content) in versions else new).append(position)
        stale.add(day)
        current[record_id] = (content, day)
        versions.add((record_id, content))
    return Changes(np.array(new, np.int64), np.array(reappeared, np.int64), stale)


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    prepared: Prepared,
    changes: Changes,
    *,
    sequence: int,
    run_id: str,
) -> None:
    """Append the new versions and note the reappeared ones, within the caller's transaction.

    Args:
        connection: inside a `Lake.transaction()`.
        source: the channel.
        prepared: the records.
        changes: what they change, found in the snapshot that the transaction reads.
        sequence: the number of the first record within the run; orders records that were received together.
        run_id: the run that writes.
    """
    table = f"raw.{source}_{prepared.resource}"
    with rows_handed_on_early(connection, changes.days, _ROWS_HELD):
        _insert_positions(
            connection,
            prepared.columns,
            changes.new,
            f"INSERT INTO {table} SELECT record_id, partition_day, content_sha256, payload, fetched_at,"
            " $1 + position, $2 FROM changed",
            [sequence, run_id],
        )
    _insert_positions(
        connection,
        prepared.columns,
        changes.reappeared,
        f"INSERT INTO raw.reappearances SELECT {quoted(source)}, {quoted(prepared.resource)}, record_id,"
        " partition_day, content_sha256, fetched_at, $1 + position, $2 FROM changed",
        [sequence, run_id],
    )


def _insert_positions(
    connection: duckdb.DuckDBPyConnection,
    columns: pa.Table,
    positions: np.ndarray,
    statement: str,
    values: list[object],
) -> None:
    if not len(positions):
        return
    everything = len(positions) == columns.num_rows
    connection.register("changed", columns if everything else columns.take(pa.array(positions)))
    connection.execute(statement, values)
    connection.unregister("changed")


def _text_column(block: bytes, lengths: list[int]) -> pa.Array:
    """The block as it is and its offsets: no Python string is made and DuckDB copies nothing."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.large_string(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def _is_utf8(column: pa.Array | pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
