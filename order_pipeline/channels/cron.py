"""Cron as settings may write it: five fields of numbers, in UTC. Whether a text is one, and when it last struck."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_LONGEST_SEARCH = timedelta(days=8 * 366)
"""29 February may be eight years away."""


def wrong_in_cron(cron: str) -> str | None:
    """What is wrong with it; None: nothing."""
    parts = cron.split()
    if len(parts) != len(_FIELDS):
        return f"{len(parts)} fields"
    for (name, lowest, highest), field in zip(_FIELDS, parts, strict=True):
        for part in field.split(","):
            first, last, step = _numbers(part)
            bounds = [each for each in (first, last) if each is not None]
            in_range = all(lowest <= each <= highest for each in bounds) and bounds == sorted(bounds)
            if _PART.fullmatch(part) is None or not in_range or step == 0:
                return f"{name} {part!r}"
    return None


def strikes_before(cron: str, moment: datetime) -> Iterator[datetime]:
    """The moments at which the cron struck, the last one first, that of `moment` itself included; in UTC.

    Args:
        cron: one in which nothing is wrong.
        moment: aware.
    """
    minutes, hours, days, months, weekdays = (
        _values(field, lowest, highest) for field, (_, lowest, highest) in zip(cron.split(), _FIELDS, strict=True)
    )
    weekdays = {each % 7 for each in weekdays}  # 7 is Sunday, as 0 is
    day_field, weekday_field = cron.split()[2], cron.split()[4]
    either = day_field != "*" and weekday_field != "*"
    """Cron's own rule: where both days are restricted, one of them suffices."""
    moment = moment.astimezone(UTC)
    day, earliest = moment.date(), moment.date() - _LONGEST_SEARCH
    while day > earliest:
        fits = (day.day in days, day.isoweekday() % 7 in weekdays)
        if day.month in months and (any(fits) if either else all(fits)):
            for hour in sorted(hours, reverse=True):
                for minute in sorted(minutes, reverse=True):
                    strike = datetime.combine(day, time(hour, minute), UTC)
                    if strike <= moment:
                        yield strike
        day -= timedelta(days=1)


def _numbers(part: str) -> tuple[int | None, int | None, int | None]:
    """First, last and step of `*`, `3`, `3-5` or `3-5/2`."""
    found = _PART.fullmatch(part)
    if found is None:
        return None, None, None
    first, last, step = (None if each is None else int(each) for each in found.groups())
    return first, last, step


def _values(field: str, lowest: int, highest: int) -> set[int]:
    """All numbers that the field names."""
    values: set[int] = set()
    for part in field.split(","):
        first, last, step = _numbers(part)
        start = lowest if first is None else first
        end = last if last is not None else highest if first is None or step is not None else start
        values |= set(range(start, end + 1, step or 1))
    return values
