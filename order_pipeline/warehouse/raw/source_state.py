"""What a source may ask before it spends calls: open orders, watermarks, latest payloads, latest hashes.

Answers come from the last committed state; a source that asks gets no part of what its own run has not committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pyarrow as pa

from order_pipeline.channels.base import Window
from order_pipeline.contracts.enumerations import SETTLED_ORDER_STATUSES
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.literals import date_list
from order_pipeline.warehouse.raw.versions import current_versions

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clock may stand behind what is stored without having jumped: runs side by side differ by seconds."""

_WATERMARK = """
WITH reports AS (
    SELECT
        source, watermark, complete, CAST(window_end AT TIME ZONE 'UTC' AS DATE) AS proved_to,
        fetched_at > ? + min(fetched_at) OVER (ORDER BY rowid ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
            AS is_ahead
    FROM raw.fetches
)
SELECT coalesce(max(proved_to) FILTER (is_ahead IS NOT TRUE), max(proved_to))
FROM reports
WHERE source = ? AND complete AND watermark = ?
"""


class WarehouseState:
    """`SourceState` of one source, read from the lake."""

    def __init__(self, lake: Lake, source: str) -> None:
        self._lake = lake
        self._source = source

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        """Number and order day of each order that is not settled in core; none while core does not exist."""
        with self._lake.snapshot() as connection:
            if "core.orders" not in relations(connection):
                return {}
            found = connection.execute(
                "SELECT order_number, max(order_day) FROM core.orders WHERE source = ? AND account = ?"
                " AND NOT list_contains(?::VARCHAR[], order_status) GROUP BY order_number ORDER BY order_number",
                [self._source, account, list(SETTLED_ORDER_STATUSES)],
            ).fetchall()
        return dict(found)

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        """Number and order day of orders to be picked that core does not know from a read; none without core.

        Rows of an earlier version do not say whether there was a read: they wait for one as well. So do orders of which
        something came since that could not be read.
        """
        with self._lake.snapshot() as connection:
            if "core.orders" not in relations(connection):
                return {}
            found = connection.execute(
                "SELECT order_number, max(order_day) FROM core.orders WHERE source = ? AND account = ?"
                " AND order_status = 'accepted' AND fulfilled_by = 'merchant' AND NOT is_test"
                " AND (awaits_read IS NOT FALSE OR raw_record_id IN (SELECT record_id FROM raw.dead_letters"
                " WHERE source = ? AND resource = 'orders' AND healed_at IS NULL AND record_id IS NOT NULL))"
                " GROUP BY order_number ORDER BY order_number",
                [self._source, account, self._source],
            ).fetchall()
        return dict(found)

    def watermark(self, name: str) -> date | None:
        """The end of the latest complete report that carries this watermark.

        A report of a clock that stood ahead proves nothing: changes came after it that it calls fetched. It is known by
        a report that was stored later and is earlier by its clock. If only such reports are left, they have to do.
        """
        with self._lake.snapshot() as connection:
            found = connection.execute(_WATERMARK, [CLOCK_TOLERANCE, self._source, name]).fetchone()
        return found[0] if found else None

    def latest_payloads(self, resource: str, record_ids: Sequence[str]) -> dict[str, bytes]:
        """The current payload of each of the records that raw holds."""
        wanted = pa.table({"record_id": pa.array(record_ids, pa.string())})
        found = self._current(resource, "payload", "record_id IN (SELECT record_id FROM wanted)", wanted)
        return {record_id: payload.encode() for record_id, payload in found}

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        """record_id -> SHA-256 (hex) of the current version, for records whose day is in the window."""
        days = [window.start + timedelta(days=n) for n in range((window.end - window.start).days)]
        return dict(self._current(resource, "content_sha256", f"partition_day IN ({date_list(days)})"))

    def _current(self, resource: str, column: str, of: str, wanted: pa.Table | None = None) -> list[tuple[str, str]]:
        """record_id and a column of current versions; none while the resource was never fetched."""
        with self._lake.snapshot() as connection:
            if f"raw.{self._source}_{resource}" not in relations(connection):
                return []
            if wanted is not None:
                connection.register("wanted", wanted)
            return connection.execute(
                f"SELECT record_id, {column} FROM ({current_versions(self._source, resource, of)})"
            ).fetchall()
