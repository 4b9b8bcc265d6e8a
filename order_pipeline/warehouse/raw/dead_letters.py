"""Received records that cannot be keyed: kept with their bytes in `raw.dead_letters`, once per distinct content.

The core build turns them into rows of `quarantine.rejects`. A record that is received broken again updates its
`last_fetched_at`, so that one that no later complete fetch of its day brings is known to be healed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from order_pipeline.channels.base import DeadLetter, content_hash

_COLUMNS = pa.schema(
    {
        "content_sha256": pa.string(),
        "rule": pa.string(),
        "field": pa.string(),
        "value": pa.string(),
        "payload": pa.binary(),
        "partition_day": pa.date32(),
    }
)


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
    if not records:
        return
    rows = {content_hash(one.payload): one for one in records}
    received = [
        {
            "content_sha256": sha256,
            "rule": one.rule,
            "field": one.field,
            "value": _storable(one.value),
            "payload": one.payload,
            "partition_day": one.day,
        }
        for sha256, one in rows.items()
    ]
    connection.register("received", pa.Table.from_pylist(received, _COLUMNS))
    parameters = [source, resource, fetched_at, run_id]
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
    connection.unregister("received")


def _storable(value: str) -> str:
    """The value to be shown: a NUL would end it in SQL and in catalogs, half a character is none."""
    return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
