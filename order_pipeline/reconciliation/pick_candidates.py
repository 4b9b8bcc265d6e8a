"""The picks: each candidate is in the outbox, or left out by a policy that says so.

The outbox has a line for each line of the list of picks, held ones with their reason. Off the list by policy is what is
not stocked and what somebody else picks.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from order_pipeline.reconciliation.differences import Comparison, ComparisonResult, Difference, Reason
from order_pipeline.reconciliation.outbox_lines import OutboxLine
from order_pipeline.warehouse.lake.connection import Connection

_CANDIDATES = """
WITH listed AS (
    SELECT pick_id
    FROM marts.pick_lines
    WHERE order_day >= $since
),

elsewhere AS (
    SELECT pick_id
    FROM marts.picks_elsewhere
    WHERE order_day >= $since
),

built AS (
    SELECT source, order_day, max(built_at) AS built_at
    FROM core.builds
    WHERE order_day >= $since
    GROUP BY source, order_day
)

SELECT
    candidates.pick_id,
    candidates.source,
    candidates.order_day,
    candidates.pick_id IN (SELECT pick_id FROM listed) AS is_listed,
    NOT candidates.is_stocked OR candidates.pick_id IN (SELECT pick_id FROM elsewhere) AS is_left_out,
    built.built_at
FROM marts.pick_candidates AS candidates
LEFT JOIN built ON built.source = candidates.source AND built.order_day = candidates.order_day
WHERE candidates.pick_id IS NOT NULL AND candidates.order_day >= $since
ORDER BY candidates.order_day DESC, candidates.pick_id
"""

Candidate = tuple[str, str, date, bool, bool, datetime | None]
"""Pick id, channel, day, whether it is on the list, whether a policy leaves it out, and when its day was built."""
HELD = "held"


def read_candidates(connection: Connection, since: date) -> list[Candidate]:
    """The pick candidates of orders since that day, in a read transaction of the lake."""
    return connection.execute(_CANDIDATES, {"since": since}).fetchall()


def reconcile_picks(
    candidates: Sequence[Candidate],
    outbox: Mapping[str, OutboxLine],
    published: Collection[str],
    planned_at: datetime | None,
) -> ComparisonResult:
    """Compare the candidates with the outbox.

    Args:
        candidates: see `read_candidates`.
        outbox: the lines with these pick ids, read later than the candidates.
        published: pick ids that the copy of the outbox in the lake has: a line that the outbox has lost and that must
            not be planned anew, for it may have been sent.
        planned_at: when the last emission began to read the list of picks; None: there was none, or it is under way.
    """
    result = ComparisonResult(Comparison.PICKS, checked=len(candidates))
    for pick_id, source, day, is_listed, is_left_out, built_at in candidates:
        line = outbox.get(pick_id)
        if line is not None:
            if line.state == HELD and not line.reason:
                result.differences.append(_difference(pick_id, Reason.HELD_WITHOUT_REASON, source, day))
        elif is_listed:
            if planned_at is None or built_at is None or built_at > planned_at:
                result.waiting += 1
            else:
                is_lost = pick_id in published
                result.differences.append(_difference(pick_id, Reason.NOT_IN_OUTBOX, source, day, is_lost=is_lost))
        elif not is_left_out:
            result.differences.append(_difference(pick_id, Reason.NOT_ON_LIST, source, day))
    return result


def _difference(pick_id: str, reason: Reason, source: str, day: date, *, is_lost: bool = False) -> Difference:
    heal = f"order-pipeline run --source {source} --from {day} --to {day}"
    if is_lost:
        heal = "order-pipeline outbox rebuild"
    elif reason is Reason.NOT_ON_LIST:
        heal = f"order-pipeline trace {shlex.quote(pick_id.split(':')[2])}"  # source:account:order:line
    return Difference(Comparison.PICKS, pick_id, reason, source, day, heal)
