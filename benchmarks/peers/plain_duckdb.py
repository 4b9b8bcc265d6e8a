"""httpx and DuckDB, as one writes it in an hour: page after page, each page's rows upserted into two tables.

No raw record, no check, no quarantine and no history. Refused calls are asked again a few times.
"""

# orjson comes with the peers (`make bench`), so the type checker does not find it elsewhere.
# pyright: reportMissingImports=false

from __future__ import annotations

import time
from datetime import date
from typing import Any

import duckdb

from benchmarks.peers.kibo_pages import page_reader, searches, total_of

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    order_id BIGINT PRIMARY KEY, currency VARCHAR, order_date VARCHAR, status VARCHAR, total DECIMAL(18, 4),
    city VARCHAR
);
CREATE TABLE IF NOT EXISTS order_lines (
    order_id BIGINT, order_item_id BIGINT, shipment_id BIGINT, sku VARCHAR, quantity INTEGER, price DECIMAL(18, 4),
    PRIMARY KEY (order_id, order_item_id, shipment_id)
);
"""


def load(url: str, directory: str, days: int, today: date) -> dict[str, object]:
    """Load all days; seconds of the work, orders and lines in the file."""
    import orjson

    started = time.perf_counter()
    get = page_reader(url)
    with duckdb.connect(f"{directory}/plain.duckdb") as connection:
        connection.execute(_TABLES)
        for search in searches(days, today):
            number, pages = 1, 1
            while number <= pages:
                body = get(search, number)
                pages = -(-total_of(body) // 100)
                store(connection, orjson.loads(body)["collection"])
                number += 1
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines)"
        ).fetchone() or (0, 0)
    return {"seconds": time.perf_counter() - started, "orders": counts[0], "lines": counts[1]}


def store(connection: duckdb.DuckDBPyConnection, orders: list[dict[str, Any]]) -> None:
    """Upsert the orders of a page and their lines, in one transaction, by Arrow tables."""
    import pyarrow as pa

    if not orders:
        return
    heads = pa.table(
        {
            "order_id": [order["orderID"] for order in orders],
            "currency": [order["orderCurrency"] for order in orders],
            "order_date": [order["orderDate"] for order in orders],
            "status": [order["orderStatus"] for order in orders],
            "total": [str(order["total"]) for order in orders],
            "city": [order["shippingAddressInformation"]["city"] for order in orders],
        }
    )
    lines = [
        {
            "order_id": order["orderID"],
            "order_item_id": item["orderItemID"],
            "shipment_id": shipment["shipmentID"],
            "sku": item["sku"],
            "quantity": item["quantity"],
            "price": str(item["actualPrice"]),
        }
        for order in orders
        for shipment in order.get("shipments") or []
        for item in shipment.get("items") or []
    ]
    connection.execute("BEGIN")
    for table, rows in (("orders", heads), ("order_lines", pa.Table.from_pylist(lines) if lines else None)):
        if rows is not None:
            connection.register("arrived", rows)
            connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM arrived")
    connection.execute("COMMIT")
