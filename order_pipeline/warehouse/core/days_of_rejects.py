"""The days that must be built again for open rejects to be looked at again."""

from __future__ import annotations

from datetime import date

from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.raw.tables import resource_tables

_DAYS = f"""
SELECT source, order_day FROM {all_rows("quarantine.rejects")}
WHERE resolved_at IS NULL AND order_day IS NOT NULL GROUP BY ALL
"""
_RECORDS_WITHOUT_DAY = f"""
SELECT source, list(DISTINCT raw_record_id) FROM {all_rows("quarantine.rejects")}
WHERE resolved_at IS NULL AND order_day IS NULL GROUP BY source
"""


def days_of_rejects(lake: Lake, source: str | None = None) -> dict[str, list[date]]:
    """Channel -> the days of its open rejects, in order.

    A reject without a day counts by the raw partition of its record. Bytes that could not even be keyed have none:
    every build of their channel looks at them, so the channel's newest built day stands for them.

    Args:
        lake: migrated.
        source: only this channel; None: all.
    """
    with lake.snapshot() as connection:
        found: dict[str, set[date]] = {}
        for name, day in connection.execute(_DAYS).fetchall():
            found.setdefault(name, set()).add(day)
        for name, records in connection.execute(_RECORDS_WITHOUT_DAY).fetchall():
            days = _days_of_records(connection, name, records) or _newest_day(connection, name)
            found.setdefault(name, set()).update(days)
    return {name: sorted(days) for name, days in sorted(found.items()) if days and source in {None, name}}


def _days_of_records(connection: Connection, source: str, records: list[str]) -> list[date]:
    tables = resource_tables(connection, source)
    if not tables:
        return []
    rows = " UNION ALL ".join(f"SELECT record_id, partition_day FROM {table}" for table in tables)
    days = connection.execute(
        f"SELECT DISTINCT partition_day FROM ({rows}) WHERE record_id IN (SELECT unnest(?::VARCHAR[]))", [records]
    ).fetchall()
    return [day for (day,) in days]


def _newest_day(connection: Connection, source: str) -> list[date]:
    newest = connection.execute(
        f"SELECT max(order_day) FROM {all_rows('core.builds')} WHERE source = ?", [source]
    ).fetchone()
    return [newest[0]] if newest and newest[0] else []
