"""How a story says times, numbers of lines and commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime


def moment(at: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return "an unknown time" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def counted(number: int, thing: str) -> str:
    """`1 line`, `3 lines`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def command(*arguments: str) -> str:
    """A command of ours that can be copied into a shell."""
    return shlex.join(["order-pipeline", *arguments])


def listed(texts: Iterable[str], most: int = 3) -> str:
    """The first few of different texts, and how many more there are."""
    different = sorted(set(texts))
    more = [f"and {len(different) - most} more"] if len(different) > most else []
    return "; ".join(different[:most] + more)
