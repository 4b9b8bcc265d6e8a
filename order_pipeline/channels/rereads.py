"""What is read again of orders that may still change, and how far back a run asks, so that a run's cost does not grow.

Young orders are read again by every run. Of the older ones, each run takes a bounded share in turn, so that each is
read again some day. A run that comes after a stop asks from the day up to which raw is proved complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from order_pipeline.channels.base import FetchReport, SourceState, Window

STEP = 94**0.5
"""An hour's step around the ring. Found by search: runs every 1, 2, 3, 4, 6, 8, 12, 24, 48 or 168 hours come to every
place of the ring in at most 3.5 times the runs that they need at least. With the golden ratio it takes up to 54 times.
"""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Rereads:
    """What a run reads again.

    Attributes:
        young: order numbers within the age limit.
        in_turn: those of the older ones whose turn it is.
        older: how many are older than the age limit, those in turn included.
    """

    young: tuple[str, ...]
    in_turn: tuple[str, ...]
    older: int

    def describe(self, days: int) -> str:
        """For a report's note; `days` is the age limit."""
        return (
            f"unsettled: {len(self.young)} younger than {days} days, {len(self.in_turn)} of {self.older} older in turn"
        )


def plan_rereads(orders: Mapping[str, date], *, oldest: date, most_older: int, now: datetime) -> Rereads:
    """Divide unsettled orders by their day: from `oldest` on they are young."""
    young = tuple(number for number, day in orders.items() if day >= oldest)
    older = [number for number, day in orders.items() if day < oldest]
    return Rereads(young, tuple(take_turn(older, most_older, now)), len(older))


def take_turn(keys: Iterable[str], most: int, now: datetime) -> list[str]:
    """At most `most` of the keys: those whose turn it is in this hour.

    Nothing is remembered between runs. The keys stand on a ring in the order of their hashes, so that one that comes or
    goes moves the others little; each hour points to a place, and the keys that follow it are taken.
    """
    ring = sorted(keys, key=_place)
    if len(ring) <= most:
        return ring
    first = int(int(now.timestamp() // 3600) * STEP % 1 * len(ring))
    return [ring[(first + number) % len(ring)] for number in range(most)]


def _place(key: str) -> bytes:
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a run asks, and what it proves when everything that it asked came.

    Attributes:
        watermark: its name in `raw.fetches`.
        changed_from: the first day of which changes are asked.
        ordered_from: the first day of which orders are asked; before the window's start only after a stop.
        end: the day before which this run proves that nothing is missing.
        ages_from: the day from which the ages of orders count: the last proof, or today. During a stop nothing is read.
        missed: days since the last proof that are too long ago to be asked for; None if there are none.
    """

    watermark: str
    changed_from: date
    ordered_from: date
    end: date
    ages_from: date
    missed: Window | None = None

    def reports(self, resource: str, *, complete: bool, note: str) -> list[FetchReport]:
        """The report that moves the watermark, behind one on the days that were missed."""
        missed = self.missed and FetchReport(
            resource,
            *_midnights(self.missed.start, self.missed.end),
            pages=0,
            records=0,
            claimed_total=None,
            complete=False,
            note=f"{note}: no run for too long, so changes of these days were not asked for; run these days",
        )
        proof = FetchReport(
            resource,
            *_midnights(self.changed_from, self.end),
            pages=0,
            records=0,
            claimed_total=None,
            complete=complete,
            note=f"{note}: everything since is there"
            if complete
            else f"{note}: not everything since is proved to be there",
            watermark=self.watermark,
        )
        return [missed, proof] if missed else [proof]


def reach_back(
    known: SourceState, watermark: str, window: Window, *, today: date, look_back_days: int, most_days: int
) -> Reach:
    """From where a run over the window asks.

    A run usually looks back `look_back_days` before the window's end. After a stop it asks from the watermark, but at
    most `most_days` back. A run over days that lie before the watermark asks what changed in these days.
    """
    end = max(window.start, min(today, window.end))
    usual = window.end - timedelta(days=look_back_days)
    proved = known.watermark(watermark)
    if proved is None:
        return Reach(watermark, usual, window.start, end, today)
    if end < proved:
        return Reach(watermark, min(usual, window.start), window.start, end, today)
    earliest = min(usual, window.end - timedelta(days=most_days))
    since = max(proved, earliest)
    missed = Window(proved, since) if proved < since else None
    return Reach(watermark, min(usual, since), min(window.start, since), end, min(today, since), missed)


def _midnights(start: date, end: date) -> tuple[datetime, datetime]:
    return datetime.combine(min(start, end), time(), UTC), datetime.combine(end, time(), UTC)
