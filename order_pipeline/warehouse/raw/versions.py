"""Which raw version of a record is current: the one seen last, be it new content or older content that came back.

`raw.<table>_current` is the view over everything; `current_versions` of some rows reads only what those need.
"""

from __future__ import annotations

from order_pipeline.warehouse.lake.literals import quoted

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
), versions AS (
    SELECT *, {seen} AS seen
    FROM {table}
    WHERE {of}
)
SELECT
    versions.record_id, versions.partition_day, versions.content_sha256, versions.payload, versions.fetched_at,
    coalesce(reappeared.fetched_at, versions.fetched_at) AS current_since, versions.run_id
FROM versions
JOIN latest ON latest.record_id = versions.record_id
LEFT JOIN reappeared ON reappeared.record_id = latest.record_id AND reappeared.seen = latest.seen
WHERE latest.seen = versions.seen OR reappeared.content_sha256 = versions.content_sha256"""

SEEN = "(epoch_us(fetched_at)::HUGEINT * 1099511627776 + sequence)"


def sightings(source: str, resource: str, condition: str = "true") -> str:
    """SQL of every time a record's content was new or came back.

    Args:
        source: the channel.
        resource: the channel's resource.
        condition: SQL over the versions, to read less than everything; of reappearances all come.
    """
    return _SIGHTINGS.format(table=f"raw.{source}_{resource}", key=quoted(f"{source} {resource}"), condition=condition)


def current_versions(source: str, resource: str, of: str = "true") -> str:
    """SQL of those stored rows that are their record's current version.

    Args:
        source: the channel.
        resource: the channel's resource.
        of: SQL condition of the rows that are asked about. A record that has left a day is not among the day's rows,
            though its older version lies in that partition.
    """
    table = f"raw.{source}_{resource}"
    records = "true" if of == "true" else f"record_id IN (SELECT record_id FROM {table} WHERE {of})"
    return _CURRENT.format(
        sightings=sightings(source, resource, records),
        table=table,
        key=quoted(f"{source} {resource}"),
        seen=SEEN,
        of=of,
    )
