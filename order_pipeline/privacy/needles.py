"""Texts that name a person, to be found in places without columns: logs, Dagster's events, statistics, old files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from order_pipeline.channels.personal import ERASED

_LEAST_CHARACTERS = 8
_LEAST_DIGITS = 9


@dataclass(frozen=True)
class Needles:
    """The texts of one person that cannot mean anything else.

    A single word ("Summer", "Order") is none: it stands in events and file names of everybody. An e-mail, a phone, a
    VAT number, a full name and a street are.
    """

    texts: frozenset[str]

    @classmethod
    def of(cls, values: Iterable[str]) -> Needles:
        """Those of the values that can be looked for everywhere."""
        return cls(frozenset(value for value in values if _is_telling(value)))

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Each text as it may be written: as it is, inside JSON, and inside JSON inside JSON. Longest first."""
        forms = set(self.texts)
        for _ in range(2):
            forms |= {json.dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in self.forms), re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        """Whether any of them stands in the text."""
        return bool(self.texts) and self._pattern.search(text) is not None

    def erased_from(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(ERASED, text) if self.texts else text


def _is_telling(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    if value.strip().casefold() == ERASED:
        return False
    return "@" in value or len(digits) >= _LEAST_DIGITS or (" " in value.strip() and len(value) >= _LEAST_CHARACTERS)


def full_names(texts: Iterable[tuple[str, str]]) -> set[str]:
    """First and last names of a payload's (key, text) pairs, joined: core and the picks have them in one."""
    first: str | None = None
    names: set[str] = set()
    for key, text in texts:
        folded = key.casefold().replace("_", "")
        if folded == "firstname":
            first = text.strip()
        elif folded == "lastname" and first:
            names |= {f"{first} {text.strip()}", f"{text.strip()} {first}"}
            first = None
    return names
