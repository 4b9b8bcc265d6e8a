"""What became of a line at its channel once it left the list of picks: the statuses of core, and what they mean here.

The statuses are those of docs/apis/common_schema.md section 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from order_pipeline.picking.outbox.states import WITHDRAWN, PickState
from order_pipeline.picking.outbox.store import OutboxLine

CALLED_OFF_STATUSES = frozenset({"cancelled", "rejected", "expired"})
"""Upstream statuses that mean: nobody wants these goods."""

UNKNOWN_STATUS = "unknown"
"""A status text that the mapping does not know: the line moved on, and nobody can say where to. It is noted and opens
no task, as one line in the seed `status_mappings.csv` tells the next run what it means."""

SHIPPED_STATUSES = frozenset(
    {"shipped", "partially_shipped", "delivered", "partially_delivered", "return_pending", "returning", "returned"}
    | {"partially_returned"}
)
"""Upstream statuses that mean: the goods left, so the pick was made."""

LEFT_WHOLE = SHIPPED_STATUSES - {"partially_shipped", "partially_delivered"}
"""Upstream statuses that mean: nothing of the goods is here any more."""

FOLLOWED_AFTER_LEAVING = timedelta(days=30)
"""So long a pick is followed after its goods left: what its order says later is no matter of the floor."""


def read_since(now: datetime) -> datetime:
    """Planning reads settled lines that changed since then. The day more is for clocks that differ."""
    return now - FOLLOWED_AFTER_LEAVING - timedelta(days=1)


def is_over(line: OutboxLine, now: datetime) -> bool:
    """Whether the pick needs no following: its goods left long ago, or a person took it off the floor long ago.

    Should the list of picks name it again, it is looked at all the same.
    """
    has_left = line.state in {PickState.SENT, PickState.RESOLVED_SENT} and line.upstream_status in LEFT_WHOLE
    is_withdrawn = line.state is PickState.CANCELLED_AFTER_SEND and line.reason == WITHDRAWN
    return (has_left or is_withdrawn) and line.updated_at < now - FOLLOWED_AFTER_LEAVING


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStatus:
    """What core knows of a sent line (a row of `marts.pick_follow_up`): needed once it left the list of picks."""

    pick_id: str
    order_status: str | None = None
    line_status: str | None = None
    shipment_status: str | None = None
    quantity_shipped: Decimal | None = None

    @property
    def status(self) -> str | None:
        """The most telling of the three statuses.

        A cancellation at any level comes first, then a shipment at any level, then the status of the shipment, the
        order or the line. An order that was shipped in part says nothing about a line with a status of its own.
        """
        in_part = (self.order_status or "").startswith("partially_")
        order_status = None if in_part and self.line_status else self.order_status
        known = [status for status in (self.shipment_status, self.line_status, order_status) if status]
        for telling in (CALLED_OFF_STATUSES, SHIPPED_STATUSES):
            for status in known:
                if status in telling:
                    return status
        return self.shipment_status or order_status or self.line_status
