"""Which raw version of a record is current: the one seen last, be it new content or older content that came back.

`raw.<table>_current` is the view over everything; `current_versions` is the same relation for a set of days, reading
only what those days need. Does not belong here: what is in a payload.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import duckdb

from order_pipeline.warehouse.lake.literals import date_list, quoted

# Stored once per content: a record that went A -> B -> A has rows for A and B, and a reappearance of A. Reappearances
# are few and read whole: DuckLake spends about 10 ms of catalog work on every filter that it can push down.
_SIGHTINGS = """
    SELECT record_id, content_sha256, partition_day, fetched_at, sequence
    FROM {table}
    WHERE {condition}
    UNION ALL
    SELECT record_id, content_sha256, partition_day, fetched_at, sequence
    FROM raw.reappearances
    WHERE source || ' ' || resource = {key}"""

# `seen` orders sightings by time, then by place in the run, as one number: an aggregate of fixed size, which DuckDB can
# spill, where one over hashes or rows needs memory for every record there is. The payloads are joined in at the end,
# so that they are never sorted nor held in a hash table. A latest sighting that is no version's own is a reappearance.
_CURRENT = """
WITH sightings AS ({sightings}
), latest AS (
    SELECT record_id, max({seen}) AS seen
    FROM sightings
    GROUP BY record_id
), reappeared AS (
    SELECT record_id, content_sha256, fetched_at, {seen} AS seen
    FROM raw.reappearances
    WHERE source || ' ' || resource = {key}
)
SELECT
    versions.record_id, versions.partition_day, versions.content_sha256, versions.payload, versions.fetched_at,
    coalesce(reappeared.fetched_at, versions.fetched_at) AS current_since, versions.run_id
FROM {table} AS versions
JOIN latest ON latest.record_id = versions.record_id
LEFT JOIN reappeared ON reappeared.record_id = latest.record_id AND reappeared.seen = latest.seen
WHERE {row_condition}
    AND (latest.seen = {versions_seen} OR reappeared.content_sha256 = versions.content_sha256)"""

SEEN = "(epoch_us({of}fetched_at)::HUGEINT * 1099511627776 + {of}sequence)"


def sightings(source: str, resource: str, condition: str = "true") -> str:
    """SQL of every time a record's content was new or came back.

    Args:
        source: the channel.
        resource: the channel's resource.
        condition: SQL over the versions, to read less than everything; of reappearances all come.
    """
    return _SIGHTINGS.format(table=f"raw.{source}_{resource}", key=quoted(f"{source} {resource}"), condition=condition)


def current_versions(source: str, resource: str, days: Collection[date] | None = None) -> str:
    """SQL of the current versions: of the records that are in one of the days now, or of all records.

    A record that has left a day is not among the day's rows, though its older version lies in that partition.
    """
    if days is None:
        return _current(source, resource, records="true", rows="true")
    in_days = f"partition_day IN ({date_list(days)})"
    records = f"record_id IN (SELECT record_id FROM raw.{source}_{resource} WHERE {in_days})"
    return _current(source, resource, records=records, rows=f"versions.{in_days}")


def has_one_version_each(
    connection: duckdb.DuckDBPyConnection, source: str, resource: str, days: Collection[date]
) -> bool:
    """Whether no record that stands in these days ever had another content: then all its rows there are current."""
    of_days = f"record_id IN (SELECT record_id FROM raw.{source}_{resource} WHERE partition_day IN ({date_list(days)}))"
    counts = connection.execute(
        f"SELECT count(*), count(DISTINCT record_id) FROM ({sightings(source, resource, of_days)})"
    ).fetchone()
    return counts is not None and counts[0] == counts[1]


def current_versions_of(source: str, resource: str, ids: str) -> str:
    """SQL of the current versions of the records that the relation `ids` (column record_id) names."""
    named = f"record_id IN (SELECT record_id FROM {ids})"
    return _current(source, resource, records=named, rows=f"versions.{named}")


def _current(source: str, resource: str, *, records: str, rows: str) -> str:
    return _CURRENT.format(
        sightings=sightings(source, resource, records),
        table=f"raw.{source}_{resource}",
        key=quoted(f"{source} {resource}"),
        seen=SEEN.format(of=""),
        versions_seen=SEEN.format(of="versions."),
        row_condition=rows,
    )
