"""The list of picks that an emission plans from. Whoever reads the lake fills it: planning does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from order_pipeline.picking.planning.upstream import UpstreamStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PickList:
    """What is to be picked, and what became of lines that were sent: everything as of one lake snapshot.

    Attributes:
        rows: all rows of `marts.pick_lines` of the covered sources (a partial list would look like cancellations).
        snapshot_id: the lake snapshot that they were read from.
        upstream: rows of `marts.pick_follow_up`: what became of lines that left the list.
        quarantined_orders: ids of orders of which the quarantine holds something back: a line's absence says nothing.
    """

    rows: Sequence[Mapping[str, Any]]
    snapshot_id: int | None = None
    upstream: Sequence[UpstreamStatus] = ()
    quarantined_orders: frozenset[str] = frozenset()


ReadPicks: TypeAlias = Callable[[], PickList]
"""Reads the list of picks now. Emission calls it once it is the only emitter, so that the list is never a stale one."""
