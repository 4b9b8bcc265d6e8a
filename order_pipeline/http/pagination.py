"""Walking through numbered pages: which page to ask for, when to stop, and whether everything was proved to be seen.

The consumer decodes a page and says with `Walk.saw` how many items came and how many of them were new.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from order_pipeline.http.errors import PagingError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NumberedPages:
    """Pages asked for by number and size: `page`/`perPage` (Kibo) or `page`/`pageSize` on bare arrays (ScanSource).

    A walk ends at the first empty page or once the claimed total was seen. A short page ends it only with
    `short_page_ends`: without that promise of the API it proves nothing, as servers cap the page size silently.
    """

    size_parameter: str = "perPage"
    size: int = 100
    max_pages: int = 100_000
    short_page_ends: bool = False

    def parameters(self, number: int, size: int | None = None) -> dict[str, str]:
        """The query parameters of page `number`, of another size than the walk's if one is given."""
        return {"page": str(number), self.size_parameter: str(size or self.size)}

    def walk(self, *, expected: int | None = None) -> Walk:
        """Start a walk; `expected` items are known beforehand when items were asked for by id."""
        return Walk(self, expected)


def smaller_pages(number: int, size: int) -> tuple[int, range]:
    """The size and the numbers of the smaller pages (counted from 1) that hold what page `number` of `size` holds.

    For a page in which one broken item cannot be told from the next: about ten pages of ten, then of one.
    """
    smaller = next(part for part in range(math.isqrt(size), 0, -1) if size % part == 0)
    first = (number - 1) * (size // smaller) + 1
    return smaller, range(first, first + size // smaller)


class Walk:
    """One pass over the pages of one question: its counts, its end and its proof.

    Attributes:
        pages: pages seen.
        records: distinct items seen.
        claimed_total: the highest total the API claimed, None if it never did: one that shrinks while pages are read
            would end the walk before the rows that it promised first.
        largest_page: items on the fullest page so far; servers cap the page size silently.
        finished: nothing more is to be asked.
        complete: everything was proved to be seen.
        note: why not complete, or what was odd; "" otherwise.
    """

    def __init__(self, paging: NumberedPages, expected: int | None = None) -> None:
        self.pages = 0
        self.records = 0
        self.claimed_total: int | None = None
        self.finished = False
        self.complete = False
        self.note = ""
        self._paging = paging
        self._expected = expected
        self.largest_page = 0
        self._doubtful = False
        self._refill: Callable[[int], None] | None = None

    def saw(self, items: int, new: int, total: int | None = None) -> None:
        """Report a page: `items` on it, how many of them `new` to this walk, and the total it claims (None: none).

        Call it before the slow part of the work on the items: pages ahead are asked for from here.

        Raises:
            PagingError: items came but none is new (the server repeats itself), or the pages do not end.
        """
        self.pages += 1
        self.records += new
        self.largest_page = max(self.largest_page, items)
        last_number = self.pages
        if total is not None and not items and total < self.records and total != self.claimed_total:
            self.doubt(f"page {last_number} is empty and claims {total} items after {self.records} came")
        elif total is not None:
            self.claimed_total = max(total, self.claimed_total or 0)
        if items == 0 or (self._promised is not None and self.records == self._promised):
            self._finish()
        elif new == 0:
            self._fail(f"page {last_number} brought nothing new: the server repeats a page or ignores its number")
        elif self._paging.short_page_ends and items < self._paging.size:
            self._finish()
        elif self.pages >= self._paging.max_pages:
            self._fail(f"no end after {self.pages} pages (max_pages)")
        elif self._refill:
            self._refill(last_number)

    def doubt(self, note: str) -> None:
        """Report that a part of a page could not be read: the walk goes on, but it will not count as complete."""
        self._doubtful = True
        self._add_note(note)

    async def read(self, fetch: Callable[[int], Awaitable[T]], *, ahead: int = 1) -> AsyncGenerator[tuple[int, T]]:
        """Yield (page number, page) in order until `saw`, which must be called for every page, ends the walk.

        Once a total is known, up to `ahead` pages are under way, never past the last one it implies; without a total
        just the next. So no call is made in vain while the API's claims hold, and memory holds `ahead` pages at most.
        Close it (`contextlib.aclosing`) when leaving early: that cancels the pages under way.
        """
        under_way: deque[asyncio.Future[T]] = deque()
        asked = 0

        def ask_up_to(last: int) -> None:
            nonlocal asked
            while asked < last:
                asked += 1
                under_way.append(asyncio.ensure_future(fetch(asked)))

        def refill(current: int) -> None:
            ask_up_to(max(min(current + ahead, self._implied_last or 0), current + 1))

        self._refill = refill
        ask_up_to(1)
        number = 1
        try:
            while not self.finished:
                page = await under_way.popleft()
                ask_up_to(min(number + ahead, self._implied_last or 0))
                yield number, page
                if not under_way and not self.finished:
                    raise RuntimeError("Walk.saw was not called for a page")
                number += 1
        finally:
            self._refill = None
            for future in under_way:
                future.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def _promised(self) -> int | None:
        return self._expected if self._expected is not None else self.claimed_total

    @property
    def _implied_last(self) -> int | None:
        """Number of the last page by the claimed total and the page size that the server really serves."""
        if self._promised is None or not self.largest_page:
            return None
        return min(-(-self._promised // self.largest_page), self._paging.max_pages)

    def _finish(self) -> None:
        self.finished = True
        promised = self._promised
        if promised is not None and self.records < promised:
            self._add_note(f"{promised - self.records} of {promised} promised items never came")
        elif promised is not None and self.records > promised:
            self._add_note(f"the API claimed {promised} items, {self.records} came")
        self.complete = not self._doubtful and (promised is None or self.records >= promised)

    def _fail(self, reason: str) -> None:
        self.finished = True
        self._add_note(reason)
        raise PagingError(reason, next_step="Narrow the window, and compare the API's paging with its contract.")

    def _add_note(self, note: str) -> None:
        self.note = f"{self.note}; {note}" if self.note else note
