"""What a channel yields and what it may ask: the seam between `channels` and `warehouse`.

A channel yields commit groups of record batches (bytes as received, minus forbidden secrets) and, at the end of every
window it read, a fetch report that says whether the window is proved complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from order_pipeline.channels.payloads import Payloads

QUOTA_USED_UP = "call quota used up"
"""How a fetch report's note says that the channel's quota ended the run before its end; alerts look for it."""


def content_hash(payload: bytes | memoryview) -> str:
    """What tells one content from another: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(payload).hexdigest()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A received record that cannot be keyed (no id, no parsable day, no JSON): it goes to quarantine with its bytes.

    An answer that can be keyed and says that it is an error is among its batch's records as well: it counts twice.
    `rule`, `field` and `value` are those of docs/apis/common_schema.md section 13. `day` is the window's day if known.
    `record_id` is that of the record as far as it can be told: its arrival in a readable form closes the reject.
    """

    rule: str
    field: str
    value: str
    payload: bytes
    day: date | None = None
    record_id: str | None = None


@dataclass(slots=True)
class RecordBatch:
    """Records of one resource as parallel columns (columns, not objects: the hot path carries 50,000 orders a run).

    `payloads` are JSON bytes exactly as received. `days` are the partition days (UTC date of the order's own time).
    Equal lengths; a record that has no usable id or day stands in `dead_letters`. `hashes` are the
    payloads' content hashes where the source had to know them, else none.
    """

    resource: str
    record_ids: list[str] = field(default_factory=list[str])
    days: list[date] = field(default_factory=list[date])
    payloads: Payloads = field(default_factory=Payloads)
    dead_letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    hashes: list[str] = field(default_factory=list[str])

    def __len__(self) -> int:
        return len(self.record_ids)

    def add(self, record_id: str, day: date, payload: bytes) -> None:
        """Add one record."""
        self.record_ids.append(record_id)
        self.days.append(day)
        self.payloads.append(payload)


@dataclass(frozen=True, slots=True)
class FetchReport:
    """One row of `raw.fetches`: what was asked, what came, and whether the window is proved complete.

    A report with a `watermark` counts no pages and no records: it says that everything which changed in its window is
    there, whichever reads brought it. The next run asks from its end (`SourceState.watermark`).

    The fields after it are what a certificate is made of (docs/decisions/0052-certificates-of-completeness.md).

    Attributes:
        account: whose records were asked for.
        reading: how, in a word or two; reports of one account and reading say the same about other windows.
        lists_window: whether a complete answer holds every record whose day is in the window.
        ids: how many different records came; None where the channel does not count them.
        doubt: why an answer that came to its end proves nothing all the same; "" where nothing speaks against it.
        read_again: records of which an earlier proof, or a webhook, said how they stand. Of lists the warehouse counts.
        surprises: those of them that were otherwise: not there, or another state than was told.
    """

    resource: str
    window_start: datetime
    window_end: datetime
    pages: int
    records: int
    claimed_total: int | None
    complete: bool
    note: str = ""
    calls: int = 0
    calls_saved: int = 0
    watermark: str = ""
    account: str = ""
    reading: str = ""
    lists_window: bool = False
    ids: int | None = None
    doubt: str = ""
    read_again: int | None = None
    surprises: int | None = None


@dataclass(frozen=True, slots=True)
class SoFar:
    """How far an extraction has come, for people who wait for a long one.

    Attributes:
        calls: made until now.
        done: how many units are read.
        of: how many there are; 0: nobody knows before the end.
        unit: what is counted, in the plural.
    """

    calls: int
    done: int = 0
    of: int = 0
    unit: str = ""


@dataclass(slots=True)
class CommitGroup:
    """What must be committed together: batches, and the reports of the windows that end with them."""

    batches: list[RecordBatch] = field(default_factory=list[RecordBatch])
    reports: list[FetchReport] = field(default_factory=list[FetchReport])
    so_far: SoFar | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of partition days `[start, end)` in UTC."""

    start: date
    end: date

    @property
    def days(self) -> list[date]:
        """Every day, in order."""
        return [self.start + timedelta(days=offset) for offset in range((self.end - self.start).days)]

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """Start and end as moments."""
        return datetime.combine(self.start, time(), UTC), datetime.combine(self.end, time(), UTC)


class SourceState(Protocol):
    """What a source may ask the warehouse before it spends calls. Implemented by `warehouse.raw.source_state`."""

    def unsettled_orders(self, account: str) -> Mapping[str, date]:
        """Number and order day of each order that core holds as not settled (docs/apis/common_schema.md section 12)."""
        ...

    def awaiting_read(self, account: str) -> Mapping[str, date]:
        """Number and order day of each order that is held until it is read: core knows it from an event alone."""
        ...

    def watermark(self, name: str) -> date | None:
        """The day before which every change is proved to be in raw; None before the first proof of that name."""
        ...

    def latest_payloads(self, resource: str, record_ids: Sequence[str]) -> dict[str, bytes]:
        """The latest raw version of each of the records that raw holds; absent ids are absent from the answer."""
        ...

    def latest_hashes(self, resource: str, window: Window) -> dict[str, str]:
        """record_id -> SHA-256 (hex) of the latest raw version, for records whose day is in the window."""
        ...


class Extraction(Protocol):
    """The one call the warehouse makes on a source: stream the window's commit groups, memory bounded by one group."""

    def __call__(self, window: Window, known: SourceState) -> AsyncIterator[CommitGroup]:
        """Yield what must be committed together, in order, for the days of the window."""
        ...
