"""dlt with Arrow tables, and behind it what our road gives: raw versions by content, and the ten checked core tables.

dlt keeps each order's payload with its SHA-256, upserted by both; then the same SQL models run in the same DuckDB file,
with all its threads, and the same checks, by the same code. It has no lake, no history of the tables and no days that
are replaced one by one, in its favour.
"""

# The peers are installed by `make bench` only, so the type checker does not find them elsewhere.
# pyright: reportMissingImports=false

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from benchmarks.peers.dlt_tuned import configure
from benchmarks.peers.kibo_pages import page_reader, searches


class Page(msgspec.Struct):
    """What is read of a page."""

    collection: list[msgspec.Raw]


class Key(msgspec.Struct):
    """What is read of an order before it is stored."""

    orderID: int  # noqa: N815 - the vendor's key
    orderDate: str  # noqa: N815


def load(url: str, directory: str, days: int, today: date) -> dict[str, object]:
    """Load all days and make core; the figures of the work, imports excluded."""
    configure()
    import dlt
    import duckdb
    import orjson
    import pyarrow as pa

    import order_pipeline.warehouse.core.build  # noqa: F401 - its imports are not what is measured

    split, read_key = msgspec.json.Decoder(Page).decode, msgspec.json.Decoder(Key).decode
    started = time.perf_counter()
    get = page_reader(url)
    fetched_at = datetime.now(UTC)
    merge: Any = {"disposition": "merge", "strategy": "upsert"}

    @dlt.resource(selected=False)
    def pages() -> Iterator[tuple[dict[str, str], int]]:
        for search in searches(days, today):
            total = orjson.loads(get({**search, "condensedResponse": "true"}, 1))["totalCount"]
            yield from ((search, number) for number in range(1, -(-total // 100) + 1))

    @dlt.transformer(
        data_from=pages,
        parallelized=True,
        table_name="orders",
        primary_key=["record_id", "content_sha256"],
        write_disposition=merge,
    )
    def orders(page: tuple[dict[str, str], int]) -> Iterator[Any]:
        payloads = [bytes(raw) for raw in split(get(*page)).collection]
        keys = [read_key(payload) for payload in payloads]
        yield pa.table(
            {
                "record_id": [str(key.orderID) for key in keys],
                "partition_day": [date.fromisoformat(key.orderDate[:10]) for key in keys],
                "content_sha256": [hashlib.sha256(payload).hexdigest() for payload in payloads],
                "payload": pa.array(payloads, pa.binary()).cast(pa.string()),
                "fetched_at": pa.array([fetched_at] * len(keys), pa.timestamp("us", "UTC")),
            }
        )

    file = f"{directory}/peer.duckdb"
    pipeline = dlt.pipeline(
        "same", destination=dlt.destinations.duckdb(file), dataset_name="kibo", pipelines_dir=f"{directory}/pipelines"
    )
    pipeline.extract(orders, loader_file_format="parquet")
    pipeline.normalize()
    pipeline.load()
    loaded = time.perf_counter() - started
    with duckdb.connect(file) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        counts = make_core(connection)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "raw_s": round(loaded, 2),
        "orders": counts["orders"],
        "lines": counts["order_lines"],
        "orders/s": round(counts["orders"] / seconds),
    }


def make_core(connection: Any) -> dict[str, int]:
    """Stage, check and store all core tables of the file; rows by table."""
    from order_pipeline.warehouse.core.hard_checks import check_rows, create_failures, staged_table
    from order_pipeline.warehouse.core.staging_models import build_sql
    from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject
    from order_pipeline.warehouse.sql.slice import run_model, run_models

    sql = build_sql(SqlProject(), "kibo")
    # Staged rows and helpers stay in memory.
    connection.execute("ATTACH ':memory:' AS scratch")
    connection.execute("CREATE SCHEMA IF NOT EXISTS core")
    file = connection.execute("SELECT current_catalog()").fetchone()[0]
    connection.execute("USE scratch")
    for schema in sql.schemas:
        connection.execute(f"CREATE SCHEMA {schema}")
    for name, rows in sql.seeds.items():
        connection.register("seed", rows)
        connection.execute(f"CREATE TABLE {SEED_SCHEMA}.{name} AS SELECT * FROM seed")
    raw = f"SELECT *, fetched_at AS current_since FROM {file}.kibo.orders"
    latest = "QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY fetched_at DESC) = 1"
    connection.execute(f"CREATE VIEW raw.kibo_orders AS {raw}")
    connection.execute(f"CREATE VIEW raw.kibo_orders_current AS {raw} {latest}")
    create_failures(connection)
    run_models(connection, sql.models, kept=sql.staged.values())
    counts: dict[str, int] = {}

    def store(table: str, relation: str) -> None:
        staged = staged_table(connection, table, relation)
        check_rows(connection, staged, "kibo", "benchmark")
        stored = connection.execute(
            f"CREATE OR REPLACE TABLE {file}.core.{table} AS {staged.good_rows('benchmark')}"
        ).fetchone()
        counts[table] = int(stored[0])
        connection.execute(f"CREATE VIEW core.{table} AS SELECT * FROM {file}.core.{table}")

    for table, relation in sql.staged.items():
        store(table, relation)
    run_model(connection, sql.line_prices)
    store("prices", sql.line_prices.relation)
    return counts
