"""What a run of the ScanSource extraction has done and what it had to leave: the facts behind its fetch reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from order_pipeline.channels.base import QUOTA_USED_UP, FetchReport, Window
from order_pipeline.channels.scansource.errors import QuotaExceeded, RateLimited
from order_pipeline.http.errors import REFUSALS_BORNE, ApiError

Limit = QuotaExceeded | RateLimited
NAMED_RECORDS = 20
LONGEST_SHOWN = 40
FILTER_IGNORED = "the server ignored the date filter"
ENDED_BY_EMPTY_PAGE = "ended by an empty page; the API states no total"


@dataclass(slots=True)
class Stop:
    """The limit that ends a run cleanly; shared by its steps, as the quota is."""

    limit: Limit | None = None
    seen_at: datetime | None = None

    def at_limit(self, limit: Limit, now: datetime) -> None:
        """Note the first limit."""
        if self.limit is None:
            self.limit, self.seen_at = limit, now

    def __bool__(self) -> bool:
        return self.limit is not None

    def describe(self) -> str:
        """What stopped the run, and when to go on; "" while nothing did."""
        if self.limit is None or self.seen_at is None:
            return ""
        reason = QUOTA_USED_UP if isinstance(self.limit, QuotaExceeded) else "rate limit"
        if self.limit.retry_after is None:
            return f"{reason}: go on with the next run"
        go_on = (self.seen_at + timedelta(seconds=self.limit.retry_after)).astimezone(UTC)
        return f"{reason}: go on after {go_on:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(slots=True)
class StepProgress:
    """Counts of one step (orders or invoices of one customer) over one window, and the error that ended it."""

    handed_over: Counter[str] = field(default_factory=Counter[str])
    pages: int = 0
    calls_saved: Counter[str] = field(default_factory=Counter[str])
    outside_asked_days: int = 0
    walks_begun: int = 0
    walks_finished: int = 0
    remaining: list[tuple[date, str]] = field(default_factory=list[tuple[date, str]])
    without_detail: list[str] = field(default_factory=list[str])
    failed: list[ApiError] = field(default_factory=list[ApiError])
    refused: list[str] = field(default_factory=list[str])
    refused_in_a_row: Counter[str] = field(default_factory=Counter[str])
    failure: ApiError | None = None
    reread_note: str = ""
    doubts: list[str] = field(default_factory=list[str])
    listed: dict[str, date] = field(default_factory=dict[str, date])
    unlisted: set[str] = field(default_factory=set[str])
    unusable: Counter[str] = field(default_factory=Counter[str])

    @property
    def all_fetched(self) -> bool:
        """Whether the lists and all that belongs to their rows came."""
        return self.list_finished and not self.remaining and self.failure is None

    @property
    def list_finished(self) -> bool:
        """Whether every list of the step was read to its end."""
        return 0 < self.walks_begun == self.walks_finished

    def listed_in(self, window: Window) -> int:
        """How many different records of the window's days the lists named."""
        return sum(window.start <= day < window.end for day in self.listed.values())

    def doubt_about_list(self, noun: str) -> str:
        """Why lists that came to their ends may lack rows all the same; "" where nothing speaks against them."""
        unlisted = _named(sorted(self.unlisted))
        doubts = [
            f"{len(self.unlisted)} {noun} of these days that raw has were not listed: {unlisted}" if unlisted else "",
            f"{FILTER_IGNORED}: {self.outside_asked_days} rows outside the asked days"
            if self.outside_asked_days
            else "",
        ]
        return joined(doubts)

    def fail(self, error: ApiError) -> None:
        """Note the error that ends the step; the first one counts."""
        self.failure = self.failure or error

    def bears(self, resource: str, number: str) -> bool:
        """Note that a record's call was refused; whether that still is the record, and not the API that refuses."""
        self.refused_in_a_row[resource] += 1
        if self.refused_in_a_row[resource] > REFUSALS_BORNE:
            return False
        self.refused.append(number)
        return True

    def list_report(self, resource: str, window: Window, stop: Stop, calls: int) -> FetchReport:
        """The report on the lists: complete when they came to their ends."""
        ended = ENDED_BY_EMPTY_PAGE if self.list_finished else "the list was not read to its end"
        notes = [ended, *self.doubts, stop.describe(), self.reread_note]
        if self.outside_asked_days:
            notes.append(f"{FILTER_IGNORED}: {self.outside_asked_days} rows outside the asked days")
        return FetchReport(
            resource,
            *window.moments,
            pages=self.pages,
            records=self.handed_over[resource],
            claimed_total=None,
            complete=self.list_finished,
            note=joined(notes),
            calls=calls,
        )

    def detail_report(
        self, resource: str, window: Window, stop: Stop, *, noun: str, calls: int, calls_left: int | None
    ) -> FetchReport:
        """The report on what belongs to the rows: complete when all of every row that differs from raw was fetched."""
        notes = [stop.describe()]
        if not self.list_finished:
            notes.append("the list was not read to its end")
        if self.remaining:
            notes.append(describe_remaining(self.remaining, noun))
        if self.without_detail:
            notes.append(f"{len(self.without_detail)} {noun} listed without a detail: {_named(self.without_detail)}")
        if self.refused:
            notes.append(f"calls of {len(self.refused)} {noun} were refused or unreadable: {_named(self.refused)}")
        if self.unusable[resource]:
            notes.append(f"{self.unusable[resource]} {noun} without a usable answer")
        if self.failed:
            notes.append(f"{len(self.failed)} calls failed; the first: {self.failed[0].reason}")
        if calls_left is not None:
            notes.append(f"{calls_left} calls left in the budget")
        return FetchReport(
            resource,
            *window.moments,
            pages=0,
            records=self.handed_over[resource],
            claimed_total=None,
            complete=self.list_finished and not (self.remaining or self.without_detail or self.unusable[resource]),
            note=joined(notes),
            calls=calls,
            calls_saved=self.calls_saved[resource],
        )


def describe_remaining(remaining: Iterable[tuple[date, str]], noun: str) -> str:
    """How many records remain, on which days, and the first of their numbers."""
    ordered = sorted(remaining)
    per_day = Counter(day for day, _ in ordered)
    days = ", ".join(f"{day} ({count})" for day, count in sorted(per_day.items()))
    return f"{len(ordered)} {noun} remain on {days}: {_named([number for _, number in ordered])}"


def joined(notes: Iterable[str]) -> str:
    """Notes that say something, in one line."""
    return "; ".join(note for note in notes if note)


def _named(numbers: list[str]) -> str:
    more = f" and {len(numbers) - NAMED_RECORDS} more" if len(numbers) > NAMED_RECORDS else ""
    return ", ".join(map(_shown, numbers[:NAMED_RECORDS])) + more


def _shown(number: str) -> str:
    """A record says what its number is: it may be long, or hold what no text of a table can."""
    return (number if number.isprintable() else ascii(number))[:LONGEST_SHOWN]
