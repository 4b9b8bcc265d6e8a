"""What became of a line at its source, once it left the list of picks: the statuses of core, and what they mean here.

Belongs here: reading statuses (apis/common_schema.md section 12). Does not belong here: what to do about them
(`after_send`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

CALLED_OFF_STATUSES = frozenset({"cancelled", "rejected", "expired"})
"""Upstream statuses that mean: nobody wants these goods."""

UNKNOWN_STATUS = "unknown"
"""A status text that the mapping does not know: the line moved on, nobody can say where to. It is noted, not alarmed:
one line in the seed `status_mappings.csv` tells the next run what it means (Kibo documents no status after READY)."""

SHIPPED_STATUSES = frozenset(
    {"shipped", "partially_shipped", "delivered", "partially_delivered", "return_pending", "returning", "returned"}
    | {"partially_returned"}
)
"""Upstream statuses (common_schema.md section 12) that mean: the goods left, so the pick was made."""


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
        """The most telling status: a cancellation anywhere, else a shipment anywhere, else the most particular one.

        That an order was shipped in part says nothing about a line that has a status of its own.
        """
        in_part = (self.order_status or "").startswith("partially_")
        order_status = None if in_part and self.line_status else self.order_status
        known = [status for status in (self.shipment_status, self.line_status, order_status) if status]
        for telling in (CALLED_OFF_STATUSES, SHIPPED_STATUSES):
            for status in known:
                if status in telling:
                    return status
        return self.shipment_status or order_status or self.line_status
