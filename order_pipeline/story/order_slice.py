"""The rows of one order in a small database of their own, with the marts' views over them.

A view over a million orders takes seconds to tell of one: the marts compare whole tables before they look for the
order. Here the order's rows are copied to memory (its day's partition alone is read).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import duckdb

from order_pipeline.warehouse.lake_excerpt import LakeExcerpt

SLICE = "one_order"
_OF_ORDER = ("orders", "order_lines", "shipments", "shipment_lines", "parcels")
_OF_OTHERS = ("picks_elsewhere", "pick_findings", "named_locations", "open_days")
_OF_UNPLANNED_ORDERS = (*_OF_OTHERS, "pick_lines", "orders_without_picks")


class OrderSlice:
    """Holds the rows of one order at a time.

    Args:
        connection: to the lake, which it names `lake`. Its current database stays.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._slice = LakeExcerpt(connection, SLICE)

    def fill(self, source: str, order_id: str) -> None:
        """Copy the rows of an order, in place of those of the last one."""
        values: dict[str, Any] = {"source": source, "order_id": order_id}
        of_order, day = "source = $source AND order_id = $order_id", ""
        self._slice.copy("quarantine.rejects", of_order, values)
        for table in _OF_ORDER:
            self._slice.copy(f"core.{table}", of_order + day, values)
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
        self._slice.copy("reference.item_locations", of_items, {"source": source})
        self._slice.copy("core.builds")
        # A channel of which several locations are known and none is named as ours is held: those of all orders count.
        of_which_orders = "source = $source" if not is_planned else "source = $source AND false"
        with suppress(
            duckdb.CatalogException
        ):  # an older version deployed these views, and nothing deployed them since
            self._slice.copy("marts.shipping_locations", of_which_orders, {"source": source})
        wanted = _OF_OTHERS if is_planned else _OF_UNPLANNED_ORDERS
        self._slice.make_views(lambda name: name in wanted or name.startswith(("pick_candidates", "pick_obstacles")))
