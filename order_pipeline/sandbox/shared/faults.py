"""Scripted faults: what goes wrong, on which calls. Data and matching only; `injection.py` carries them out.

A script is a JSON or YAML list of faults (or an object with the key `faults`). A fault without `nth`, `every` or `rate`
hits every matching call; `times` caps how often. Matching counts calls per fault, from 1, so a script is
repeatable; `rate` draws from the script's seed and the call's number, never from the order of the clock.

    - {api: kibo, route: "GET /api/v2/order/*", kind: status, status: 503, retry_after: "2", nth: [2, 3]}
    - {api: scanorders, route: "* /api/1.1/wf/neworders", kind: drop_after, rate: 0.1}
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import msgspec

FaultKind = Literal[
    "status",  # answer `status` without any effect
    "status_after",  # let the effect happen, then answer `status`
    "html",  # a 200 page of HTML instead of JSON, no effect
    "stall",  # wait `seconds`, or until the faults are lifted, before anything happens
    "stall_after",  # let the effect happen, then wait as long before the answer
    "slow_body",  # the true answer, its body dribbled over `seconds`
    "truncated_json",  # the true answer, its JSON cut short, correct HTTP
    "cut_body",  # the true headers, part of the body, then the connection closes
    "drop_before",  # the connection closes, no effect
    "drop_after",  # the effect happens, then the connection closes without an answer
    "expire_token",  # every token of the channel is revoked just before this call
    "duplicate_page",  # paging: this page repeats the one before it
    "shifted_page",  # paging: this page starts `shift` rows off
    "wrong_total",  # paging: the claimed total is off by `shift`
    "insert_record",  # paging: `shift` (at least one) records appear inside the window after this page was answered
    "change_record",  # paging: a record of this page changes its state after the page was answered
    "empty_page",  # paging: this page is answered as the one behind the last, though it has rows
    "filter_ignored",  # paging: the rows are those of the account, whatever else was asked
]
PAGING_KINDS = frozenset(
    {
        *("duplicate_page", "shifted_page", "wrong_total", "insert_record", "change_record"),
        *("empty_page", "filter_ignored"),
    }
)


class FaultScriptError(ValueError):
    """A fault script that cannot be used; the text names the file and the place."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault: which calls (`api`, `route`, `nth`/`every`/`rate`, `times`) and what happens to them.

    `route` is a shell pattern over `METHOD /path`, the path inside the channel (without `/kibo`).
    `retry_after` is sent as it stands, or as an HTTP date that many seconds ahead for `date:+5`.
    """

    kind: FaultKind
    api: str = "*"
    route: str = "*"
    nth: int | list[int] | None = None
    every: int | None = None
    rate: float | None = None
    times: int | None = None
    status: int = 503
    retry_after: str | None = None
    body: str | None = None
    content_type: str | None = None
    seconds: float = 0.0
    keep: float = 0.5
    shift: int = 1

    def __post_init__(self) -> None:
        """Refuse scripts that could never do anything.

        Raises:
            ValueError: for two selectors at once, a rate outside 0..1, or a share outside 0..1.
        """
        if sum(selector is not None for selector in (self.nth, self.every, self.rate)) > 1:
            raise ValueError("give one of nth, every and rate")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate is a share between 0 and 1")
        if self.every is not None and self.every < 1:
            raise ValueError("every counts from 1")
        if not 0 <= self.keep <= 1:
            raise ValueError("keep is a share between 0 and 1")

    def covers(self, api: str, call: str) -> bool:
        """Whether a call (`METHOD /path`) of the channel `api` counts for this fault."""
        return self.api in ("*", api) and (self.route == "*" or fnmatchcase(call, self.route))

    def hits(self, number: int, draw: float) -> bool:
        """Whether the matching call `number` (from 1) is one to spoil; `draw` is its seeded number in 0..1."""
        if self.nth is not None:
            return number == self.nth if isinstance(self.nth, int) else number in self.nth
        if self.every is not None:
            return number % self.every == 0
        return self.rate is None or draw < self.rate


class FaultBook:
    """The faults in force, with the count of calls and hits of each. The first fault that hits a call wins.

    `resets` counts how often all faults were lifted: what a fault still holds up goes on when it grows.
    """

    def __init__(self, seed: int, faults: Sequence[Fault] = ()) -> None:
        self.resets = 0
        self._seed = seed
        self._faults: list[Fault] = []
        self._calls: list[int] = []
        self._hits: list[int] = []
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Put more faults in force; their counts start at 0."""
        for fault in faults:
            self._calls.append(0)
            self._hits.append(0)
            self._faults.append(fault)

    def reset(self) -> None:
        """No fault any more; stalled calls go on."""
        self.resets += 1
        self._faults, self._calls, self._hits = [], [], []

    def next_fault(self, api: str, call: str) -> Fault | None:
        """Count this call against every fault that covers it; return the first one that hits."""
        chosen: Fault | None = None
        for index, fault in enumerate(self._faults):
            if not fault.covers(api, call):
                continue
            self._calls[index] += 1
            if chosen is not None or (fault.times is not None and self._hits[index] >= fault.times):
                continue
            if fault.hits(self._calls[index], self._draw(index) if fault.rate is not None else 0.0):
                self._hits[index] += 1
                chosen = fault
        return chosen

    def _draw(self, index: int) -> float:
        return random.Random(f"{self._seed}:{index}:{self._calls[index]}").random()  # noqa: S311

    def describe(self) -> list[dict[str, object]]:
        """Every fault in force with how many calls it covered and hit."""
        rows = zip(self._faults, self._calls, self._hits, strict=True)
        return [{**msgspec.to_builtins(fault), "calls": calls, "hits": hits} for fault, calls, hits in rows]


def parse_faults(document: object) -> list[Fault]:
    """Faults from decoded JSON or YAML: one fault, a list of faults, or an object with the key `faults`.

    Raises:
        FaultScriptError: naming the place of an unknown key, a wrong type or a senseless value.
    """
    if isinstance(document, dict):
        document = document.get("faults", [document])
    try:
        return msgspec.convert(document, list[Fault])
    except msgspec.ValidationError as error:
        raise FaultScriptError(f"fault script: {error}") from error


def load_faults(path: Path) -> list[Fault]:
    """Read a fault script from a JSON or YAML file.

    Raises:
        FaultScriptError: naming the file, if it cannot be read or parsed.
    """
    try:
        document = msgspec.yaml.decode(path.read_bytes())  # JSON is a subset of YAML
        return parse_faults(document)
    except (OSError, msgspec.DecodeError, FaultScriptError) as error:
        raise FaultScriptError(f"{path}: {error}") from error
