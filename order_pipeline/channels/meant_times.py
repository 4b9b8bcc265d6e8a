"""Times that can be meant (docs/apis/common_schema.md 1.13): from 2000 on, at most 366 days ahead.

The SQL project holds the same rule for what is in raw; here it keeps an order from a day that no run covers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST_YEAR = 2000
MOST_AHEAD = timedelta(days=366)


def can_be_meant(moment: datetime) -> bool:
    """Whether an order can be of this time, as of now."""
    return moment.year >= FIRST_YEAR and moment <= datetime.now(UTC) + MOST_AHEAD
