"""A moment of the lake's past: the number of a snapshot, or a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from order_pipeline.warehouse.lake.literals import quoted


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """Which snapshot is read: the one of this number, or the last one that was committed by this time (aware)."""

    at: int | datetime

    @classmethod
    def parse(cls, text: str) -> SnapshotPoint:
        """What a person wrote: `12`, `2026-11-28`, `2026-11-28 14:30`, `2026-11-28T14:30+02:00`. No zone is UTC.

        Raises:
            ValueError: it is neither a number nor a time.
        """
        if text.strip().isdecimal():
            return cls(int(text))
        time = datetime.fromisoformat(text.strip())
        return cls(time if time.tzinfo else time.replace(tzinfo=UTC))

    @property
    def option(self) -> str:
        """The option of DuckLake's ATTACH."""
        if isinstance(self.at, int):
            return f"SNAPSHOT_VERSION {self.at}"
        return f"SNAPSHOT_TIME {quoted(self.at.isoformat(sep=' '))}"

    def __str__(self) -> str:
        return f"version {self.at}" if isinstance(self.at, int) else self.at.isoformat(sep=" ")
