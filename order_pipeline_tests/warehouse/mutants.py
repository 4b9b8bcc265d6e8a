"""Damaged copies of a document: any node replaced by a poison value, left out, or its key repeated.

A mutant is bytes: poisons need not be JSON. `nodes` are the places that can be damaged, `POISONS` what is put there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]

# JSON texts, and texts that are none. What they break, or once did, stands at the right.
POISONS: dict[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "one": "1",
    "minus one": "-1",
    "a fraction": "1.5",
    "a huge number": "9" * 400,  # beyond a double
    "a large amount": "99999999999999.9999",  # the largest DECIMAL(18, 4): sums and products of it overflow
    "a large quantity": "999999999999999.999",
    "an exponent": "1e400",
    "a small exponent": "1e-400",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "an empty text": '""',
    "a blank": '" "',
    "yes": '"yes, by Skroutz"',
    "Y": '"Y"',
    "true as text": '"true"',
    "an open list in a text": '"[x"',
    "an open object in a text": '"{"',
    "a list in a text": '"[]"',
    "an object in a text": '"{}"',
    "an escaped NUL": '"a\\u0000b"',
    "a NUL alone": '"\\u0000"',
    "a lone surrogate": '"\\ud800"',
    "an entity of NUL": '"&#0;&#x0;&#1114112;&#55296;"',
    "a quote": '"\';--"',
    "a colon": '"a:b:c"',
    "percent and braces": '"%s {0} {{x}}"',
    "not a character": '"\\uffff\\ufffe"',
    "a time of year 1": '"0001-01-01T00:00:00+14:00"',
    "a time of year 9999": '"9999-12-31T23:59:59-14:00"',
    "a time of 2062": '"2062-01-05T10:00:00+00:00"',
    "a negative year": '"-0001-01-05T10:00:00Z"',
    "an American date": '"1/5/26"',
    "an empty list": "[]",
    "an empty object": "{}",
    "a list of null": "[null]",
    "a list of a number": "[5]",
    "a list of lists": "[[[]]]",
    "a list of a text": '["x"]',
    "an object": '{"a": 1}',
    "an object with a NUL key": '{"\\u0000": 1, "": 2}',
    "a repeated key": '{"a": 1, "a": {"a": 2, "a": 3}}',
    "a deep list": "[" * 3000 + "]" * 3000,
    "a deep object": '{"a":' * 3000 + "1" + "}" * 3000,
    "a long text": '"' + "x" * 100_000 + '"',
    "no JSON": "nothing",
    "a raw NUL": '"a\0b"',
    "a raw line break": '"a\nb"',
    "an open bracket": "[",
    "a leading zero": "01",
    "two values": "1, 2",
}

_MARK = "@mutant@"


def nodes(document: Any, place: Place = ()) -> Iterator[Place]:
    """Every place of the document below its root, containers before what is in them."""
    if place:
        yield place
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from nodes(value, (*place, key))


def replaced(document: Any, place: Place, poison: str) -> bytes:
    """The document with the node replaced by a text that need not be JSON."""
    return _with_mark(document, place).replace(f'"{_MARK}"', poison).encode()


def repeated(document: Any, place: Place, poison: str, *, last: bool) -> bytes:
    """The document with the node's key a second time, whose value is the poison: before or behind the right one."""
    key = json.dumps(place[-1], ensure_ascii=False)
    right = json.dumps(_at(document, place), ensure_ascii=False, separators=(",", ":"))
    pair = [right, poison] if last else [poison, right]
    return _with_mark(document, place).replace(f'"{_MARK}"', f"{pair[0]},{key}:{pair[1]}").encode()


def without(document: Any, place: Place) -> bytes:
    """The document without the node."""
    copied = json.loads(json.dumps(document))
    del _at(copied, place[:-1])[place[-1]]
    return json.dumps(copied, ensure_ascii=False, separators=(",", ":")).encode()


def _with_mark(document: Any, place: Place) -> str:
    copied = json.loads(json.dumps(document))
    _at(copied, place[:-1])[place[-1]] = _MARK
    return json.dumps(copied, ensure_ascii=False, separators=(",", ":"))


def _at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document
