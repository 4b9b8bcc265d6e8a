"""A search of `GET /order/`: the parameters that the pipeline sends (docs/apis/kibo.md section 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

ID_PATTERN = r"^0*[1-9][0-9]*$"
"""What the API takes as an id: a positive integer."""

_MOST_DIGITS = 20  # of a 64-bit number


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """One search: orders of these manufacturers, and only of these ids or times where they are given.

    Times are aware, start before end, and sent as UTC `Z`.
    """

    manufacturer_ids: Sequence[str]
    order_ids: Sequence[str] = ()
    order_dates: tuple[datetime, datetime] | None = None
    ship_dates: tuple[datetime, datetime] | None = None

    def parameters(self) -> dict[str, str]:
        """The query parameters as sent, without the page's; what is not set is left out."""
        sent = {"manufacturerID": ",".join(self.manufacturer_ids)}
        if self.order_ids:
            sent["orderID"] = ",".join(self.order_ids)
        for name, window in (("orderDate", self.order_dates), ("shipDate", self.ship_dates)):
            if window is not None:
                start, end = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in window)
                sent |= {f"{name}Start": start, f"{name}End": end}
        return sent | {"sortBy": "orderDate"}


def can_be_asked_for(order_id: str) -> bool:
    """Whether the API takes it as an id. One that it does not take would refuse the whole search."""
    return len(order_id) <= _MOST_DIGITS and order_id.isascii() and re.fullmatch(ID_PATTERN, order_id) is not None
