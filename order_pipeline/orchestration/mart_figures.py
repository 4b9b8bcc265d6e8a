"""What the marts hold, for their pages in the UI: how many rows, how they divide, and a few rows without personal data.

Pages are read by people who need no names and addresses: the value of a column that may hold some leaves the database
as `***` (`privacy/shown_columns.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from order_pipeline.contracts import LONGEST_VALUE, MASK
from order_pipeline.privacy.shown_columns import is_open
from order_pipeline.warehouse.lake.catalog import Connection
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.sql.project import SqlProject

MOST_ROWS = 5
MOST_PARTS = 30
MOST_DAYS = 14

MARTS = "marts"
DIVIDED_BY = {
    "backlog": "stage",
    "channel_health": "source",
    "drift": "kind",
    "exceptions": "kind",
    "invoice_differences": "kind",
    "order_cycle_time": "shipped_basis",
    "order_status": "order_status",
    "orders_without_picks": "reason",
    "pick_lines": "hold_reason",
    "picks_elsewhere": "source",
    "returns": "order_status",
    "shipment_tracking": "shipment_status",
    "stock_and_price_changes": "fact",
}
"""Mart -> the column that its rows are counted by. None of them is personal: its values become labels."""
BY_DAY = "daily_orders"
NEWEST_BY = ("order_day", "sent_on")
NEWEST_DAYS = "newest days"
"""A mart whose config says `shown` so is counted over the last `MOST_DAYS` order days that core has: it has a row for
every order there ever was, and each of them costs a look into raw or at its neighbours."""
FEW = "few"
"""A mart whose config says `rows` so is run once, and counted in memory: planning it costs more than its rows."""


@dataclass(frozen=True, slots=True)
class MartFigures:
    """What one mart holds.

    Attributes:
        rows: all of them, or those since `since`.
        parts: rows by value of the column in `DIVIDED_BY`, the largest first; empty for a mart that is not there.
        columns: the sample's, in the mart's order.
        sample: up to `MOST_ROWS` of the newest rows; `***` for what may be personal.
        by_day: day -> channel -> orders, of the last days that have any; only of `BY_DAY`.
        since: the first order day that was counted; None: all were.
    """

    rows: int
    parts: Mapping[str, int]
    columns: tuple[str, ...]
    sample: tuple[tuple[Any, ...], ...]
    by_day: Mapping[date, Mapping[str, int]]
    since: date | None = None


def read_marts(lake: Lake, project: SqlProject, names: Collection[str]) -> dict[str, MartFigures]:
    """The figures of these marts, as far as they are deployed, all of one snapshot.

    Raises:
        duckdb.Error: a view does not run, or memory does not suffice.
        LakeError: see `Lake.snapshot`.
    """
    with lake.snapshot() as connection:
        deployed = relations(connection)
        known = [
            name
            for name in project.upstream(names)
            if all(project.models[read].relation in deployed for read in project.upstream([name]))
        ]
        held = _hold_what_several_read(connection, project, known, names)
        newest = _first_of_newest_days(connection)
        return {
            name: _figures(
                connection,
                name,
                held.get(name) or f"({project.render(name, ref=held).sql})",
                newest if project.graph[name].config.get("meta", {}).get("shown") == NEWEST_DAYS else None,
            )
            for name in known
            if name in names
        }


def _hold_what_several_read(
    connection: Connection, project: SqlProject, known: Sequence[str], names: Collection[str]
) -> dict[str, str]:
    """Marts that are run more than once, and those of few rows, as temporary tables by name: planning takes most."""
    uses = Counter(read for name in known for read in set(project.graph[name].refs))
    uses.update(name for name in names if name in uses)
    held: dict[str, str] = {}
    for name in known:
        is_small = project.graph[name].config.get("meta", {}).get("rows") == FEW
        if (uses[name] > 1 or is_small) and project.models[name].schema == MARTS:
            held[name] = _hold(connection, name, project.render(name, ref=held).sql)
    return held


def _hold(connection: Connection, name: str, sql: str) -> str:
    connection.execute(f"CREATE TEMP TABLE held_{name} AS {sql}")
    return f"temp.held_{name}"


def _first_of_newest_days(connection: Connection) -> date | None:
    """The first of the last `MOST_DAYS` days up to the newest one with orders; None while there is none."""
    row = connection.execute("SELECT max(order_day) FILTER (orders > 0) FROM core.builds").fetchone()
    return row[0] - timedelta(days=MOST_DAYS - 1) if row and row[0] else None


def _figures(connection: Connection, name: str, relation: str, since: date | None) -> MartFigures:
    if since is not None:
        newest = f"SELECT * FROM {relation} AS mart WHERE order_day >= DATE {quoted(since.isoformat())}"
        relation = _hold(connection, f"newest_{name}", newest)
    column = DIVIDED_BY.get(name)
    parts: dict[str, int] = {}
    if column:
        counted = connection.execute(
            f"SELECT coalesce({column}, 'none'), count(*) FROM {relation} AS mart GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        parts = dict(counted[:MOST_PARTS])
        total = sum(rows for _, rows in counted)
    else:
        (total,) = connection.execute(f"SELECT count(*) FROM {relation} AS mart").fetchone() or (0,)
    columns, sample = _sample(connection, relation)
    by_day = _by_day(connection, relation) if name == BY_DAY else {}
    return MartFigures(total, parts, columns, sample, by_day, since)


def _sample(connection: Connection, relation: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation} AS mart").fetchall()
    types = {name: kind for name, kind, *_ in described}
    shown = ", ".join(_shown(name, kind) for name, kind in types.items())
    newest = next((f"{column} DESC NULLS LAST, " for column in NEWEST_BY if column in types), "")
    rows = connection.execute(
        f"SELECT {shown} FROM {relation} AS mart ORDER BY {newest}{next(iter(types))} LIMIT {MOST_ROWS}"
    ).fetchall()
    return tuple(types), tuple(rows)


def _shown(column: str, kind: str) -> str:
    """The column as SQL: its value, or the mask where there is one."""
    if not is_open(column, kind):
        return f"CASE WHEN {column} IS NOT NULL THEN '{MASK}' END AS {column}"
    return f"left({column}, {LONGEST_VALUE}) AS {column}" if kind == "VARCHAR" else column


def _by_day(connection: Connection, relation: str) -> dict[date, dict[str, int]]:
    counted = connection.execute(
        f"SELECT order_day, source, sum(orders)::BIGINT FROM {relation} AS mart GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    days: dict[date, dict[str, int]] = {}
    for day, source, orders in counted:
        days.setdefault(day, {})[source] = orders
    return {day: days[day] for day in sorted(days)[-MOST_DAYS:]}
