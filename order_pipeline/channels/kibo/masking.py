"""Takes passwords out of a page before anything else sees it: the one exception to raw bytes as received.

The value of any key named `password`, at any depth, is replaced by a fixed mark (docs/apis/kibo.md section 8), also in
broken JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from order_pipeline.http.json_spans import end_of_value

PASSWORD_MARK = b'"[removed]"'

_VALUE = rb'\s*:\s*("(?:[^"\\]|\\.)*"?|[\[{]|[^\s,}\]"\[{]+)'
_KEY = b'"password"'
_BEFORE_LETTER = _KEY.index(b"w")
_PLAIN_KEY = re.compile(_KEY + _VALUE, re.DOTALL)
# A key may be spelt with JSON escapes (`"passw\u006frd"`), which is the same key to every reader.
_ESCAPED_KEY = re.compile(
    b'"' + b"".join(rb"(?:%c|\\u00(?i:%02x))" % (letter, letter) for letter in b"password") + b'"' + _VALUE, re.DOTALL
)


def mask_passwords(content: bytes) -> bytes:
    """Replace the value of every key named `password` by the mark; everything else stays byte for byte.

    Works on invalid and cut JSON too: a value without an end is masked up to the end of the content.
    """
    may_have_escaped_keys = b"\\" in content and (b"\\u006" in content or b"\\u007" in content)
    pieces: list[bytes | memoryview] = []
    whole, done = memoryview(content), 0
    for start, end in _values_of_escaped_keys(content) if may_have_escaped_keys else _values_of_plain_keys(content):
        if start < done:
            continue
        pieces += (whole[done:start], PASSWORD_MARK)
        done = end_of_value(content, start) if content[start : start + 1] in (b"{", b"[") else end
    return b"".join((*pieces, whole[done:])) if pieces else content


def _values_of_escaped_keys(content: bytes) -> Iterator[tuple[int, int]]:
    return (match.span(1) for match in _ESCAPED_KEY.finditer(content))


def _values_of_plain_keys(content: bytes) -> Iterator[tuple[int, int]]:
    """Where `_PLAIN_KEY` finds values.

    Looking for the key's rarest letter is five times as fast as looking for the key, and that is several times as fast
    as the pattern. A text without a backslash ends at the next quote, so that mostly no pattern is needed.
    """
    find, starts_with = content.find, content.startswith
    letter = find(b"w")
    while letter >= 0:
        end = letter + 1
        if starts_with(_KEY, letter - _BEFORE_LETTER):
            place = letter - _BEFORE_LETTER
            start = place + len(_KEY) + 1
            end = find(b'"', start + 1) + 1 if starts_with(b':"', start - 1) else 0
            if end and content.find(b"\\", start, end) < 0:
                yield start, end
            elif match := _PLAIN_KEY.match(content, place):
                start, end = match.span(1)
                yield start, end
            else:
                end = letter + 1
        letter = find(b"w", end)
