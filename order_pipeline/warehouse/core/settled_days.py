"""Which built days are settled, found out anew for all days: after the rule changed, and every night.

A build notes it for the days that it builds (`marts.unsettled_days`, docs/decisions/0059), so as a rule nothing is
news here. A day of before counts as open until somebody looks at it, and a settled one is never built again. Looking
every night is the net beneath the notes: a day that was taken for settled by mistake would hide its picks.
"""

from __future__ import annotations

from dataclasses import dataclass

from order_pipeline.warehouse.core.staging_models import UNSETTLED_DAYS
from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake, relations

_FOUND = f"""
CREATE OR REPLACE TEMP TABLE found_days AS
SELECT
    rowid AS row,
    is_settled AS noted,
    (source, order_day) NOT IN (SELECT (source, order_day) FROM marts.{UNSETTLED_DAYS}) AS found
FROM (SELECT rowid, source, order_day, is_settled FROM core.builds OFFSET 0)
"""
_COUNT = "SELECT count(*), count(*) FILTER (noted) FROM found_days WHERE noted IS DISTINCT FROM found"


@dataclass(frozen=True, slots=True)
class Judged:
    """What looking at all days changed: days noted otherwise than before, and those of them that counted as settled."""

    changed: int = 0
    opened: int = 0


def judge_days(lake: Lake) -> Judged:
    """Note for every built day whether it is settled; what of it was news. Nothing while the view is not deployed."""
    with lake.snapshot() as connection:
        if f"marts.{UNSETTLED_DAYS}" not in relations(connection) or not _news(connection).changed:
            return Judged()
    return lake.run("note which days are settled", _judge)


def _news(connection: Connection) -> Judged:
    row = connection.execute(f"SELECT count(*) FROM {all_rows('core.builds')}").fetchone()
    if not row or not row[0]:
        return Judged()
    connection.execute(_FOUND)
    return Judged(*(connection.execute(_COUNT).fetchone() or (0, 0)))


def _judge(transaction: Connection) -> Judged:
    news = _news(transaction)
    for value in ("true", "false"):
        rows = f"SELECT row FROM found_days WHERE noted IS DISTINCT FROM found AND found = {value}"
        transaction.execute(f"UPDATE core.builds SET is_settled = {value} WHERE rowid IN ({rows})")
    return news
