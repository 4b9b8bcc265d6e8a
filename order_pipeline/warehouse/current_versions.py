"""Which raw version of a record is current: the one seen last, be it new content or older content that came back.

`raw.<table>_current` is the view over everything; `current_versions` is the same relation for a set of days, reading
only what those days need. Does not belong here: what is in a payload.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from order_pipeline.warehouse.literals import date_list, quoted

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

# The payloads are joined in at the end, so that they are never sorted nor held in a hash table.
_CURRENT = """
WITH sightings AS ({sightings}
), latest AS (
    SELECT
        record_id,
        arg_max(content_sha256, (fetched_at, sequence)) AS content_sha256,
        max(fetched_at) AS current_since
    FROM sightings
    GROUP BY record_id
)
SELECT
    versions.record_id, versions.partition_day, versions.content_sha256, versions.payload, versions.fetched_at,
    latest.current_since, versions.run_id
FROM {table} AS versions
JOIN latest ON latest.record_id = versions.record_id AND latest.content_sha256 = versions.content_sha256
WHERE {day_condition}"""


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
    table = f"raw.{source}_{resource}"
    if days is None:
        return _CURRENT.format(sightings=sightings(source, resource), table=table, day_condition="true")
    listed = f"partition_day IN ({date_list(days)})"
    of_the_days = f"record_id IN (SELECT record_id FROM {table} WHERE {listed})"
    return _CURRENT.format(
        sightings=sightings(source, resource, of_the_days), table=table, day_condition=f"versions.{listed}"
    )
