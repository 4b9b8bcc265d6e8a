"""Received records that cannot be keyed: kept with their bytes in `raw.dead_letters`, once per distinct content.

The core build turns them into rows of `quarantine.rejects`. A record that is received broken again updates its
`last_fetched_at`, so that one that no later complete fetch of its day brings is known to be healed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from order_pipeline.channels.base import DeadLetter


def write_dead_letters(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    resource: str,
    records: Sequence[DeadLetter],
    *,
    fetched_at: datetime,
    run_id: str,
) -> None:
    """Insert the dead letters, or note that they came again, within the caller's transaction."""
    rows = {hashlib.sha256(record.payload).hexdigest(): record for record in records}
    if not rows:
        return
    received = pa.table(
        {
            "content_sha256": pa.array(rows, pa.string()),
            "rule": pa.array([record.rule for record in rows.values()], pa.string()),
            "field": pa.array([record.field for record in rows.values()], pa.string()),
            "value": pa.array([_storable(record.value) for record in rows.values()], pa.string()),
            "partition_day": pa.array([record.day for record in rows.values()], pa.date32()),
            "payload": pa.array([record.payload for record in rows.values()], pa.binary()),
        }
    )
    connection.register("received", received)
    _write(connection, [source, resource, fetched_at, run_id])
    connection.unregister("received")


def _storable(value: str) -> str:
    """The value to be shown: a NUL would end it in SQL and in catalogs, half a character is none."""
    return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _write(connection: duckdb.DuckDBPyConnection, parameters: Sequence[object]) -> None:
    connection.execute(
        """UPDATE raw.dead_letters SET last_fetched_at = $3, last_run_id = $4
        WHERE source = $1 AND resource = $2 AND content_sha256 IN (SELECT content_sha256 FROM received)""",
        parameters,
    )
    connection.execute(
        """INSERT INTO raw.dead_letters
        SELECT $1, $2, content_sha256, rule, field, value, partition_day, payload, $3, $4, $3, $4
        FROM received
        WHERE content_sha256 NOT IN (
            SELECT content_sha256 FROM raw.dead_letters WHERE source = $1 AND resource = $2
        )""",
        parameters,
    )
