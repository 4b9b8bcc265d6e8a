"""SQL literals, for statements that take no bound parameters and for values that DuckLake must see while planning."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date


def quoted(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def date_list(days: Collection[date]) -> str:
    """The days as what stands between the parentheses of `IN (...)`; no day: NULL, which matches nothing.

    Literals, not parameters: DuckLake skips the files of other days only when it sees the days while planning.
    """
    return ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days)) or "NULL"
