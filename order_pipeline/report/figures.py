"""The figures of the report: what each asks, of which mart, and how it is drawn. One snapshot of the lake for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from order_pipeline.warehouse.lake.connection import Connection, relations, snapshot_id

QUERIES = Path(__file__).parent / "queries"
_MART = re.compile(r"\bmarts\.(\w+)")


class Drawing(StrEnum):
    """How the rows are drawn; a table stands beside every drawing."""

    BARS = "bars"
    COLUMNS = "columns"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: a query of `queries/`, and what people read above it.

    Attributes:
        name: the query's file without `.sql`.
        title: its heading.
        about: what is counted, and what is not.
        drawing: how it is drawn.
        category: the columns along the axis; several make one label.
        series: the column that divides them; "": they are not divided.
        value: the column that is drawn.
        nothing: what is said when there is no row.
    """

    name: str
    title: str
    about: str
    drawing: Drawing = Drawing.NONE
    category: tuple[str, ...] = ()
    series: str = ""
    value: str = ""
    nothing: str = "Nothing."

    @property
    def sql(self) -> str:
        """The text of the query."""
        return (QUERIES / f"{self.name}.sql").read_text(encoding="utf-8")

    @property
    def marts(self) -> tuple[str, ...]:
        """The marts that the query reads."""
        return tuple(sorted({f"marts.{name}" for name in _MART.findall(self.sql)}))


@dataclass(frozen=True, slots=True)
class Answered:
    """A figure and its rows. `is_missing`: a mart of it is not deployed."""

    figure: Figure
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one snapshot. `at` is aware."""

    at: datetime
    snapshot: int
    figures: tuple[Answered, ...]


FIGURES: tuple[Figure, ...] = (
    Figure(
        name="doubts",
        title="In doubt",
        about="Picks that were sent without an answer: perhaps on the floor. Each needs a look at the ScanOrders "
        "screen (order-pipeline outbox resolve, or the desk). At most 20 are listed, the oldest first.",
        nothing="No pick is in doubt.",
    ),
    Figure(
        name="backlog_by_age",
        title="Backlog by age",
        about="Open orders by their age since they were ordered, and by what they wait for. Test orders do not count.",
        drawing=Drawing.BARS,
        category=("age",),
        series="waits_for",
        value="orders",
        nothing="No order is open.",
    ),
    Figure(
        name="holds_by_reason",
        title="Held, by reason",
        about="Orders that should be picked and may not yet.",
        drawing=Drawing.BARS,
        category=("reason",),
        series="channel",
        value="orders",
        nothing="Nothing is held.",
    ),
    Figure(
        name="orders_by_day",
        title="Orders by day and channel",
        about="Orders of the newest 14 order days (UTC), as the channels date them.",
        drawing=Drawing.COLUMNS,
        category=("order_day",),
        series="channel",
        value="orders",
        nothing="No order has been received.",
    ),
    Figure(
        name="cycle_times",
        title="Cycle times",
        about="Of the orders of the newest 30 order days. Half of them took at most the median; nine of ten at most "
        "the slow figure. A time that no channel stated counts from when it was first seen.",
        drawing=Drawing.BARS,
        category=("channel",),
        value="median_minutes_to_sent",
        nothing="No order has been received.",
    ),
    Figure(
        name="margin",
        title="Margin",
        about="By channel and currency, of the orders whose parts are all known; an order with an unknown fee or cost "
        "counts in orders alone. Amounts are without tax, in the row's currency, never summed across currencies.",
        drawing=Drawing.BARS,
        category=("channel", "currency"),
        value="before_goods_percent",
        nothing="No order has been received.",
    ),
    Figure(
        name="channel_health",
        title="Health of the channels",
        about="How long ago each channel was last proved to be read to its end, by its slowest reading; and windows "
        "that are not proved complete.",
        drawing=Drawing.BARS,
        category=("channel",),
        value="lag_minutes",
        nothing="No channel has been read.",
    ),
    Figure(
        name="called_off",
        title="Called off while on the floor",
        about="Lines of the newest 30 days of sending whose order changed, or was called off, after they were sent.",
        nothing="Nothing has been sent.",
    ),
    Figure(
        name="data_quality",
        title="Data quality",
        about="Rows in quarantine, soft checks, windows that are not proved complete, orders with nothing to pick.",
        drawing=Drawing.BARS,
        category=("reason",),
        series="kind",
        value="findings",
        nothing="Nothing wants a person's eye.",
    ),
)


def read_report(connection: Connection, at: datetime, figures: Sequence[Figure] = FIGURES) -> Report:
    """Ask the marts.

    Args:
        connection: to the lake, inside a transaction: all figures are of one snapshot.
        at: now, aware.
        figures: which ones.

    Raises:
        duckdb.Error: a view does not run, or memory does not suffice.
    """
    deployed = relations(connection)
    snapshot = snapshot_id(connection)
    held = _hold_what_is_read_again(connection, [each for each in figures if deployed.issuperset(each.marts)])
    answers = tuple(_answer(connection, figure, deployed, held) for figure in figures)
    for relation in held.values():
        connection.execute(f"DROP TABLE {relation}")
    return Report(at, snapshot, answers)


def _hold_what_is_read_again(connection: Connection, figures: Sequence[Figure]) -> dict[str, str]:
    """Marts that the figures name more than once, as temporary tables by name: a mart is a view, and dear."""
    named = Counter(name for figure in figures for name in _MART.findall(figure.sql))
    held = {name: f"temp.report_{name}" for name, times in named.items() if times > 1}
    for name, relation in held.items():
        connection.execute(f"CREATE TEMP TABLE {relation.removeprefix('temp.')} AS SELECT * FROM marts.{name}")
    return held


def _answer(connection: Connection, figure: Figure, deployed: set[str], held: Mapping[str, str]) -> Answered:
    if not deployed.issuperset(figure.marts):
        return Answered(figure, is_missing=True)
    rows = connection.execute(_MART.sub(lambda mart: held.get(mart[1], mart[0]), figure.sql))
    columns = tuple(column[0] for column in rows.description or ())
    return Answered(figure, columns, tuple(rows.fetchall()))
