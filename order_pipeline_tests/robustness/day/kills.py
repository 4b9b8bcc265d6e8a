"""The moments at which the daemon is killed with all its processes. Each is known by something that can be observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ARMED_IN_PUBLISH = "die_in_publish"
"""While this file is in the data directory, the next publish of core ends the daemon before it commits."""

NEVER_ENDS = 3600.0
"""Seconds. A call that stalls so long is lifted once the kill has come."""

Fault = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kill:
    """A moment: a call that a stall holds up (`stall`), or a mark of the installation's own (`mark`)."""

    moment: str
    stall: Fault | None = None
    mark: str = ""


def _stalled(moment: str, kind: str, **fault: Any) -> Kill:
    return Kill(moment, stall={"kind": kind, "seconds": NEVER_ENDS, "times": 1, **fault})


KILLS = (
    _stalled("while pages are fetched", "stall", api="kibo", route="GET /api/v2/order*", nth=[2]),
    Kill("while core is published", mark="publish"),
    _stalled("while a pick is sent", "stall_after", api="scanorders", route="* /api/1.1/wf/neworders", nth=[4]),
    Kill("while an alert is sent", mark="alert"),
    _stalled("while a webhook's order is read", "stall", api="skroutz", route="GET /merchants/*", nth=[2]),
)
