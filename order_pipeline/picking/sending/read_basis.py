"""Reads the basis of the lines that may be sent: of the marts, of core, and which raw versions core was built from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from order_pipeline.picking.outbox.basis import Basis
from order_pipeline.picking.planning.pick_lines import in_utc
from order_pipeline.warehouse.lake.connection import Connection

_COPIED = ("pick_id", "sku", "barcode", "bin_location", "further_bins", "warehouse", "location")
_STATUSES = ("order_status", "line_status", "shipment_status")
_OF_LINES = f"""
SELECT pick_id, {", ".join(_STATUSES)}
FROM marts.pick_follow_up WHERE pick_id IN (SELECT unnest($keys::VARCHAR[]))
"""
_VERSIONS = """
WITH built AS (
    SELECT order_id, raw_record_id, raw_sha256 FROM core.orders
    UNION SELECT order_id, raw_record_id, raw_sha256 FROM core.order_lines
    UNION SELECT order_id, raw_record_id, raw_sha256 FROM core.shipments
    UNION SELECT order_id, raw_record_id, raw_sha256 FROM core.shipment_lines
)

SELECT order_id, list([raw_record_id, raw_sha256] ORDER BY raw_record_id, raw_sha256)
FROM built WHERE order_id IN (SELECT unnest($keys::VARCHAR[])) GROUP BY order_id
"""
_RULES = "SELECT fingerprint FROM reference.deployed_models WHERE model = 'pick_lines'"


def read_rules(connection: Connection) -> str | None:
    """The fingerprint of what decides about the list of picks; None where no version notes one."""
    row = connection.execute(_RULES).fetchone()
    return str(row[0]).removeprefix("on view ") if row else None


def read_basis(connection: Connection, rows: Sequence[Mapping[str, Any]], rules: str | None) -> dict[str, Basis]:
    """Pick id -> basis, of the rows that nothing holds.

    Args:
        connection: in the read transaction that gave the rows, with the same core and marts in sight.
        rows: of `marts.pick_lines`, without lines that were sent: theirs is kept.
        rules: see `read_rules`.
    """
    free = [row for row in rows if not row["hold_reason"] and row["quantity"]]
    keys = {"keys": [row["pick_id"] for row in free]}
    statuses = {row[0]: row[1:] for row in connection.execute(_OF_LINES, keys).fetchall()}
    orders = {"keys": sorted({row["order_id"] for row in free})}
    versions = {order_id: json.dumps(found) for order_id, found in connection.execute(_VERSIONS, orders).fetchall()}
    return {
        row["pick_id"]: {
            **{name: row[name] for name in _COPIED},
            **dict(zip(_STATUSES, statuses.get(row["pick_id"], (None, None, None)), strict=True)),
            "quantity": int(row["quantity"]),
            "ship_by_at": in_utc(row["ship_by_at"]),
            "rules": rules,
            "raw_versions": versions.get(row["order_id"], "[]"),
        }
        for row in free
    }
