"""From the bytes of a list to its rows, each as received. A row that no decoder takes costs no other row."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from order_pipeline.http.errors import UNREADABLE_JSON
from order_pipeline.http.json_spans import array_elements
from order_pipeline.http.pagination import smaller_pages
from order_pipeline.http.reply import Reply
from order_pipeline.redaction.errors import described

_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_WRAPPERS = ("items", "lines")
_LIST = re.compile(rb'(?:\[\s*)?\{\s*"(?:items|lines)"\s*:\s*(?=\[)|(?=\[)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as received.

    Attributes:
        rows: in the list's order.
        is_json: the body was JSON; else it was split by its brackets.
        is_doubtful: it was split at places that may be wrong.
    """

    rows: list[bytes]
    is_json: bool = True
    is_doubtful: bool = False


def split_rows(reply: Reply, size: int | None = None) -> Rows:
    """The rows of a bare array, as received; an empty body is no row. Of `size` 1 all of a broken array is that row.

    Tolerates the wrappers `{items}`, `{Lines}` and `[{Lines}]` (docs/apis/scansource.md section 5.1).

    Raises:
        UnreadableBody: when it is none of these.
    """
    content = reply.utf8().strip()
    if not content:
        return Rows([])
    try:
        rows = _rows_of_json(content)
    except UNREADABLE_JSON as error:
        start = _LIST.match(content)
        if start is None:
            raise reply.unreadable(f"the body is not the JSON that was expected ({described(error)})") from error
        return _broken_rows(content, start.end(), alone=size == 1)
    if rows is None:
        raise reply.unreadable("the body is an object where an array of rows is expected")
    return Rows(rows)


async def rows_of_page(
    fetch: Callable[[int, int], Awaitable[Rows]], number: int, size: int, longest: int
) -> list[bytes]:
    """The rows of a page; where they cannot be told apart, of smaller pages, down to the broken row alone.

    Args:
        fetch: brings the page of a number and a size.
        number: of the page, from 1.
        size: asked for.
        longest: rows on the fullest page so far, for servers cap the page size silently; 0 before the first.
    """
    page = await fetch(number, size)
    size = longest if number > 1 and longest else size
    if size == 1 or page.is_json or not (page.is_doubtful or len(page.rows) != size):
        return page.rows
    rows: list[bytes] = []
    smaller, numbers = smaller_pages(number, size)
    for each in numbers:
        found = await rows_of_page(fetch, each, smaller, smaller)
        if not found:
            break
        rows += found
    return rows


def _rows_of_json(content: bytes) -> list[bytes] | None:
    if content[:1] != b"[":
        return _wrapped(content)
    rows = [bytes(row) for row in _RAW_ROWS.decode(content)]
    try:
        wrapped = _wrapped(rows[0]) if len(rows) == 1 else None
    except UNREADABLE_JSON:  # the one row is broken in itself
        wrapped = None
    return rows if wrapped is None else wrapped


def _broken_rows(content: bytes, start: int, *, alone: bool) -> Rows:
    rows, end = array_elements(content, start)
    if alone and (last := content.rfind(b"]")) > start:
        rows, end = [row] if (row := content[start + 1 : last].strip()) else [], last + 1
    behind = content[end:].strip() if end is not None else b""
    is_whole = end is not None and behind in {b"", b"}", b"}]"}
    looks_like_rows = all(row[:1] == b"{" and row[-1:] == b"}" for row in rows)
    return Rows(rows, is_json=False, is_doubtful=not (is_whole and looks_like_rows))


def _wrapped(content: bytes) -> list[bytes] | None:
    """The rows inside a wrapper object whose only key is one of the known wrappers; else None."""
    if content[:1] != b"{":
        return None
    keys = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    if len(keys) != 1 or next(iter(keys)).casefold() not in _WRAPPERS:
        return None
    return [bytes(row) for row in _RAW_ROWS.decode(next(iter(keys.values())))]
