"""What of a search's pages is kept: each content once, of the day that was asked for; and what came unasked.

An API that ignores a filter answers something else than what it was asked, and such an answer proves nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from order_pipeline.channels.base import RecordBatch, content_hash
from order_pipeline.channels.kibo.pages import OrderPage
from order_pipeline.channels.kibo.query import SearchQuery

ONE_SECOND = timedelta(seconds=1)


class OrderKeeper:
    """Keeps a walk's orders: the right day only, each content once; one that changed between pages is kept twice.

    Attributes:
        kept: orders kept, unusable ones too.
        ids: how many different ones.
        left_out: orders of other days.
        unasked: orders that the search did not ask for, so the API did not do what its filter says.
    """

    def __init__(self, query: SearchQuery, day: date | None) -> None:
        self.kept = self.ids = self.left_out = self.unasked = 0
        self._day = day
        self._asked_ids = frozenset(map(_as_number, query.order_ids))
        self._asked_dates = query.order_dates
        self._contents: dict[str | bytes, str] = {}

    def new_in(self, page: OrderPage) -> int:
        """How many of the page's orders this walk has not seen; an order without an id is known by its bytes.

        Of a search by ids only those count that were asked for: others do not stand in for them.
        """
        ids = {each for each in page.ids if not self._asked_ids or _as_number(each) in self._asked_ids}
        return len({*ids, *(record.payload for record in page.dead_letters)}.difference(self._contents))

    def keep(self, page: OrderPage, batch: RecordBatch, to_reread: set[str]) -> int:
        """Add the page to the batch and strike what was kept off `to_reread`; returns the payload bytes added."""
        added = 0
        contents, only_day = self._contents, self._day
        kept: list[memoryview] = []
        for order_id, moment, payload in zip(page.ids, page.times, page.payloads, strict=True):
            content = content_hash(payload)
            if contents.get(order_id) == content:
                continue
            self.unasked += not self._is_asked(order_id, moment)
            is_first = order_id not in contents
            contents[order_id] = content
            day = moment.date()
            if only_day is not None and day != only_day:
                self.left_out += 1
                continue
            batch.record_ids.append(order_id)
            batch.days.append(day)
            kept.append(payload)
            self.ids += is_first
            batch.hashes.append(content)
            to_reread.discard(order_id)
            added += len(payload)
        batch.payloads.extend(kept)
        self.kept += len(kept)
        for record in page.dead_letters:
            if record.payload not in contents:
                contents[record.payload] = ""
                batch.dead_letters.append(record)
                added += len(record.payload)
                self.kept += 1
                self.ids += 1
        return added

    def _is_asked(self, order_id: str, moment: datetime) -> bool:
        if self._asked_dates is not None:
            start, end = self._asked_dates
            return start <= moment < end + ONE_SECOND  # an inclusive end takes the whole second
        return not self._asked_ids or _as_number(order_id) in self._asked_ids


def _as_number(order_id: str) -> str:
    """The id as the API writes it: it may be asked for with leading zeros."""
    return order_id.lstrip("0")
