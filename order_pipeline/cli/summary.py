"""What the pipeline holds now, in two small tables: what came from each channel, and what became of the picks."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import duckdb

from order_pipeline.cli.tables import print_table
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.tables import resource_tables

CHANNELS_SQL = """
WITH counted AS (
    SELECT source, count(*) AS orders, 0 AS lines, 0 AS quarantined FROM core.orders GROUP BY source
    UNION ALL
    SELECT source, 0, count(*), 0 FROM core.order_lines GROUP BY source
    UNION ALL
    SELECT source, 0, 0, count(*) FROM quarantine.rejects WHERE resolved_at IS NULL GROUP BY source
)
SELECT source, sum(orders)::BIGINT AS orders, sum(lines)::BIGINT AS lines, sum(quarantined)::BIGINT AS quarantined
FROM counted GROUP BY source ORDER BY source
"""

# A held line counts under its reason; every other state stands for itself.
PICKS_SQL = """
SELECT source, CASE WHEN state = 'held' THEN 'held: ' || coalesce(reason, 'no reason') ELSE state END AS outcome,
    count(*) AS lines, count(DISTINCT order_id) AS orders
FROM ops.pick_outbox GROUP BY source, outcome ORDER BY source, outcome <> 'sent', outcome
"""

LOCATIONS_SQL = """
WITH sent AS (
    SELECT pick_id FROM ops.pick_outbox WHERE state = 'sent'
)
SELECT source, coalesce(location, '-') AS location,
    CASE WHEN $floors > 1 THEN 'floor ' || coalesce(floor, '?') ELSE 'our floor' END AS picked_by,
    count(*) AS lines, count(sent.pick_id) AS sent
FROM marts.pick_lines LEFT JOIN sent USING (pick_id) GROUP BY ALL
UNION ALL
SELECT source, location, 'others', count(*), count(sent.pick_id)
FROM marts.picks_elsewhere LEFT JOIN sent USING (pick_id) GROUP BY ALL
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the pipeline holds.

    Attributes:
        channels: rows of (source, orders, lines, quarantined).
        picks: rows of (source, outcome, lines, orders).
        locations: rows of (source, location, picked by, lines to be picked, lines sent).
        raw_versions: how many there are in all.
    """

    channels: list[tuple[Any, ...]]
    picks: list[tuple[Any, ...]]
    locations: list[tuple[Any, ...]]
    raw_versions: int

    def picks_in(self, outcome: str) -> int:
        """How many pick lines, of all channels, ended in that outcome."""
        return sum(lines for _, each, lines, _ in self.picks if each == outcome)


def collect_summary(settings: Settings) -> Summary:
    """Count what the lake and the outbox hold."""
    with closing(Lake(settings).connect(read_only=True, operations=True)) as connection:
        counts = " UNION ALL ".join(
            f"SELECT count(*) AS versions FROM {table}" for table in resource_tables(connection)
        )
        versions = connection.execute(f"SELECT sum(versions)::BIGINT FROM ({counts})").fetchone() if counts else None
        return Summary(
            channels=connection.execute(CHANNELS_SQL).fetchall(),
            picks=connection.execute(PICKS_SQL).fetchall(),
            locations=_locations(connection, len(settings.floor_settings)),
            raw_versions=versions[0] if versions else 0,
        )


def _locations(connection: duckdb.DuckDBPyConnection, floors: int) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(LOCATIONS_SQL, {"floors": floors}).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # the first run deploys the marts, and brings those of an earlier version up to date


def print_summary(summary: Summary) -> None:
    """Show the summary to a person."""
    print_table(["channel", "orders", "lines", "quarantined"], summary.channels, title="Orders in core")
    print_table(["channel", "outcome", "lines", "orders"], summary.picks, title="Picks")
    columns = ["channel", "location", "picked by", "lines to pick", "sent"]
    rows = [(channel, shorten(place, 28, placeholder="…"), *counts) for channel, place, *counts in summary.locations]
    print_table(columns, rows, title="Picks by location")
