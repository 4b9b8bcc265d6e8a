"""The tools that are compared: what each runs as a process of its own, and how its tables are counted afterwards."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks import kibo_steps
from benchmarks.side_by_side.truth import CHANGED_CITY, Counts


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: as the table shows it.
        step: of `benchmarks.kibo_steps --step`.
        gives: what it leaves behind, in a few words.
        count: its orders, shipped items and changed orders in a directory; None when it keeps nothing.
    """

    name: str
    step: str
    gives: str
    count: Callable[[Path], Counts] | None


def counted_in(file: str, orders: str, items: str, city: str) -> Callable[[Path], Counts]:
    """Counts in the DuckDB file of a peer."""

    def count(directory: Path) -> Counts:
        with duckdb.connect(str(directory / file), read_only=True) as connection:
            row = connection.execute(
                f"SELECT (SELECT count(*) FROM {orders}), (SELECT count(*) FROM {items}),"
                f" (SELECT count(*) FROM {orders} WHERE {city} = ?)",
                [CHANGED_CITY],
            ).fetchone()
        return Counts(*(row or (0, 0, 0)))

    return count


def counted_in_lake(directory: Path) -> Counts:
    """Counts in our lake."""
    from order_pipeline.warehouse.lake.connection import Lake

    counts = Lake(kibo_steps.settings_for("http://127.0.0.1", str(directory))).query(
        "SELECT (SELECT count(*) FROM core.orders), (SELECT count(*) FROM core.shipment_lines),"
        f" (SELECT count(*) FROM core.orders WHERE ship_to_city = '{CHANGED_CITY}')"
    )
    return Counts(*counts.rows[0])


OUR_ROAD = Tool("our road", "road", "raw by content, ten checked tables, quarantine, history", counted_in_lake)
DOWNLOAD = Tool("bare download", "download", "nothing: the bytes are thrown away", None)
PLAIN = Tool("httpx + DuckDB", "plain", "two tables", counted_in("plain.duckdb", "orders", "order_lines", "city"))
PEERS = (
    Tool(
        "dlt, as documented",
        "dlt_documented",
        "an order's table and its children",
        counted_in(
            "documented.duckdb",
            "kibo.orders",
            "kibo.orders__shipments__items",
            "shipping_address_information__city",
        ),
    ),
    Tool(
        "dlt, tuned",
        "dlt",
        "pages kept, two tables",
        counted_in("peer.duckdb", "kibo.orders", "kibo.order_lines", "city"),
    ),
    Tool(
        "dlt, tuned, our outputs",
        "dlt_same",
        "raw by content, ten checked tables",
        counted_in("peer.duckdb", "core.orders", "core.shipment_lines", "ship_to_city"),
    ),
)


def available_tools() -> list[Tool]:
    """All tools that are installed; `make bench` installs the peers."""
    return [DOWNLOAD, OUR_ROAD, PLAIN, *(PEERS if importlib.util.find_spec("dlt") else ())]
