"""The list of picks that an emission plans from. Whoever reads the lake fills it: planning does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from order_pipeline.picking.outbox.basis import Basis
from order_pipeline.picking.outbox.states import NOT_ON_THE_FLOOR
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning.upstream import UpstreamStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PickList:
    """What is to be picked, and what became of lines that were sent: everything as of one lake snapshot.

    Attributes:
        rows: all rows of `marts.pick_lines` of the covered sources (a partial list would look like cancellations).
        snapshot_id: the lake snapshot that they were read from.
        upstream: rows of `marts.pick_follow_up`: what became of lines that left the list.
        quarantined_orders: ids of orders of which the quarantine holds something back: a line's absence says nothing.
        followed: pick ids of the sent lines that `upstream` speaks of: of others nothing is concluded. None: all that
            planning is given.
        basis: pick id -> what was read about a line that nothing holds; kept with it when it is sent.
    """

    rows: Sequence[Mapping[str, Any]]
    snapshot_id: int | None = None
    upstream: Sequence[UpstreamStatus] = ()
    quarantined_orders: frozenset[str] = frozenset()
    followed: frozenset[str] | None = None
    basis: Mapping[str, Basis] = field(default_factory=dict[str, Basis])

    @property
    def pick_ids(self) -> frozenset[str]:
        """The pick ids of its rows; a row without one is refused by planning."""
        return frozenset(row["pick_id"] for row in self.rows if row["pick_id"])

    def follows(self, line: OutboxLine) -> bool:
        """Whether the list says what became of the line: of one that was never sent it always does."""
        return line.state in NOT_ON_THE_FLOOR or self.followed is None or line.pick_id in self.followed


ReadPicks: TypeAlias = Callable[[], PickList]
"""Reads the list of picks now. Emission calls it once it is the only emitter, so that the list is never a stale one."""
