"""Finds where JSON values end without parsing them, for pages that no parser takes as a whole."""

from __future__ import annotations

import re

# Whole strings are one token, so that brackets and commas inside them are not seen; a string without an end runs on.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{},]', re.DOTALL)

_CLOSES = {ord("["): ord("]"), ord("{"): ord("}")}


def end_of_value(content: bytes, start: int) -> int:
    """The index behind the object or array that begins at `start`; the content's length if it does not end."""
    depth = 0
    for token in _TOKEN.finditer(content, start):
        character = content[token.start()]
        if character in b"[{":
            depth += 1
        elif character in b"]}":
            depth -= 1
            if depth <= 0:
                return token.end()
    return len(content)


def array_elements(content: bytes, start: int) -> tuple[list[bytes], int | None]:
    """The elements of the array whose `[` is at `start`, and the index behind its `]` (None: the array is cut).

    A bracket that a broken element left open ends with the one around it, where that is of the other kind.
    """
    elements: list[bytes] = []
    opened: list[int] = []
    begin = start + 1
    for token in _TOKEN.finditer(content, start + 1):
        character = content[token.start()]
        if character in _CLOSES:
            opened.append(character)
        elif character in b"]}":
            if not any(_CLOSES[bracket] == character for bracket in opened):
                return _with(elements, content[begin : token.start()]), token.end()
            while _CLOSES[opened.pop()] != character:
                pass
        elif character == ord(",") and not opened:
            elements.append(content[begin : token.start()].strip())
            begin = token.end()
    return _with(elements, content[begin:]), None


def _with(elements: list[bytes], last: bytes) -> list[bytes]:
    return [*elements, last.strip()] if last.strip() else elements
