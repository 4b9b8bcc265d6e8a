"""Where in a payload a fact stands (a JSON pointer, RFC 6901), and what one version of a payload changed.

No value of a payload is told, but states and quantities: everything else may be personal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

MOST_CHANGES = 6
"""Of more changes between two versions only so many are told, and how many there were."""
_LONGEST_POINTER = 120
_TELLING = re.compile(r"(state|status|quantity)$", re.IGNORECASE)
_OF_A_PERSON = re.compile(r"address|customer|buyer|billing|recipient|contact|person|invoice", re.IGNORECASE)
"""Names of objects below which nothing is told: an address has a `state`, too."""
_SHORT_VALUE = re.compile(r"[\w .,:+/-]{0,40}")


def parse(payload: str | None) -> Any:
    """The document; None where the bytes are no JSON."""
    try:
        return msgspec.json.decode(payload or "null")
    except (msgspec.DecodeError, RecursionError):
        return None


def pointer_to(document: Any, value: str | None, named_like: Sequence[str] = ()) -> str | None:
    """The pointer to the outermost place that holds this value, told as text.

    Args:
        document: parsed JSON.
        value: the fact as core holds it; None and an empty text are nowhere.
        named_like: parts of the member's name that are preferred to others, the first one most.

    Returns: the pointer (an empty text is the whole document), or None where the value stands nowhere as it is.
    """
    if not value:
        return None
    hits = [pointer for pointer, found in leaves(document) if _as_text(found) == value]

    def rank(pointer: str) -> tuple[int, int]:
        name = next((part for part in reversed(pointer.split("/")) if not part.isdigit()), "").lower()
        preferred = next((place for place, part in enumerate(named_like) if part in name), len(named_like))
        return preferred, pointer.count("/")

    return min(hits, key=rank, default=None)


def parent(pointer: str) -> str:
    """The object that holds what the pointer leads to."""
    return pointer.rpartition("/")[0]


def leaves(document: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of a document with its pointer; an empty object or list counts as one."""
    if isinstance(document, dict) and document:
        for name, value in cast("dict[str, Any]", document).items():
            yield from leaves(value, f"{pointer}/{_escaped(name)}")
    elif isinstance(document, list) and document:
        for place, value in enumerate(cast("list[Any]", document)):
            yield from leaves(value, f"{pointer}/{place}")
    else:
        yield pointer, document


def changes(before: Any, after: Any) -> list[str]:
    """What the later version changed, a text each: pointers, with the values of states and quantities.

    Elements of a list are compared by their place; what is new or gone as a whole is told once.
    """
    found = sorted(_differences(before, after, ""), key=lambda each: (not _may_be_told(*each), each[0].count("/")))
    told = [_told(*each) for each in found]
    more = [f"and {len(told) - MOST_CHANGES} more"] if len(told) > MOST_CHANGES else []
    return told[:MOST_CHANGES] + more


def _differences(before: Any, after: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    old, new = _members(before), _members(after)
    if old is None or new is None or type(before) is not type(after):
        if before != after:
            yield pointer, before, after
        return
    for name in [*new, *(each for each in old if each not in new)]:
        yield from _differences(old.get(name), new.get(name), f"{pointer}/{name}")


def _members(value: Any) -> dict[str, Any] | None:
    """What an object or a list holds, by the pointer's next part; None for a scalar."""
    if isinstance(value, dict):
        return {_escaped(name): each for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return {str(place): each for place, each in enumerate(cast("list[Any]", value))}
    return None


def _told(pointer: str, old: Any, new: Any) -> str:
    place = pointer[:_LONGEST_POINTER] or "all of it"
    return (
        f"{place}: {_as_text(old) or 'nothing'} -> {_as_text(new) or 'nothing'}"
        if _may_be_told(pointer, old, new)
        else place
    )


def _may_be_told(pointer: str, old: Any, new: Any) -> bool:
    """Whether it is a state or a quantity, and looks like one: a short word or a number."""
    is_telling = _TELLING.search(pointer.rpartition("/")[2]) and not _OF_A_PERSON.search(pointer)
    return bool(is_telling) and all(
        each is None or (isinstance(each, (str, int, float)) and not isinstance(each, bool) and _is_short(each))
        for each in (old, new)
    )


def _is_short(value: str | float) -> bool:
    return _SHORT_VALUE.fullmatch(_as_text(value)) is not None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else msgspec.json.encode(value).decode()
