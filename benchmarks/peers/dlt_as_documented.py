"""dlt as most use it: its REST source with its paginator, its defaults, orders merged by their key, children nested."""

# The peers are installed by `make bench` only, so the type checker does not find them elsewhere.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import time
from datetime import date
from typing import Any

from benchmarks.peers.kibo_pages import CREDENTIALS, access_token, searches


def load(url: str, directory: str, days: int, today: date) -> dict[str, object]:
    """Load all days; seconds of the work, orders and lines in the file."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    import dlt
    import duckdb
    from dlt.sources.rest_api import rest_api_source

    started = time.perf_counter()
    resources: list[Any] = [
        {
            "name": f"orders_{number}",
            "table_name": "orders",
            "primary_key": "orderID",
            "write_disposition": "merge",
            "endpoint": {
                "path": "order/",
                "params": {**search, "perPage": 100},
                "data_selector": "collection",
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page",
                    "total_path": None,
                    "stop_after_empty_page": True,
                },
            },
        }
        for number, search in enumerate(searches(days, today))
    ]
    client: Any = {
        "base_url": f"{url}/kibo/api/v2/",
        "headers": {"API-Key": CREDENTIALS[0], "Content-Type": "application/json"},
        "auth": {"type": "bearer", "token": access_token(url)},
    }
    file = f"{directory}/documented.duckdb"
    pipeline = dlt.pipeline(
        "documented",
        destination=dlt.destinations.duckdb(file),
        dataset_name="kibo",
        pipelines_dir=f"{directory}/pipelines",
    )
    pipeline.run(rest_api_source({"client": client, "resources": resources}))
    seconds = time.perf_counter() - started
    with duckdb.connect(file) as connection:
        tables = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        lines = next(name for name in tables if name.startswith("orders__shipments__items") and "__items__" not in name)
        counts = [connection.execute(f"SELECT count(*) FROM kibo.{name}").fetchone() for name in ("orders", lines)]
    orders, items = (count[0] if count else 0 for count in counts)
    return {"seconds": seconds, "orders": orders, "lines": items}
