"""The floor: each line that ScanOrders accepted is there, as far as the read-back can tell. No call is made.

The read-back stores what it finds, and nothing where ScanOrders does not know the number. It asks for lines never found
first, in the order in which they were sent. So a line that was never found, though a later one of its floor was, has
been asked for; and again where the read-back has worked since then.

It cannot tell at a floor where nothing was ever found to be the line asked for: nothing documents that `orders` wants
the number that create answers (docs/apis/scanorders.md section 6).
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from order_pipeline.picking.outbox.states import CONFIRMED, ON_THE_FLOOR, WITHDRAWN
from order_pipeline.reconciliation.differences import Comparison, ComparisonResult, Difference, Reason
from order_pipeline.reconciliation.outbox_lines import OutboxLine

LONGEST_READ_BACK = timedelta(minutes=30)
"""Readings further apart are of two runs, so a call that failed once has been made again."""


def reconcile_floor(outbox: Iterable[OutboxLine]) -> ComparisonResult:
    """Compare what was accepted with what was read back; the lines of a person's word are left to it."""
    result = ComparisonResult(Comparison.FLOOR)
    floors: dict[str, list[OutboxLine]] = defaultdict(list)
    for line in outbox:
        if line.state in ON_THE_FLOOR and line.fulfilment_id and line.reason not in {WITHDRAWN, CONFIRMED}:
            floors[line.floor].append(line)
    for lines in floors.values():
        result.checked += len(lines)
        if any(line.matches for line in lines):
            _add_floor(lines, result)
        else:
            result.waiting += len(lines)
    return result


def _add_floor(lines: list[OutboxLine], result: ComparisonResult) -> None:
    asked_until = _asked_until(lines)
    for line in sorted(lines, key=lambda line: line.pick_id):
        if line.matches is False:
            result.differences.append(_difference(line, Reason.OTHER_ORDER_THERE))
        elif line.matches is None:
            if asked_until is not None and line.sent_at is not None and line.sent_at < asked_until:
                result.differences.append(_difference(line, Reason.UNKNOWN_TO_FLOOR))
            else:
                result.waiting += 1


def _asked_until(lines: list[OutboxLine]) -> datetime | None:
    """All lines that were sent before this moment have been asked for by two runs of the read-back at least."""
    last_read = max(line.read_at for line in lines if line.read_at is not None)
    found = [
        line.sent_at
        for line in lines
        if line.sent_at is not None
        and line.first_read_at is not None
        and last_read - line.first_read_at >= LONGEST_READ_BACK
    ]
    return max(found, default=None)


def _difference(line: OutboxLine, reason: Reason) -> Difference:
    heal = f"order-pipeline outbox confirm {shlex.quote(line.pick_id)}"
    return Difference(Comparison.FLOOR, line.pick_id, reason, line.source, None, heal)
