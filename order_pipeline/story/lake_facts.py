"""What the lake knows about one order: its rows of core, broken rules, what the marts say, and its raw versions.

The columns are named one by one: ids, states, quantities and times, no free text of a channel and nothing personal.
Core, rejects and marts are asked in the slice of one order (`order_slice`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from order_pipeline.story.order_slice import SLICE
from order_pipeline.story.rows import Facts, read_rows
from order_pipeline.warehouse.raw.tables import resource_tables

_PROVENANCE = ("raw_record_id", "raw_sha256", "fetched_at")
CORE_COLUMNS = {
    "orders": (
        *("order_number", "external_reference", "customer_po_number", "end_customer_po_number", "order_day"),
        *("ordered_at", "order_status", "source_status", "is_fraud_locked", "is_test", "awaits_read"),
        *("invoice_numbers", "replaces_order_number", *_PROVENANCE),
    ),
    "order_lines": (
        *("line_id", "line_key", "sku", "line_status", "source_line_status", "quantity_ordered"),
        *("quantity_shipped", "quantity_cancelled", "quantity_backordered", *_PROVENANCE),
    ),
    "shipments": (
        *("shipment_id", "shipment_number", "is_derived", "shipment_status", "source_status", "ship_from_code"),
        *("created_at", "ready_at", "shipped_on", *_PROVENANCE),
    ),
    "parcels": ("parcel_id", "shipment_id", "carton_number", "tracking_number", *_PROVENANCE),
}
"""The tables of core and their columns that a story tells; none is personal by its contract."""
_REJECTS = f"""
SELECT table_name, key, rule, field, value, order_day, raw_record_id, raw_sha256, first_seen_at, last_seen_at,
    resolved_at, closed_reason IS NOT NULL AS closed_by_hand
FROM {SLICE}.quarantine.rejects ORDER BY first_seen_at, table_name, key
"""
_MARTS = {
    "pick_lines": f"""
        SELECT pick_id, line_id, shipment_id, floor, sku, barcode, bin_location, quantity, hold_reason, hold_detail,
            hold_scope
        FROM {SLICE}.marts.pick_lines ORDER BY pick_id
    """,
    "elsewhere": f"""
        SELECT location, count(*) AS lines FROM {SLICE}.marts.picks_elsewhere GROUP BY location ORDER BY location
    """,
    "without_picks": f"SELECT reason, detail FROM {SLICE}.marts.orders_without_picks",
}
_BUILDS = "SELECT built_at, run_id FROM core.builds WHERE source = $source AND order_day = $day"
# Bytes that could not be read, and whose record or whose text is the order's. There are few of them.
_DEAD_LETTERS = """
SELECT rejects.source, table_name, key, rejects.rule, rejects.field, rejects.value, raw_record_id, raw_sha256,
    first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects AS rejects
INNER JOIN raw.dead_letters AS letters ON letters.source = rejects.source AND letters.content_sha256 = rejects.key
    AND rejects.table_name = 'raw.' || letters.source || '_' || letters.resource
WHERE letters.record_id = $order OR ends_with(letters.record_id, ':' || $order)
    OR contains(hex(letters.payload), hex($order))
ORDER BY first_seen_at
"""
# Records that made a build fail and were set aside: nobody read an order's id out of them.
_UNFORESEEN = """
SELECT source, table_name, key, rule, field, value, raw_record_id, raw_sha256, first_seen_at, last_seen_at, resolved_at
FROM quarantine.rejects
WHERE rule = 'unforeseen' AND resolved_at IS NULL
    AND (raw_record_id = $order OR ends_with(raw_record_id, ':' || $order))
"""
_VERSIONS = """
SELECT record_id, partition_day, content_sha256, strlen(payload) AS bytes, fetched_at, sequence, run_id, payload
FROM {table} WHERE {condition}
"""
_MOST_RECORDS = 50


def core_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Facts]]:
    """The rows of the order in the slice, in each core table that a story tells of and that has any."""
    found = {
        table: read_rows(connection, f"SELECT {', '.join(columns)} FROM {SLICE}.core.{table} ORDER BY ALL")
        for table, columns in CORE_COLUMNS.items()
    }
    return {table: rows for table, rows in found.items() if rows}


def rejects_of(connection: duckdb.DuckDBPyConnection) -> list[Facts]:
    """The rules that rows of the order in the slice broke, also those that are resolved."""
    return read_rows(connection, _REJECTS)


def marts_of(connection: duckdb.DuckDBPyConnection, *, is_planned: bool) -> Facts:
    """What the marts say of picking the order in the slice. Keys: pick_lines, elsewhere, without_picks.

    Of a planned order only `elsewhere` is asked: see `OrderSlice.run_marts`.
    """
    asked = {"elsewhere"} if is_planned else _MARTS.keys()
    return {name: read_rows(connection, sql) if name in asked else [] for name, sql in _MARTS.items()}


def builds_of(connection: duckdb.DuckDBPyConnection, source: str, day: Any) -> list[Facts]:
    """When core was last built for that day."""
    return read_rows(connection, _BUILDS, source=source, day=day)


def unforeseen_of(connection: duckdb.DuckDBPyConnection, number: str) -> list[Facts]:
    """Open rejects of records that made a build fail, and that the number names."""
    return read_rows(connection, _UNFORESEEN, order=number)


def dead_letters_of(connection: duckdb.DuckDBPyConnection, number: str) -> list[Facts]:
    """Rejects of bytes that cannot be read, and that speak of the number."""
    return read_rows(connection, _DEAD_LETTERS, order=number)


def raw_versions(connection: duckdb.DuckDBPyConnection, source: str | None, records: Iterable[str]) -> list[Facts]:
    """Every stored version of the records with its payload, the oldest first.

    Args:
        connection: to the lake.
        source: whose raw tables; None: those of all channels.
        records: ids; each is bound by itself, so that files which cannot hold it are left out.
    """
    versions: list[Facts] = []
    wanted = sorted(set(records))[:_MOST_RECORDS]
    values = {f"record_{place}": record for place, record in enumerate(wanted)}
    condition = " OR ".join(f"record_id = ${name}" for name in values) or "false"
    for table in resource_tables(connection, source):
        rows = read_rows(connection, _VERSIONS.format(table=table, condition=condition), **values)
        versions += [{"resource": table.removeprefix("raw."), **row} for row in rows]
    return sorted(versions, key=lambda version: (version["fetched_at"], version["sequence"]))
