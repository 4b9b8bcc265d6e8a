"""Records whose person asked to be forgotten, and the requests. What arrives of them later is erased on arrival.

A record keeps the content hash of the bytes as received. So the same bytes, read again, are known and stored nowhere;
other bytes of the same record (a new status) are a new version, stored without what is personal.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from order_pipeline.channels import registry
from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.personal import ERASED, PersonalKeys
from order_pipeline.warehouse.lake.bookkeeping import all_rows

RECORDS = "raw.erased_records"
REQUESTS = "raw.erasures"

RECORDS_DDL = f"""
CREATE TABLE IF NOT EXISTS {RECORDS} (
    source VARCHAR NOT NULL, record_id VARCHAR NOT NULL, erasure_id VARCHAR NOT NULL
)"""

# `subject_hash` is a keyed hash of who was asked for: it can be recognised, and tells nothing.
REQUESTS_DDL = f"""
CREATE TABLE IF NOT EXISTS {REQUESTS} (
    erasure_id VARCHAR NOT NULL, subject_kind VARCHAR NOT NULL, subject_hash VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL, reason VARCHAR NOT NULL, begun_at TIMESTAMPTZ NOT NULL, finished_at TIMESTAMPTZ,
    records BIGINT NOT NULL
)"""


def personal_keys(source: str) -> PersonalKeys:
    """What of the channel's payloads is personal; nothing of a source that is no channel (any more)."""
    channel = registry.channels().get(source)
    return channel.personal if channel else PersonalKeys()


def erased_ids(connection: duckdb.DuckDBPyConnection, source: str, asked: Iterable[str | None]) -> frozenset[str]:
    """Those of the asked ids whose records of the source are erased; with a retention they are very many in all."""
    connection.register("asked_ids", pa.table({"record_id": pa.array(list(asked), pa.string())}))
    rows = connection.execute(
        f"SELECT record_id FROM {all_rows(RECORDS)}"
        " WHERE source = ? AND record_id IN (SELECT record_id FROM asked_ids)",
        [source],
    ).fetchall()
    connection.unregister("asked_ids")
    return frozenset(record_id for (record_id,) in rows)


def without_erased(source: str, records: pa.Table, erased: frozenset[str]) -> pa.Table:
    """Received records (columns `record_id`, `payload`), those of the erased ids without what is personal."""
    if not erased:
        return records
    ids: list[str] = records["record_id"].to_pylist()
    if erased.isdisjoint(ids):
        return records
    keys, place = personal_keys(source), records.schema.get_field_index("payload")
    payloads = [
        keys.erased(payload.encode()).decode() if record_id in erased else payload
        for record_id, payload in zip(ids, records["payload"].to_pylist(), strict=True)
    ]
    column = records.schema.field(place)
    return records.set_column(place, column, pa.array(payloads, column.type))


def letters_without_erased(source: str, letters: Iterable[DeadLetter], erased: frozenset[str]) -> list[DeadLetter]:
    """Dead letters, those of erased records without what is personal."""
    return [
        DeadLetter(each.rule, each.field, ERASED, personal_keys(source).erased(each.payload), each.day, each.record_id)
        if each.record_id in erased
        else each
        for each in letters
    ]
