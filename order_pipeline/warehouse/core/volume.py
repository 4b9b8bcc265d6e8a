"""Does a day have as many orders as the same weekday of the weeks before it? A day that has not is worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from order_pipeline.warehouse.lake.connection import Lake

WEEKS = 8
"""How many weeks before a day it is compared with."""
LEAST_WEEKS = 4
"""With fewer of them nothing is usual yet."""
LEAST_SHARE, LARGEST_SHARE = 0.4, 2.5
"""A day is unusual outside of these shares of the median ..."""
LEAST_DIFFERENCE = 10
"""... and by at least so many orders: two instead of six are no event."""

_COUNTS = """
WITH days AS (
    SELECT unnest($days::DATE[]) AS order_day
), counted AS (
    SELECT order_day, count(*) AS orders
    FROM core.orders
    WHERE source = $source AND order_day BETWEEN $first AND $last
    GROUP BY order_day
), known AS (
    SELECT min(order_day) AS first_day FROM core.builds WHERE source = $source
), weeks_before AS (
    SELECT days.order_day, coalesce(counted.orders, 0) AS orders
    FROM days
    CROSS JOIN range(1, $weeks + 1) AS weeks(number)
    CROSS JOIN known
    LEFT JOIN counted ON counted.order_day = days.order_day - CAST(7 * weeks.number AS INTEGER)
    WHERE days.order_day - CAST(7 * weeks.number AS INTEGER) >= known.first_day
), usual AS (
    SELECT order_day, median(orders) AS orders, count(*) AS weeks
    FROM weeks_before
    GROUP BY order_day
)
SELECT usual.order_day, coalesce(counted.orders, 0), usual.orders
FROM usual
LEFT JOIN counted ON counted.order_day = usual.order_day
WHERE usual.weeks >= $least_weeks
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
    values = {
        "source": source,
        "days": list(days),
        "first": min(days) - timedelta(weeks=WEEKS),
        "last": max(days),
        "weeks": WEEKS,
        "least_weeks": LEAST_WEEKS,
    }
    with lake.connect() as connection:
        found = [UnusualDay(*row) for row in connection.execute(_COUNTS, values).fetchall()]
    return [each for each in found if is_unusual(each.orders, each.usual)]


def is_unusual(orders: int, usual: float) -> bool:
    """Whether so many orders are far from what is usual."""
    is_far = not usual * LEAST_SHARE <= orders <= usual * LARGEST_SHARE
    return is_far and abs(orders - usual) >= LEAST_DIFFERENCE
