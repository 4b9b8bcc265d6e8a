"""Every table of the lake in a DuckDB of its own, empty, and the marts over them: what a test adds is all there is.

Columns take NULL, so that a test names only what it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from order_pipeline.channels.registry import channels
from order_pipeline.warehouse.migrations import SCHEMAS, declared_tables
from order_pipeline.warehouse.raw.tables import RAW_COLUMNS
from order_pipeline.warehouse.raw.versions import current_versions
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SqlProject

Row = dict[str, Any]

ORDERED_AT = "2026-01-05 10:00:00+00"
ORDER: Row = {
    "source": "kibo",
    "account": "77",
    "order_day": "2026-01-05",
    "ordered_at": ORDERED_AT,
    "fetched_at": "2026-01-05 10:05:00+00",
    "order_status": "accepted",
    "source_status": "READY",
    "fulfilled_by": "merchant",
    "currency": "EUR",
    "is_test": False,
    "is_fraud_locked": False,
    "awaits_read": False,
}
LINE: Row = {
    "sku": "A",
    "quantity_ordered": 2,
    "unit_price": 10,
    "line_amount": 20,
    "price_basis": "unit",
    "currency": "EUR",
    "line_status": "open",
    "source_line_status": "NORMAL",
}
PICK: Row = {"state": "sent", "wave": 1, "attempt": 1, "payload_sha256": "0", "planned_at": "2026-01-05 10:06:00+00"}
FETCH: Row = {"pages": 1, "records": 1, "complete": True, "note": "", "calls": 1, "calls_saved": 0, "new_versions": 1}
FETCH |= {"unchanged": 0, "reappeared": 0, "dead_letters": 0, "run_id": "r1"}


def make_world(variables: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
    """The tables, seeds and views, in memory; `variables` are those of the SQL project."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    for table, columns in declared_tables().items():
        listed = ", ".join(f"{name} {column.kind}" for name, column in columns.items())
        connection.execute(f"CREATE TABLE {table} ({listed})")
    for channel in channels().values():
        for resource in channel.resources:
            table = f"raw.{channel.name}_{resource}"
            connection.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {kind}' for n, kind in RAW_COLUMNS.items())})")
            connection.execute(f"CREATE VIEW {table}_current AS {current_versions(channel.name, resource)}")
    project = SqlProject(variables=variables)
    for seed in project.seeds:
        load_seed(connection, project, seed)
    for name in project.upstream(name for name, model in project.models.items() if model.schema == "marts"):
        connection.execute(f"CREATE VIEW {project.models[name].relation} AS {project.graph[name].sql}")
    return connection


class World:
    """Adds rows, and asks the marts.

    Args:
        connection: of `make_world`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def add(self, table: str, *rows: Row) -> None:
        """Add rows that name some of the table's columns; lists and mappings may stand for JSON."""
        for row in rows:
            places = ", ".join("?" for _ in row)
            self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))

    def add_order(self, number: str, *lines: Row, **order: Any) -> str:
        """Add an order with lines, each `LINE` with changes (`line_key` is its place); return its id."""
        made = {**ORDER, "order_number": number, **order}
        made["order_id"] = f"{made['source']}:{made['account']}:{number}"
        self.add("core.orders", made)
        self._note_build(made["source"], made["order_day"])
        shared = {name: made[name] for name in ("source", "account", "order_day", "order_id", "fetched_at")}
        for place, line in enumerate(lines, start=1):
            self.add("core.order_lines", {**LINE, **shared, "line_id": f"{made['order_id']}:{place}", **line})
        return str(made["order_id"])

    def _note_build(self, source: str, day: str) -> None:
        """Every day that core has rows of was built; nobody has judged whether it is settled."""
        built = "SELECT 1 FROM core.builds WHERE source = ? AND order_day = CAST(? AS DATE)"
        if not self.connection.execute(built, [source, day]).fetchone():
            self.add("core.builds", {"source": source, "order_day": day})

    def add_pick(self, order_id: str, line: int = 1, **pick: Any) -> None:
        """Add a line of the outbox, `PICK` with changes."""
        source, account, number = order_id.split(":")
        ids = {"source": source, "account": account, "order_number": number, "order_id": order_id}
        line_id = f"{order_id}:{line}"
        row = {**PICK, **ids, "line_id": line_id, "pick_id": line_id, **pick}
        self.add("core.pick_status", {"updated_at": row["planned_at"], **row})

    def add_ready_shipment(self, order_id: str, lines: int = 1) -> None:
        """Let the first lines of a Kibo order lie in a shipment that is ready, two pieces of item A each."""
        shipment = {"source": order_id.split(":", maxsplit=1)[0], "order_id": order_id, "shipment_id": f"{order_id}:9"}
        shipment["order_day"] = ORDER["order_day"]
        ready = {"shipment_number": "9", "shipment_status": "ready", "source_status": "READY"}
        self.add("core.shipments", {**shipment, **ready})
        line = {"sku": "A", "line_status": "open", "source_line_status": "NORMAL", "quantity_ordered": 2}
        self.add("core.shipment_lines", *({**shipment, **line, "line_id": f"{order_id}:{n + 1}"} for n in range(lines)))

    def add_version(self, resource: str, record_id: str, fetched_at: str, payload: Any) -> None:
        """Add a stored version of a record to `raw.<resource>`, under the day of `ORDER`."""
        text = json.dumps(payload)
        row = {"record_id": record_id, "partition_day": ORDER["order_day"], "content_sha256": text, "payload": text}
        self.add(f"raw.{resource}", {**row, "fetched_at": fetched_at, "sequence": 1, "run_id": "r1"})

    def add_fetch(self, source: str, resource: str, hours_ago: float, **fetch: Any) -> None:
        """Add a fetch report of so many hours ago that reached its day, `FETCH` with changes."""
        row = {**FETCH, "source": source, "resource": resource, **fetch}
        self.add("raw.fetches", row)
        self.connection.execute(
            "UPDATE raw.fetches SET fetched_at = now() - to_microseconds(CAST(? * 3600000000 AS BIGINT)),"
            " window_end = coalesce(window_end, date_trunc('day', now()) + INTERVAL 1 DAY),"
            " window_start = coalesce(window_start, date_trunc('day', now()) - INTERVAL 1 DAY)"
            " WHERE fetched_at IS NULL",
            [hours_ago],
        )

    def ask(self, query: str) -> list[Row]:
        """The rows that a query gives."""
        cursor = self.connection.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def mart(self, name: str, order_by: str = "ALL") -> list[Row]:
        """Every row of a mart."""
        return self.ask(f"SELECT * FROM marts.{name} ORDER BY {order_by}")
