"""What the lake holds after a build: counts by day, repeated keys, children without their order.

The blocking check uses this. It reads back what is stored, so it also sees a fault of the writer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.lake.bookkeeping import all_rows, of_source
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.literals import date_list
from order_pipeline.warehouse.raw.tables import raw_table

CHILDREN = {"order_lines", "shipments", "shipment_lines", "parcels", "serial_numbers"}
"""Tables whose rows must have their order beside them (docs/apis/common_schema.md section 13, rule `orphan`)."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """One core table's rows of one source on some days."""

    by_day: dict[date, int]
    repeated_keys: int
    orphans: int

    @property
    def rows(self) -> int:
        """Rows on all the days."""
        return sum(self.by_day.values())

    @property
    def is_sound(self) -> bool:
        """No key is there twice, and no child lacks its order."""
        return not self.repeated_keys and not self.orphans


@dataclass(frozen=True, slots=True)
class RawCounts:
    """What some raw tables hold of one day: records, their versions, and the versions that one run brought."""

    records: int = 0
    versions: int = 0
    new: int = 0


def read_raw_counts(
    lake: Lake, source: str, resources: Sequence[str], days: Sequence[date], run_id: str
) -> Mapping[date, RawCounts]:
    """Day -> what the raw tables of these resources hold of it together, for each of the days."""
    counted = " UNION ALL ".join(
        "SELECT partition_day, count(DISTINCT record_id) AS records, count(*) AS versions,"
        f" count(*) FILTER (run_id = $run_id) AS new FROM {raw_table(source, resource)}"
        " WHERE partition_day IN (SELECT unnest($days::DATE[])) GROUP BY partition_day"
        for resource in resources
    )
    with lake.snapshot() as connection:
        found = connection.execute(
            "SELECT partition_day, sum(records)::BIGINT, sum(versions)::BIGINT, sum(new)::BIGINT"
            f" FROM ({counted}) GROUP BY partition_day",
            {"run_id": run_id, "days": list(days)},
        ).fetchall()
    by_day = {day: RawCounts(*counts) for day, *counts in found}
    return {day: by_day.get(day, RawCounts()) for day in days}


def read_open_rejects(lake: Lake, source: str) -> dict[str, int]:
    """How many rejects of the source are open, on whatever day, by rule."""
    with lake.snapshot() as connection:
        return dict(
            connection.execute(
                f"SELECT rule, count(*) FROM {all_rows('quarantine.rejects')} WHERE source = ? AND resolved_at IS NULL"
                " GROUP BY rule ORDER BY rule",
                [source],
            ).fetchall()
        )


def read_stored_rows(lake: Lake, table: str, source: str, days: Sequence[date]) -> StoredRows:
    """Count what `core.<table>` holds for the source on the days; an earlier day may hold a child's order."""
    key = ", ".join(table_contract(CORE_TABLES[table]).key)
    of_days = f"order_day IN ({date_list(days)}) AND {of_source(source)}"
    with lake.snapshot() as connection:
        counted = connection.execute(
            f"SELECT order_day, count(*), count(DISTINCT row({key})) FROM core.{table} WHERE {of_days} GROUP BY ALL"
        ).fetchall()
        orphans = 0
        if table in CHILDREN:
            found = connection.execute(
                f"SELECT count(*) FROM core.{table} AS child WHERE {of_days} AND NOT EXISTS"
                f" (SELECT 1 FROM core.orders AS parent WHERE parent.order_id = child.order_id)"
            ).fetchone()
            orphans = int(found[0]) if found else 0
    return StoredRows(
        by_day={day: rows for day, rows, _ in counted},
        repeated_keys=sum(rows - keys for _, rows, keys in counted),
        orphans=orphans,
    )
