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
_NOT_OF_OTHERS = frozenset({"pick_lines", "orders_without_picks"})
"""The views that are not needed to tell what others pick."""
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


def _after_what_it_reads(view: tuple[str, str]) -> tuple[bool, bool, int]:
    """Most views find what they read at the first try: obstacles, a channel's candidates, all candidates, the rest."""
    name = view[0]
    return not name.startswith(("named_", "pick_obst")), not name.startswith("pick_candidates__"), -len(name)


class OrderSlice:
    """Holds the rows of one order at a time.

    Args:
        connection: to the lake, which it names `lake`. Its current database stays.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._deployed: dict[str, str] | None = None
        self._made: set[str] = set()
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

    def run_marts(self, source: str, *, is_planned: bool) -> None:
        """Let the marts tell of the order.

        Args:
            source: its channel.
            is_planned: the outbox has lines of it, and tells their fate: the marts say only what others pick. Else
                they say what is to be picked, for which the locations of all orders count, too.
        """
        of_items = f"source = $source AND sku IN (SELECT sku FROM {SLICE}.core.order_lines"
        of_items += f" UNION ALL SELECT sku FROM {SLICE}.core.shipment_lines)"
        self._copy("reference.item_locations", of_items, {"source": source})
        if not is_planned:
            self._connection.execute(_LOCATIONS, {"source": source})
        self._make_views(_NOT_OF_OTHERS if is_planned else frozenset())

    def _copy(self, table: str, condition: str, values: dict[str, Any]) -> None:
        sql = f"CREATE OR REPLACE TABLE {SLICE}.{table} AS SELECT * FROM lake.{table} WHERE {condition}"
        self._connection.execute(sql, values)

    def _make_views(self, left_out: frozenset[str]) -> None:
        """Make the deployed views here that are not there yet, each once those are there that it reads."""
        if self._deployed is None:
            deployed = self._connection.execute(_VIEWS).fetchall()
            self._deployed = dict(sorted(deployed, key=_after_what_it_reads))
        waiting = {name: sql for name, sql in self._deployed.items() if name not in self._made | left_out}
        self._connection.execute(f"USE {SLICE}")
        try:
            made = {name for name, sql in waiting.items() if self._makes_view(name, sql)}
            while made:
                self._made |= made
                made = {name for name in waiting if name not in self._made and self._makes_view(name, waiting[name])}
        finally:
            self._connection.execute("USE lake")

    def _makes_view(self, name: str, sql: str) -> bool:
        """Whether the view could be made: not before what it reads, and not where its channel was never read."""
        body = sql[sql.index(" AS ") :]
        try:
            self._connection.execute(f"CREATE VIEW marts.{name}{body}")
        except duckdb.CatalogException:
            return False
        return True
