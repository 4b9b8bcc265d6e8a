"""In what a number or a time is told: by its type, and by the words of its name, which the project uses for one thing.

docs/apis/common_schema.md section 1 gives the types: money DECIMAL(18,4), quantities DECIMAL(18,3), rates DECIMAL(9,6).
"""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBER = re.compile(r"TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|DECIMAL|DOUBLE|FLOAT|REAL|NUMERIC")
_WHOLE = re.compile(r"(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)\Z")
_MONEY = re.compile(r"(?:^|_)(amount|price|cost|fee|fees|revenue|margin|discount|subtotal|total|tax)\Z")
_BY_NAME = (
    (re.compile(r"^weight\Z"), "as weight_uom says"),
    (re.compile(r"^cost\Z"), "amount; its currency is not stated"),
    *((re.compile(rf"(?:^|_){span}(?:_|\Z)"), span) for span in ("seconds", "minutes", "hours", "days")),
    (re.compile(r"(?:^|_)percent\Z"), "percent"),
    (re.compile(r"(?:^|_)(rate|share|ratio)(?:_at_most)?\Z"), "fraction: 0.24 is 24 %"),
    (re.compile(r"(?:^|_)(quantity|pieces)(?:_|\Z)"), "pieces"),
    (re.compile(r"(?:^|_)value\Z"), "a price, an amount or pieces: the row says which"),
)


def is_number(kind: str) -> bool:
    """Whether a column of this type needs a unit to be understood."""
    return _NUMBER.match(kind) is not None and not kind.endswith("[]")


def unit_of(name: str, kind: str, columns: Collection[str]) -> str:
    """The unit of a column; "" for text, flags and lists, and for a number of which nobody knows it.

    Args:
        name: the column.
        kind: its type, as DuckDB or PostgreSQL names it.
        columns: all of its table: one of them may be the currency.
    """
    if kind.startswith("TIMESTAMP"):
        return "UTC"
    if not is_number(kind):
        return "day" if kind == "DATE" else ""
    by_name = next((unit for pattern, unit in _BY_NAME if pattern.search(name)), "")
    if by_name or not _MONEY.search(name):
        return by_name or ("number" if _WHOLE.match(kind) else "")
    known = next((each for each in (f"{name}_currency", "currency") if each in columns), "the currency of the order")
    return f"amount in {known}"
