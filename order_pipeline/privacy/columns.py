"""The lake's columns whose values no statistic may repeat: payloads as received, and what contracts call personal."""

from __future__ import annotations

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.privacy.subjects import raw_tables
from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.lake.forgetting import PersonalColumns

RAW_PAYLOAD = "payload"
_ALSO = {
    "raw.dead_letters": ("payload", "value"),
    "quarantine.rejects": ("value",),
    "core.order_lines": ("extras",),
}
"""Columns that repeat what was received: `extras` has free text of the line."""


def personal_columns(connection: Connection) -> PersonalColumns:
    """Of every table that there is."""
    return {**declared_personal_columns(), **{name: [RAW_PAYLOAD] for name in raw_tables(connection)}}


def declared_personal_columns() -> PersonalColumns:
    """Of every table that there may be, beside the `RAW_PAYLOAD` of each raw table."""
    of_core = {
        f"core.{name}": [each.name for each in table_contract(model).columns if each.personal]
        for name, model in CORE_TABLES.items()
    }
    columns = {name: list(personal) for name, personal in of_core.items() if personal}
    for name, also in _ALSO.items():
        columns[name] = [*columns.get(name, []), *also]
    return columns
