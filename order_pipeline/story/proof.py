"""Of a number that nobody delivered: which days are certified to be all there, or may the order be missing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from order_pipeline.story.rows import read_rows
from order_pipeline.warehouse.raw.certificates import (
    CERTIFIED,
    NO_LIST,
    DayCertificate,
    ReadingBound,
    of_order_days,
    read_bounds,
    read_day_certificates,
    read_unproved_windows,
)

_ASKED = """
SELECT source, max(fetched_at) AS read_at
FROM raw.fetches WHERE complete AND coalesce(watermark, '') <> ''
GROUP BY source ORDER BY source
"""
MOST_DAYS = 3


@dataclass(frozen=True, slots=True)
class ReadingProof:
    """How far a channel is proved to have been read: its days, what reading again says, and windows without a proof."""

    source: str
    read_at: datetime
    days: Sequence[DayCertificate]
    bounds: Sequence[ReadingBound]
    has_unproved_windows: bool = False

    def in_words(self) -> str:
        """For a sentence."""
        said = [f"{self.source} was last read to the end at {self.read_at:%Y-%m-%d %H:%M} UTC", self._days_in_words()]
        accounts = len(self.bounds) > 1
        said += [f"account {each.account}: {each.in_words()}" if accounts else each.in_words() for each in self.bounds]
        return "; ".join(said)

    def _days_in_words(self) -> str:
        certified = sorted(each.day for each in self.days if each.state == CERTIFIED)
        wanting = sorted((each for each in self.days if each.is_wanting), key=lambda each: each.day)
        if not certified and not wanting:
            is_without = bool(self.days) and all(each.state == NO_LIST for each in self.days)
            told = "it has no list of orders that could prove a day" if is_without else "no day is certified"
            return f"{told}, and windows are not proved complete" if self.has_unproved_windows else told
        days = f"{len(certified):,} days from {certified[0]} to {certified[-1]}" if certified else "no day"
        are = "are" if certified else "is"
        if not wanting:
            return f"{days} {are} certified to be all there"
        first = ", ".join(f"{each.day} ({each.state})" for each in wanting[:MOST_DAYS])
        more = f" and {len(wanting) - MOST_DAYS:,} more" if len(wanting) > MOST_DAYS else ""
        return f"{days} {are} certified to be all there, but not {first}{more}"


def reading_proofs(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[ReadingProof]:
    """The proof of each channel that was ever read."""
    unproved = {each.source for each in read_unproved_windows(connection, now, before=now)}
    days, bounds = read_day_certificates(connection, now), read_bounds(connection, now)
    return [
        ReadingProof(
            source=row["source"],
            read_at=row["read_at"],
            days=list(of_order_days(days, row["source"]).values()),
            bounds=[each for each in bounds if each.source == row["source"]],
            has_unproved_windows=row["source"] in unproved,
        )
        for row in read_rows(connection, _ASKED)
    ]
