"""Compares the open rejects as stored and as replayed, by rule and field."""

from __future__ import annotations

from collections.abc import Sequence

from order_pipeline.replay.changes import RejectChange
from order_pipeline.replay.replayed_lake import NAME, of_days
from order_pipeline.replay.staged_days import StagedDays
from order_pipeline.warehouse.lake.connection import Connection


def reject_changes(connection: Connection, staged: Sequence[StagedDays]) -> list[RejectChange]:
    """Rules and fields of which the replay opens or resolves rejects of the staged days.

    Args:
        connection: see `replayed_lake`.
        staged: the days that were staged again.
    """
    identity = "source, table_name, key, rule, field, raw_record_id"
    is_open = f"resolved_at IS NULL AND ({of_days(staged)})"
    found = connection.execute(
        f"""
        WITH before AS (SELECT {identity} FROM lake.quarantine.rejects WHERE {is_open}),
        after AS (SELECT {identity} FROM {NAME}.quarantine.rejects WHERE {is_open}),
        opened AS (FROM after EXCEPT FROM before),
        resolved AS (FROM before EXCEPT FROM after)
        SELECT source, table_name, rule, field, count(*) FILTER (is_opened), count(*) FILTER (NOT is_opened), min(key)
        FROM (SELECT *, true AS is_opened FROM opened UNION ALL SELECT *, false FROM resolved)
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    return [RejectChange(*each) for each in found]
