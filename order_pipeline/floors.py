"""Floors by name: each picks with a ScanOrders account of its own. `main` is the floor of who names no others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MAIN = "main"
"""The floor whose account `ORDER_PIPELINE_SCANORDERS__*` leads to."""

_NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a floor: letters and digits, like north or hall_2")
    return name


FloorName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=40), AfterValidator(_checked)
]
"""Case does not count: the names of environment variables have none."""


class UnknownFloorError(ValueError):
    """No setting makes a floor of this name; the text says which floors there are."""


def known_floor(name: str, floors: Iterable[str]) -> str:
    """The floor that a person names, in any case.

    Raises:
        UnknownFloorError: with the nearest name.
    """
    known, asked = list(floors), name.strip().lower()
    if asked not in known:
        raise UnknownFloorError(f"There is no floor {name!r}{did_you_mean(asked, known)} ({', '.join(known)})")
    return asked


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean north?`, or an empty text where nothing is near."""
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
