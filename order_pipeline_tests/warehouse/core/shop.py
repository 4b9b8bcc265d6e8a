"""Kibo as a channel whose parcels come apart from their orders, for what is decided between chunks and days.

Its models replace Kibo's in a copy of the SQL project; a source must be one that the contract knows.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from order_pipeline.channels.base import CommitGroup, FetchReport, RecordBatch, SourceState, Window
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject

_ROWS = """
SELECT
    'kibo' AS source,
    'a' AS account,
    partition_day AS order_day,
    record_id AS raw_record_id,
    content_sha256 AS raw_sha256,
    fetched_at,
    {columns}
FROM {{{{ source('raw', 'kibo_{resource}_current') }}}}
"""
_ORDERS = """
    payload ->> 'id' AS order_id,
    payload ->> 'id' AS order_number,
    'open' AS order_status,
    'new' AS source_status,
    CAST(payload ->> 'at' AS TIMESTAMPTZ) AS ordered_at,
    payload ->> 'at' AS ordered_at_raw,
    false AS is_test,
    false AS is_fraud_locked"""
_PARCELS = """
    nullif(payload ->> 'id', 'bad') AS parcel_id,
    'shipment' AS shipment_id,
    payload ->> 'order' AS order_id"""


def shop_project(directory: Path) -> SqlProject:
    """The repository's project, with these models in place of Kibo's."""
    shutil.copytree(PROJECT_DIRECTORY, directory, ignore=shutil.ignore_patterns("stg_kibo__*", "target"))
    models = directory / "models" / "staging" / "kibo"
    for resource, columns in {"orders": _ORDERS, "parcels": _PARCELS}.items():
        (models / f"stg_kibo__{resource}.sql").write_text(_ROWS.format(columns=columns, resource=resource))
    return SqlProject(directory)


def receive_shop(lake: Lake, day: date, *, orders: Iterable[str] = (), parcels: Iterable[tuple[str, str]] = ()) -> None:
    """Ingest orders (one whose id begins with `bad` has no time) and parcels (id, `bad` for none, and order)."""
    documents: dict[str, list[dict[str, Any]]] = {
        "orders": [{"id": one, "at": None if one.startswith("bad") else f"{day}T10:00:00Z"} for one in orders],
        "parcels": [{"id": one, "order": order} for one, order in parcels],
    }
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)

    async def extraction(window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        for resource, found in documents.items():
            payloads = Payloads([json.dumps(document).encode() for document in found])
            ids = [document["id"] + document.get("order", "") for document in found]
            batch = RecordBatch(resource, ids, [day] * len(found), payloads)
            report = FetchReport(resource, start, start, 1, len(found), len(found), complete=True)
            yield CommitGroup([batch], [report])

    asyncio.run(ingest(lake, "kibo", extraction, Window(day, day), WarehouseState(lake, "kibo"), "fetch"))
