"""Does a day have as many orders as the same weekday of the weeks before it? A day that has not is worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Lake

WEEKS = 8
"""How many weeks before a day it is compared with."""
LEAST_WEEKS = 4
"""With fewer of them nothing is usual yet."""
LEAST_SHARE, LARGEST_SHARE = 0.4, 2.5
"""A day is unusual outside of these shares of the median ..."""
LEAST_DIFFERENCE = 10
"""... and by at least so many orders: two instead of six are no event."""

_COUNTS = f"""
WITH days AS (
    SELECT unnest($days::DATE[]) AS order_day
), built AS (
    SELECT order_day, max(orders) AS orders
    FROM {all_rows("core.builds")} AS builds
    WHERE source = $source
    GROUP BY order_day
), usual AS (
    SELECT days.order_day, median(built.orders) AS orders
    FROM days
    JOIN built ON built.order_day BETWEEN days.order_day - $days_back AND days.order_day - 1
        AND (days.order_day - built.order_day) % 7 = 0
    GROUP BY days.order_day
    HAVING count(*) >= $least_weeks
)
SELECT usual.order_day, coalesce(built.orders, 0), usual.orders
FROM usual
LEFT JOIN built ON built.order_day = usual.order_day
ORDER BY usual.order_day
"""


@dataclass(frozen=True, slots=True)
class UnusualDay:
    """A day with far more or far fewer orders than its weekday usually has (the median)."""

    day: date
    orders: int
    usual: float

    def describe(self) -> str:
        """For people."""
        return f"{self.day:%a %Y-%m-%d}: {self.orders} orders, usually {self.usual:.0f}"


def read_unusual_days(lake: Lake, source: str, days: Sequence[date]) -> list[UnusualDay]:
    """Those of the days whose number of orders in core is unusual for the source; the days should be over."""
    if not days:
        return []
    values = {"source": source, "days": list(days), "days_back": 7 * WEEKS, "least_weeks": LEAST_WEEKS}
    with lake.connect() as connection:
        found = [UnusualDay(*row) for row in connection.execute(_COUNTS, values).fetchall()]
    return [each for each in found if is_unusual(each.orders, each.usual)]


def is_unusual(orders: int, usual: float) -> bool:
    """Whether so many orders are far from what is usual."""
    is_far = not usual * LEAST_SHARE <= orders <= usual * LARGEST_SHARE
    return is_far and abs(orders - usual) >= LEAST_DIFFERENCE
