"""ScanSource's staging models run over invented records in a DuckDB of their own: no lake, no network.

`Records` collects raw records as the source would hand them over; `stage` gives the rows of every core table that the
models yield, as dictionaries. `detail`, `line` and `delivery` are small documents to start from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import duckdb

from order_pipeline.channels.scansource.extraction import RESOURCES
from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline.warehouse.sql.slice import run_model

ACCOUNT = "1000047110"
DAY = date(2026, 1, 5)
FETCHED_AT = datetime(2026, 1, 6, tzinfo=UTC)
ENTERED = "1/5/2026 3:07 PM"
ORDER_ID = f"scansource:{ACCOUNT}:41"
_RAW = (
    "record_id VARCHAR, partition_day DATE, content_sha256 VARCHAR, payload VARCHAR, fetched_at TIMESTAMPTZ,"
    " sequence BIGINT, run_id VARCHAR"
)
# What the lake's view of current versions yields; the lake itself is tested with its own view.
_LATEST = (
    "SELECT *, fetched_at AS current_since FROM {table}"
    " QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY sequence DESC) = 1"
)


@cache
def project() -> SqlProject:
    """The repository's SQL project."""
    return SqlProject()


@dataclass
class Records:
    """Raw records by resource: record id and document."""

    rows: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, resource: str, number: str, document: Any) -> Records:
        """One more record; `number` is what stands behind the account in its id."""
        text = document if isinstance(document, str) else json.dumps(document)
        self.rows.setdefault(resource, []).append((f"{ACCOUNT}:{number}", text))
        return self

    def add_order(self, detail: dict[str, Any] | None, *, number: str = "41", **listed: Any) -> Records:
        """A list row and its detail; what the list row does not say is taken from the detail."""
        known = {name: (detail or {}).get(name) for name in ("Status", "Total", "Currency", "SalesOrderLines")}
        row = {"OrderNumber": number, "DateEntered": ENTERED, "LastChanged": ENTERED} | known | listed
        self.add("order_rows", number, row)
        if detail is not None:
            self.add("order_details", number, {"SalesOrderNumber": number} | detail)
        return self


def line(number: Any, item: str = "SKU-1", **changes: Any) -> dict[str, Any]:
    """An order line."""
    quantities = {"Ordered": 2, "Committed": 0, "BackOrdered": 0, "Shipped": 0, "Canceled": 0}
    return {"LineNumber": number, "ItemNumber": item, "Price": 10.5, "Currency": "USD"} | quantities | changes


def delivery(number: str = "8001", **changes: Any) -> dict[str, Any]:
    """A delivery of a detail."""
    return {"DeliveryDocumentNumber": number, "DeliveryStatus": "C", "ShippedDate": "2026-01-06T00:00:00"} | changes


def detail(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An order's detail."""
    return {"Status": "Open", "Currency": "USD", "Total": 21, "SalesOrderLines": list(lines)} | changes


_BUILT_DAY = "SELECT 'scansource' AS source, CAST(? AS DATE) AS order_day, CAST(NULL AS BOOLEAN) AS is_settled"


def stage(records: Records, *tables: str, mart: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Rows by core table (all ten, or those named) and of the mart over them, in the order of all columns' text."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {schema}")
        for seed in project().seeds:
            load_seed(connection, project(), seed)
        for resource in RESOURCES:
            table = f"raw.scansource_{resource}"
            connection.execute(f"CREATE TABLE {table} ({_RAW})")
            connection.execute(f"CREATE VIEW {table}_current AS {_LATEST.format(table=table)}")
            for sequence, (record_id, payload) in enumerate(records.rows.get(resource, [])):
                digest = hashlib.sha256(payload.encode()).hexdigest()
                row = [record_id, DAY, digest, payload, FETCHED_AT, sequence, "run"]
                connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        names = {table: f"stg_scansource__{table}" for table in tables or CORE_TABLES}
        _make(connection, names.values())
        if mart is not None:
            for table, name in names.items():
                connection.execute(f"CREATE VIEW core.{table} AS SELECT * FROM staging.{name}")
            connection.execute(f"CREATE TABLE core.builds AS {_BUILT_DAY}", [DAY])
            _make(connection, [mart])
            names[mart] = mart
        return {table: _rows(connection, project().models[name].relation) for table, name in names.items()}


def _make(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    for name in project().upstream(names):
        run_model(connection, project().graph[name])


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
    found = connection.execute(f"SELECT * FROM {relation}")
    columns = [column[0] for column in found.description or []]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return sorted(rows, key=lambda row: str({name: row[name] for name in sorted(row) if name != "raw_sha256"}))
