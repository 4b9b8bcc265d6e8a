"""What `doctor` answers with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: `state` is `ok`, `off`, `waits` (for a person), `missing` or `failed`.

    `next_step` is empty when nothing is to be done.
    """

    what: str
    state: str
    detail: str
    next_step: str = ""
