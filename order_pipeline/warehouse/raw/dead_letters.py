"""Received records that cannot be keyed: kept with their bytes in `raw.dead_letters`, once per distinct content.

The core build turns them into rows of `quarantine.rejects`. One heals by proof alone: the very record arrived in a
readable form. One whose record is not known stays until a person closes its reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import duckdb
import pyarrow as pa

from order_pipeline.channels.base import DeadLetter, content_hash
from order_pipeline.warehouse.lake.bookkeeping import all_rows

# Received bytes that cannot be keyed (no id, no day, no JSON), once per distinct content.
TABLE_DDL = """
CREATE TABLE IF NOT EXISTS raw.dead_letters (
    source VARCHAR NOT NULL, resource VARCHAR NOT NULL, content_sha256 VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    field VARCHAR NOT NULL, value VARCHAR NOT NULL, partition_day DATE, payload BLOB NOT NULL,
    first_fetched_at TIMESTAMPTZ NOT NULL, first_run_id VARCHAR NOT NULL, last_fetched_at TIMESTAMPTZ NOT NULL,
    last_run_id VARCHAR NOT NULL, record_id VARCHAR, healed_at TIMESTAMPTZ
)"""

_COLUMNS = pa.schema(
    {
        "content_sha256": pa.string(),
        "rule": pa.string(),
        "field": pa.string(),
        "value": pa.string(),
        "payload": pa.binary(),
        "partition_day": pa.date32(),
        "record_id": pa.string(),
    }
)


_WITHOUT_DAY = r"regexp_replace({}.record_id, ':\d{{4}}-\d{{2}}-\d{{2}}:', ':')"


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
            "record_id": one.record_id and _storable(one.record_id),
        }
        for sha256, one in rows.items()
    ]
    connection.register("received", pa.Table.from_pylist(received, _COLUMNS))
    parameters = [source, resource, fetched_at, run_id]
    connection.execute(
        """UPDATE raw.dead_letters SET last_fetched_at = $3, last_run_id = $4, healed_at = NULL
        WHERE source = $1 AND resource = $2 AND content_sha256 IN (SELECT content_sha256 FROM received)""",
        parameters,
    )
    connection.execute(
        """INSERT INTO raw.dead_letters
        BY NAME SELECT $1 AS source, $2 AS resource, content_sha256, rule, field, value, partition_day, payload,
            $3 AS first_fetched_at, $4 AS first_run_id, $3 AS last_fetched_at, $4 AS last_run_id, record_id
        FROM received
        WHERE content_sha256 NOT IN (
            SELECT content_sha256 FROM raw.dead_letters WHERE source = $1 AND resource = $2
        )""",
        parameters,
    )
    connection.unregister("received")


def heal_dead_letters(
    connection: duckdb.DuckDBPyConnection, source: str, resource: str, received_at: datetime
) -> set[date]:
    """Note which open dead letters have arrived in a readable form: their records stand in `incoming`.

    A record id that names a day (a price of that day) is taken for the same thing on any later day.

    Returns:
        The days to build again, so that their rejects are resolved.
    """
    of_resource = "source = $1 AND resource = $2 AND healed_at IS NULL AND record_id IS NOT NULL"
    if not connection.execute(
        f"SELECT 1 FROM {all_rows('raw.dead_letters')} WHERE {of_resource} LIMIT 1", [source, resource]
    ).fetchall():
        return set()
    healed = connection.execute(
        f"""SELECT DISTINCT letters.content_sha256, letters.partition_day, incoming.partition_day
        FROM raw.dead_letters AS letters
        INNER JOIN incoming ON {_WITHOUT_DAY.format("incoming")} = {_WITHOUT_DAY.format("letters")}
        WHERE {of_resource.replace("record_id", "letters.record_id")}""",
        [source, resource],
    ).fetchall()
    if healed:
        connection.execute(
            """UPDATE raw.dead_letters SET healed_at = $3
            WHERE source = $1 AND resource = $2 AND list_contains($4::VARCHAR[], content_sha256)""",
            [source, resource, received_at, sorted({content for content, _, _ in healed})],
        )
    return {day for _, *days in healed for day in days if day}


def _storable(value: str) -> str:
    """The value to be shown: a NUL would end it in SQL and in catalogs, half a character is none."""
    return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
