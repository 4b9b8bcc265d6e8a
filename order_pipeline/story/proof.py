"""Of a number that nobody delivered: is everything proved complete that was asked for, or may the order be missing?

`raw.fetches` holds what was asked for and whether the answer is proved complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from order_pipeline.story.rows import read_rows
from order_pipeline.warehouse.raw.fetch_states import KEPT_IN_VIEW, UnprovedWindows, read_unproved_windows

_ASKED = """
SELECT source, CAST(min(window_start) AT TIME ZONE 'UTC' AS DATE) AS first_day, max(fetched_at) AS read_at
FROM raw.fetches WHERE complete AND coalesce(watermark, '') <> ''
GROUP BY source ORDER BY source
"""


@dataclass(frozen=True, slots=True)
class ReadingProof:
    """How far a channel is proved to have been read, and the days of windows that are not."""

    source: str
    read_at: datetime
    unproved: tuple[date, date] | None

    def in_words(self) -> str:
        """For a sentence."""
        read = f"{self.source} was last read to the end at {self.read_at:%Y-%m-%d %H:%M} UTC"
        if self.unproved is None:
            return f"{read}, and no window of the last {KEPT_IN_VIEW.days} days lacks its proof"
        return f"{read}, but windows from {self.unproved[0]} to {self.unproved[1]} are not proved complete"


def reading_proofs(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[ReadingProof]:
    """The proof of each channel that was ever read."""
    unproved = {each.source: each for each in read_unproved_windows(connection, now, before=now)}
    return [
        ReadingProof(row["source"], row["read_at"], _days(unproved.get(row["source"])))
        for row in read_rows(connection, _ASKED)
    ]


def _days(windows: UnprovedWindows | None) -> tuple[date, date] | None:
    return windows and (windows.first_day, windows.end_day)
