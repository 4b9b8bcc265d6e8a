"""What belongs to a row of a list: what its calls brought, and why an answer cannot be the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from order_pipeline.channels.base import DeadLetter
from order_pipeline.channels.refusals import about
from order_pipeline.channels.scansource.client import decode_object, field_of
from order_pipeline.channels.scansource.listed import ListedRow, text_of
from order_pipeline.http.errors import UNREADABLE_JSON

ProblemOf = Callable[[bytes, ListedRow], DeadLetter | None]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What belongs to a list row: payload by resource, and what came but cannot be used."""

    payloads: Mapping[str, bytes]
    dead_letters: Mapping[str, DeadLetter] = field(default_factory=dict[str, DeadLetter])

    def checked(self, row: ListedRow, problems: Mapping[str, ProblemOf]) -> Bundle:
        """The same, with the payloads that have a problem among the dead letters."""
        looked_at = {resource: problems[resource](payload, row) for resource, payload in self.payloads.items()}
        found = {resource: problem for resource, problem in looked_at.items() if problem is not None}
        good = {resource: payload for resource, payload in self.payloads.items() if resource not in found}
        return Bundle(good, {**self.dead_letters, **found})


def detail_problem(detail: bytes, row: ListedRow, key: str = "SalesOrderNumber") -> DeadLetter | None:
    """Why a detail cannot be the row's: no object, or another record's; leading zeros do not count."""
    decoded = decode_object(detail)
    if decoded is None:
        return _reject("bad_json", "", "not an object", detail, row)
    number = text_of(field_of(decoded, key))
    if number.lstrip("0") != row.number.lstrip("0"):
        return _reject("missing_key", key, number, detail, row)
    return None


def tracking_problem(tracking: bytes, row: ListedRow) -> DeadLetter | None:
    """Why an answer is no tracking: it has no list of orders."""
    decoded = decode_object(tracking)
    if decoded is None:
        return _reject("bad_json", "", "not an object", tracking, row)
    if isinstance(field_of(decoded, "Orders"), list):
        return None
    return _reject("missing_key", "Orders", "", tracking, row)


def serials_problem(serials: bytes, row: ListedRow) -> DeadLetter | None:
    """Why an answer holds no serials: a row of it names none. What no decoder takes is judged in the warehouse."""
    try:
        decoded: list[object] = msgspec.json.decode(serials)
    except UNREADABLE_JSON:
        return None
    rows = [cast("dict[str, Any]", each) if isinstance(each, dict) else {} for each in decoded]
    if all(field_of(each, "SerialNumber") is not None for each in rows):
        return None
    return _reject("missing_key", "SerialNumber", "", serials, row)


def _reject(rule: str, field_name: str, value: str, answer: bytes, row: ListedRow) -> DeadLetter:
    return DeadLetter(rule, field_name, value, about(row.number, answer), row.day, row.record_id)
