"""dlt with Arrow tables instead of rows: pages kept raw, orders and order lines upserted into DuckDB.

Hand-tuned: pages fetched in parallel over kept connections, JSON decoded by orjson, Parquet as the loader's format,
no nesting, large buffers. Its outputs are fewer than ours (three tables, no checks, no quarantine), in its favour.
"""

# The peers are installed by `make bench` only, so the type checker does not find them elsewhere.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

from benchmarks.peers.kibo_pages import page_reader, searches


def configure() -> None:
    """Set what proved fastest here; before dlt is imported."""
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "EXTRACT__WORKERS": "8",
        "EXTRACT__MAX_PARALLEL_ITEMS": "16",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    }


def load(url: str, directory: str, days: int, today: date) -> dict[str, object]:
    """Load all days; the figures of the work, imports excluded."""
    configure()
    import dlt
    import duckdb
    import orjson
    import pyarrow as pa

    started = time.perf_counter()
    get = page_reader(url)

    merge: Any = {"disposition": "merge", "strategy": "upsert"}
    as_orders = dlt.mark.make_hints(table_name="orders", primary_key="order_id", write_disposition=merge)
    as_lines = dlt.mark.make_hints(
        table_name="order_lines", primary_key=["order_id", "order_item_id", "shipment_id"], write_disposition=merge
    )
    as_pages = dlt.mark.make_hints(table_name="raw_pages", write_disposition="append")

    @dlt.resource(selected=False)
    def pages() -> Iterator[tuple[dict[str, str], int]]:
        for search in searches(days, today):
            total = orjson.loads(get({**search, "condensedResponse": "true"}, 1))["totalCount"]
            yield from ((search, number) for number in range(1, -(-total // 100) + 1))

    @dlt.transformer(data_from=pages, parallelized=True)
    def orders(page: tuple[dict[str, str], int]) -> Iterator[Any]:
        body = get(*page)
        rows = orjson.loads(body)["collection"]
        lines = [
            (
                row["orderID"],
                shipment["shipmentID"],
                item["orderItemID"],
                item["sku"],
                item["quantity"],
                item["actualPrice"],
            )
            for row in rows
            for shipment in row.get("shipments") or []
            for item in shipment.get("items") or []
        ]
        names = ("order_id", "shipment_id", "order_item_id", "sku", "quantity", "price")
        columns = dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))
        columns["price"] = [float(price) for price in columns["price"]]
        order_columns = {
            "order_id": [row["orderID"] for row in rows],
            "currency": [row["orderCurrency"] for row in rows],
            "order_date": [row["orderDate"] for row in rows],
            "status": [row["orderStatus"] for row in rows],
            "total": [float(row["total"]) for row in rows],
            "city": [row["shippingAddressInformation"]["city"] for row in rows],
        }
        tables = (
            (pa.table({"page": [page[1]], "body": [body.decode()]}), as_pages),
            (pa.table(order_columns), as_orders),
            (pa.table(columns), as_lines),
        )
        for loaded, hints in tables:
            yield dlt.mark.with_hints(loaded, hints, create_table_variant=True)

    file = f"{directory}/peer.duckdb"
    pipeline = dlt.pipeline(
        "peer", destination=dlt.destinations.duckdb(file), dataset_name="kibo", pipelines_dir=f"{directory}/pipelines"
    )
    pipeline.extract(orders, loader_file_format="parquet")
    pipeline.normalize()
    pipeline.load()
    seconds = time.perf_counter() - started
    with duckdb.connect(file) as connection:
        counts = [connection.sql(f"select count(*) from kibo.{name}").fetchone() for name in ("orders", "order_lines")]
    order_count, line_count = (count[0] if count else 0 for count in counts)
    return {"seconds": seconds, "orders": order_count, "lines": line_count, "orders/s": round(order_count / seconds)}
