"""The records: each record of raw is in core, in quarantine, or of a day that core still owes.

The key is the record's id: the tables of one order (a list row, its detail, its parcels) share it, and core has it in
`raw_record_id`. What is merged away by the build is not looked for: a record that became a part of another row has the
same id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from order_pipeline.channels.channel import Channel
from order_pipeline.contracts import CORE_TABLES
from order_pipeline.reconciliation.differences import Comparison, ComparisonResult, Difference, Reason
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.raw.versions import SEEN, current_versions, sightings

OWED = "owed"
MOST_SHOWN = 10_000
"""Differences of one channel that are listed; more have one cause."""

_FATES = """
WITH records AS (
    SELECT resource, record_id, arg_max(partition_day, {seen}) AS order_day, arg_max(fetched_at, {seen}) AS seen_at
    FROM ({sightings})
    WHERE partition_day >= $since
    GROUP BY resource, record_id
),

in_core AS (
    SELECT DISTINCT raw_record_id AS record_id, order_day
    FROM ({core_rows})
),

put_aside AS (
    SELECT raw_record_id AS record_id
    FROM quarantine.rejects
    WHERE source = $source AND (resolved_at IS NULL OR closed_reason IS NOT NULL)
    UNION
    SELECT record_id
    FROM raw.dead_letters
    WHERE source = $source AND healed_at IS NULL
),

owed AS (
    SELECT DISTINCT order_day
    FROM raw.stale_partitions
    WHERE source = $source
),

built AS (
    SELECT order_day, max(built_at) AS built_at
    FROM core.builds
    WHERE source = $source AND order_day >= $since
    GROUP BY order_day
),

fates AS (
    SELECT
        records.*,
        CASE
            WHEN owed.order_day IS NOT NULL THEN '{owed}'
            WHEN records.record_id IN (SELECT record_id FROM put_aside) THEN 'put aside'
            WHEN in_core.record_id IS NULL THEN '{not_in_core}'
            WHEN built.built_at IS NULL OR records.seen_at > built.built_at THEN '{older_in_core}'
            ELSE 'in core'
        END AS fate
    FROM records
    LEFT JOIN in_core ON in_core.record_id = records.record_id AND in_core.order_day = records.order_day
    LEFT JOIN owed ON owed.order_day = records.order_day
    LEFT JOIN built ON built.order_day = records.order_day
)

SELECT
    fate,
    count(*),
    (
        list({{'resource': resource, 'record_id': record_id, 'day': order_day}} ORDER BY order_day DESC, record_id)
        FILTER (fate IN ('{not_in_core}', '{older_in_core}'))
    )[:{most}]
FROM fates
GROUP BY fate
"""


def reconcile_records(
    connection: Connection, channels: Sequence[Channel[Any]], relations: frozenset[str], since: date
) -> ComparisonResult:
    """Compare raw with core.

    Args:
        connection: in a read transaction of the lake.
        channels: those that are switched on: nobody builds the days of others.
        relations: the lake's tables and views.
        since: the first day.
    """
    result = ComparisonResult(Comparison.RECORDS)
    for channel in channels:
        resources = [name for name in channel.resources if f"raw.{channel.name}_{name}" in relations]
        if resources:
            _add_channel(connection, channel.name, resources, since, result)
    return result


def _add_channel(
    connection: Connection, source: str, resources: Sequence[str], since: date, result: ComparisonResult
) -> None:
    in_days = "partition_day >= $since"
    core_rows = " UNION ALL ".join(
        f"SELECT raw_record_id, order_day FROM core.{table} WHERE source = $source AND order_day >= $since"
        for table in CORE_TABLES
    )
    of_resources = " UNION ALL ".join(
        f"SELECT {quoted(name)} AS resource, * FROM ({sightings(source, name, in_days)})" for name in resources
    )
    sql = _FATES.format(
        seen=SEEN,
        sightings=of_resources,
        core_rows=core_rows,
        owed=OWED,
        not_in_core=Reason.NOT_IN_CORE,
        older_in_core=Reason.OLDER_IN_CORE,
        most=MOST_SHOWN,
    )
    for fate, count, found in connection.execute(sql, {"source": source, "since": since}).fetchall():
        result.checked += count
        result.waiting += count if fate == OWED else 0
        current = _still_of_these_days(connection, source, found or [], since)
        result.differences += [
            _difference(source, Reason(fate), each)
            for each in found or []
            if (each["resource"], each["record_id"]) in current
        ]


def _still_of_these_days(
    connection: Connection, source: str, found: Sequence[dict[str, Any]], since: date
) -> set[tuple[str, str]]:
    """(resource, record id) of those whose newest version is of these days: a record may move to an older one."""
    current: set[tuple[str, str]] = set()
    for resource in {each["resource"] for each in found}:
        ids = [each["record_id"] for each in found if each["resource"] == resource]
        connection.register("suspects", pa.table({"record_id": pa.array(ids, pa.string())}))
        versions = current_versions(source, resource, "record_id IN (SELECT record_id FROM suspects)")
        rows = connection.execute(f"SELECT record_id FROM ({versions}) WHERE partition_day >= ?", [since]).fetchall()
        connection.unregister("suspects")
        current |= {(resource, record_id) for (record_id,) in rows}
    return current


def _difference(source: str, reason: Reason, found: dict[str, Any]) -> Difference:
    day: date = found["day"]
    return Difference(
        comparison=Comparison.RECORDS,
        key=f"{found['resource']} {found['record_id']}",
        reason=reason,
        source=source,
        day=day,
        heal=f"order-pipeline rebuild --source {source} --from {day} --to {day}",
    )
