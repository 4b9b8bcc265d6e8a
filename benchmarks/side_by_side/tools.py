"""The tools that are compared: what each runs as a process of its own, and how what it left is read afterwards."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import kibo_steps
from benchmarks.side_by_side.truth import Contents, cents, plain


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: as the table shows it.
        step: of `benchmarks.kibo_steps --step`.
        gives: what it leaves behind, in a few words.
        contents: all its orders and shipped items in a directory; None when it keeps nothing.
    """

    name: str
    step: str
    gives: str
    contents: Callable[[Path], Contents] | None


def contents_of(orders: list[tuple[Any, ...]], items: list[tuple[Any, ...]]) -> Contents:
    """From rows of order id, city and total, and of order id, article and pieces."""
    return Contents(
        Counter((int(order_id), plain(str(city)), cents(total)) for order_id, city, total in orders),
        Counter((int(order_id), str(sku), int(pieces)) for order_id, sku, pieces in items),
    )


def in_file(file: str, orders: str, items: str) -> Callable[[Path], Contents]:
    """Reads the DuckDB file of a peer with two statements; a file or a table that is not there holds nothing."""

    def contents(directory: Path) -> Contents:
        if not (directory / file).exists():
            return Contents()
        with duckdb.connect(str(directory / file), read_only=True) as connection:
            return contents_of(*(_rows(connection, statement) for statement in (orders, items)))

    return contents


def _rows(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(statement).fetchall()
    except duckdb.CatalogException:  # killed before it made the table
        return []


CORE_ORDERS = "SELECT order_number, ship_to_city, total_amount FROM core.orders"
CORE_ITEMS = "SELECT split_part(order_id, ':', 3), sku, quantity_ordered FROM core.shipment_lines"


def in_lake(directory: Path) -> Contents:
    """Reads our lake."""
    from order_pipeline.warehouse.lake.connection import Lake

    lake = Lake(kibo_steps.settings_for("http://127.0.0.1", str(directory)))
    try:
        return contents_of(list(lake.query(CORE_ORDERS).rows), list(lake.query(CORE_ITEMS).rows))
    finally:
        lake.close()


OUR_ROAD = Tool("our road", "road", "raw by content, ten checked tables, quarantine, history", in_lake)
OUR_DAGSTER_RUN = Tool(
    "our road as a Dagster run", "dagster", "the same, with runs, events, checks and views of marts", in_lake
)
DOWNLOAD = Tool("bare download", "download", "nothing: the bytes are thrown away", None)
PLAIN = Tool(
    "httpx + DuckDB",
    "plain",
    "two tables",
    in_file(
        "plain.duckdb",
        "SELECT order_id, city, total FROM orders",
        "SELECT order_id, sku, quantity FROM order_lines",
    ),
)
DLT_AS_DOCUMENTED = Tool(
    "dlt, as documented",
    "dlt_documented",
    "an order's table and its children",
    in_file(
        "documented.duckdb",
        "SELECT order_id, shipping_address_information__city, total FROM kibo.orders",
        """SELECT orders.order_id, items.sku, items.quantity
        FROM kibo.orders__shipments__items AS items
        JOIN kibo.orders__shipments AS shipments ON shipments._dlt_id = items._dlt_parent_id
        JOIN kibo.orders AS orders ON orders._dlt_id = shipments._dlt_parent_id""",
    ),
)
DLT_TUNED = Tool(
    "dlt, tuned",
    "dlt",
    "pages kept, two tables",
    in_file(
        "peer.duckdb",
        "SELECT order_id, city, total FROM kibo.orders",
        "SELECT order_id, sku, quantity FROM kibo.order_lines",
    ),
)
DLT_SAME_OUTPUTS = Tool(
    "dlt, tuned, our outputs",
    "dlt_same",
    "raw by content, ten checked tables",
    in_file("peer.duckdb", CORE_ORDERS, CORE_ITEMS),
)


def available(*tools: Tool) -> list[Tool]:
    """Those of the tools that are installed; `make bench` installs the peers."""
    has_dlt = importlib.util.find_spec("dlt") is not None
    return [tool for tool in tools if has_dlt or not tool.step.startswith("dlt")]
