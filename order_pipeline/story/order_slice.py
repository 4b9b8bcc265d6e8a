"""The rows of one order in a small database of their own, with the marts' views over them.

A view over a million orders takes seconds to tell of one: the marts compare whole tables before they look for the
order. Here the order's rows are copied to memory (its day's partition alone is read), and the views that are deployed
in the lake run over these few.
"""

from __future__ import annotations

from typing import Any

import duckdb

SLICE = "one_order"
_OF_ORDER = ("orders", "order_lines", "shipments", "shipment_lines", "parcels")
_VIEWS = """
SELECT view_name, sql FROM duckdb_views()
WHERE database_name = 'lake' AND schema_name = 'marts' AND (
    view_name IN ('pick_lines', 'picks_elsewhere', 'orders_without_picks', 'named_locations')
    OR starts_with(view_name, 'pick_candidates') OR starts_with(view_name, 'pick_obstacles')
)
"""
# A channel of which several locations are known and none is named as ours is held: the marts count those of all orders.
_LOCATIONS = f"""
INSERT INTO {SLICE}.core.shipments BY NAME
SELECT DISTINCT source, ship_from_code, ship_from_name FROM lake.core.shipments WHERE source = $source
"""


class OrderSlice:
    """Holds the rows of one order at a time.

    Args:
        connection: to the lake, which it names `lake`. Its current database stays.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._has_views = False
        connection.execute(f"ATTACH ':memory:' AS {SLICE}")
        for schema in ("core", "quarantine", "reference", "marts"):
            connection.execute(f"CREATE SCHEMA {SLICE}.{schema}")

    def fill(self, source: str, order_id: str) -> None:
        """Copy the rows of an order, in place of those of the last one."""
        values: dict[str, Any] = {"source": source, "order_id": order_id}
        of_order, day = "source = $source AND order_id = $order_id", ""
        self._copy("quarantine.rejects", of_order, values)
        for table in _OF_ORDER:
            self._copy(f"core.{table}", of_order + day, values)
            if table == "orders":
                row = self._connection.execute(f"SELECT min(order_day) FROM {SLICE}.core.orders").fetchone()
                if row and row[0] is not None:
                    values, day = values | {"day": row[0]}, " AND order_day = $day"

    def run_marts(self, source: str, *, with_locations: bool) -> None:
        """Let the marts tell of the order.

        Args:
            source: its channel.
            with_locations: the locations of all other orders count, too; it takes a look at all shipments.
        """
        of_items = f"source = $source AND sku IN (SELECT sku FROM {SLICE}.core.order_lines"
        of_items += f" UNION ALL SELECT sku FROM {SLICE}.core.shipment_lines)"
        self._copy("reference.item_locations", of_items, {"source": source})
        if with_locations:
            self._connection.execute(_LOCATIONS, {"source": source})
        if not self._has_views:
            self._make_views()

    def _copy(self, table: str, condition: str, values: dict[str, Any]) -> None:
        sql = f"CREATE OR REPLACE TABLE {SLICE}.{table} AS SELECT * FROM lake.{table} WHERE {condition}"
        self._connection.execute(sql, values)

    def _make_views(self) -> None:
        """Make the deployed views here, each once those are there that it reads."""
        waiting = dict(self._connection.execute(_VIEWS).fetchall())
        self._connection.execute(f"USE {SLICE}")
        try:
            made = True
            while waiting and made:
                made = [name for name, sql in waiting.items() if self._makes_view(name, sql)]
                waiting = {name: sql for name, sql in waiting.items() if name not in made}
        finally:
            self._connection.execute("USE lake")
        self._has_views = True

    def _makes_view(self, name: str, sql: str) -> bool:
        """Whether the view could be made: not before what it reads, and not where its channel was never read."""
        body = sql[sql.index(" AS ") :]
        try:
            self._connection.execute(f"CREATE VIEW marts.{name}{body}")
        except duckdb.CatalogException:
            return False
        return True
