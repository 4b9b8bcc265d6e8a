"""The rows that an emission plans from: of the days that have something to pick, and of the picks that it follows.

The views behind the list of picks read every file of core: after a year that takes seconds, for a list as short as in
the first week. So the days are chosen first (`marts.pick_days`), and their rows are copied to
memory (`LakeExcerpt`). See docs/decisions/0058-an-emission-reads-the-days-with-picks.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from order_pipeline.warehouse.lake.connection import Connection
from order_pipeline.warehouse.lake.literals import date_list
from order_pipeline.warehouse.lake_excerpt import LakeExcerpt

_CORE = ("orders", "order_lines", "shipments", "shipment_lines", "parcels")
_VIEWS = ("pick_lines", "pick_findings", "pick_follow_up", "named_locations", "open_days")
_FAMILIES = ("pick_candidates", "pick_obstacles")


def days_of_orders(connection: Connection, order_ids: Sequence[str]) -> Mapping[str, date]:
    """Order id -> the day of core that has it, of those that core knows."""
    if not order_ids:
        return {}
    found = connection.execute(
        "SELECT order_id, order_day FROM core.orders WHERE order_id IN (SELECT unnest($order_ids::VARCHAR[]))",
        {"order_ids": list(order_ids)},
    ).fetchall()
    return dict(found)


def days_with_picks(connection: Connection) -> set[date]:
    """The days that may have rows of `marts.pick_lines`."""
    return {day for (day,) in connection.execute("SELECT DISTINCT order_day FROM marts.pick_days").fetchall()}


def copy_days(copied: LakeExcerpt, days: Collection[date]) -> None:
    """Fill an excerpt with the days of core, all rejects and all items, and make the views of picking over them.

    Args:
        copied: empty, of a connection that is in a read transaction of the lake.
        days: those of `days_with_picks`, and those of the orders whose picks are followed.
    """
    for table in _CORE:
        copied.copy(f"core.{table}", f"order_day IN ({date_list(days)})")
    for table in ("core.builds", "quarantine.rejects", "reference.item_locations", "marts.shipping_locations"):
        copied.copy(table)
    copied.make_views(lambda name: name in _VIEWS or name.startswith(_FAMILIES))
