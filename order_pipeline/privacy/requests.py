"""The record of who asked for what and when, without what is personal; an erasure that was killed goes on from it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from order_pipeline.privacy.subjects import Record, Subject, by_source, find_records
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.raw.erased_records import RECORDS, REQUESTS
from order_pipeline.warehouse.raw.writer import take_turn


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request: its id, and the records that are erased now and whenever they arrive again."""

    erasure_id: str
    records: frozenset[Record]


@dataclass(frozen=True, slots=True)
class PastRequest:
    """A request as it is kept. `finished_at` is None where it was killed or still runs."""

    requested_by: str
    begun_at: datetime
    finished_at: datetime | None
    records: int


def begin(
    lake: Lake, subject: Subject, subject_hash: str, requested_by: str, reason: str, *, waiting: Collection[Record] = ()
) -> Erasure:
    """Note the request and its records; one that did not finish goes on, with what is found now besides.

    Args:
        lake: migrated.
        subject: whom.
        subject_hash: by which the request is recognised.
        requested_by: who asked.
        reason: why.
        waiting: their records that are in the inbox.
    """

    def body(connection: Connection) -> Erasure:
        found = find_records(connection, subject) | set(waiting)
        row = connection.execute(
            f"SELECT erasure_id FROM {REQUESTS} WHERE subject_hash = ? AND finished_at IS NULL", [subject_hash]
        ).fetchone()
        erasure_id = row[0] if row else uuid.uuid4().hex
        known = _records_of(connection, erasure_id)
        if not row:
            values = (erasure_id, subject.kind.value, subject_hash, requested_by, reason)
            insert_rows(connection, REQUESTS, [(*values, datetime.now(UTC), None, len(found))])
        _add(lake, connection, found - known, erasure_id)
        return Erasure(erasure_id, frozenset(found | known))

    return lake.run("begin an erasure", body)


def note_records(lake: Lake, records: Collection[Record], erasure_id: str) -> None:
    """Note records as erased, so that they are erased whenever they arrive again."""
    lake.run("note erased records", lambda connection: _add(lake, connection, records, erasure_id))


def finish(lake: Lake, erasure: Erasure) -> None:
    """Note that nothing is left."""
    lake.run(
        "finish an erasure",
        lambda connection: connection.execute(
            f"UPDATE {REQUESTS} SET finished_at = $1, records = $2 WHERE erasure_id = $3",
            [datetime.now(UTC), len(erasure.records), erasure.erasure_id],
        ),
    )


def past_requests(connection: Connection, hashes: Collection[str]) -> list[PastRequest]:
    """The requests with these hashes, oldest first."""
    rows = connection.execute(
        f"SELECT requested_by, begun_at, finished_at, records FROM {REQUESTS}"
        " WHERE list_contains($1::VARCHAR[], subject_hash) ORDER BY begun_at",
        [list(hashes)],
    ).fetchall()
    return [PastRequest(*row) for row in rows]


def _add(lake: Lake, connection: Connection, records: Collection[Record], erasure_id: str) -> None:
    """Note the records. Where no lock lets writers queue, one that did not see them yet conflicts and begins again."""
    insert_rows(connection, RECORDS, [(*record, erasure_id) for record in sorted(records)])
    if not lake.is_embedded:
        for source in by_source(records):
            take_turn(connection, source)


def _records_of(connection: Connection, erasure_id: str) -> set[Record]:
    rows = connection.execute(f"SELECT source, record_id FROM {RECORDS} WHERE erasure_id = ?", [erasure_id]).fetchall()
    return set(rows)
