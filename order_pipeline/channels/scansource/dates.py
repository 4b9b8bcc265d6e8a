"""ScanSource's mixed date texts as aware moments, month first (docs/apis/scansource.md section 8).

The same rules stand in SQL for the staging models (macro `scansource_moment`); a test holds the two together.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_MEANS_NOTHING = re.compile(r"0001-01-01.*|0{8}|0000-00-00.*")
_SURPLUS_FRACTION = re.compile(r"(\.\d{6})\d+")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE)
_AMERICAN = ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")


def parse_moment(text: object, zone: ZoneInfo) -> datetime | None:
    """The moment in UTC, or None for no text, a text that means "never", and a form that is not accepted.

    A text without an offset is read on the clock of `zone`; a day without a time is its midnight there.
    """
    if not isinstance(text, str):
        return None
    cleaned = _SURPLUS_FRACTION.sub(r"\1", " ".join(text.split()))
    if not cleaned or _MEANS_NOTHING.fullmatch(cleaned):
        return None
    try:
        moment = _read(cleaned)
        aware = moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone)
        return aware and aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> datetime | None:
    if _ISO.fullmatch(text):
        return datetime.fromisoformat(text.upper())
    for form in _AMERICAN:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by the caller
        except ValueError:
            continue
    return None


def day_of(text: object, zone: ZoneInfo) -> date | None:
    """The UTC day of the moment: the partition that a record belongs to."""
    moment = parse_moment(text, zone)
    return moment.date() if moment else None
