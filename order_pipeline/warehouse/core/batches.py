"""How a build is divided: the days' raw rows in bounded portions, and portions in steps that commit together.

A portion is whole days, or a share of one big day in which records of one id stay together. A step is whole days.
Does not belong here: how a portion's rows are read (see `portion_rows`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise
from math import ceil

import duckdb

from order_pipeline.warehouse.lake.literals import date_list

PORTION_BYTES = 100_000_000
"""Payload bytes a portion aims at: parsed and typed they take about as much again, under the lake's memory limit.

A portion costs 0.3 seconds of processor time, however few rows it has: planning, checks and its commit.
"""

_SAMPLED = 10_000  # ids of a day that is divided: its shares then differ by some percent in size


@dataclass(frozen=True, slots=True)
class Portion:
    """Whole days, or of one day the records with ids from `first` on and below `end` (None: no bound).

    Parsed beside portions of another lane only.
    """

    days: tuple[date, ...]
    first: str | None = None
    end: str | None = None
    lane: int = 0

    @property
    def is_share(self) -> bool:
        """Whether it is less than its day."""
        return self.first is not None or self.end is not None


@dataclass(frozen=True, slots=True)
class Step:
    """Portions that are committed together: all rows of their days."""

    portions: tuple[Portion, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """The step's days, in order."""
        return tuple(sorted({day for portion in self.portions for day in portion.days}))

    @property
    def is_divided_day(self) -> bool:
        """Whether it is one day that is larger than a portion."""
        return any(portion.is_share for portion in self.portions)


@dataclass(frozen=True, slots=True)
class RawResource:
    """A raw table that a source's models read.

    Attributes:
        exists: whether a fetch has created it yet.
        single_as_of: a snapshot in which no record of the build has a second version; None: some have, or may have.
    """

    source: str
    name: str
    exists: bool
    single_as_of: int | None = None

    @property
    def table(self) -> str:
        """The qualified name of its table in the lake."""
        return f"lake.raw.{self.source}_{self.name}"


def plan_steps(
    connection: duckdb.DuckDBPyConnection,
    resources: Collection[RawResource],
    days: Sequence[date],
    *,
    portion_bytes: int = PORTION_BYTES,
) -> list[Step]:
    """Divide the days: small ones share a portion, a day larger than a portion is a step of several.

    The first step's days are two portions where that pays: parsed side by side, for before them there is nothing to do.

    Args:
        connection: on the lake.
        resources: what the source's models read.
        days: the days to build.
        portion_bytes: aim of a portion; sizes are estimated from row counts and a sample of each table.
    """
    steps: list[Step] = []
    together: list[date] = []
    together_size = 0.0
    sizes = _sizes(connection, resources, days)
    for day, size in sizes.items():
        if together and together_size + size > portion_bytes:
            steps.append(Step((Portion(tuple(together)),)))
            together, together_size = [], 0.0
        if size > portion_bytes:
            ids = _sampled_ids(connection, resources, day)
            steps.append(Step(_shares(day, ids, ceil(size / portion_bytes))))
        else:
            together.append(day)
            together_size += size
    if together:
        steps.append(Step((Portion(tuple(together)),)))
    return [_in_halves(steps[0], sizes, portion_bytes), *steps[1:]] if steps else []


def _in_halves(step: Step, sizes: Mapping[date, float], portion_bytes: int) -> Step:
    """A step of several days as two portions, unless parsing the smaller one takes less than another portion costs."""
    days = step.days
    if len(days) == 1:
        return step
    ends = list(accumulate(sizes[day] for day in days))
    middle = min(range(1, len(days)), key=lambda end: abs(ends[end - 1] - ends[-1] / 2))
    if min(ends[middle - 1], ends[-1] - ends[middle - 1]) < portion_bytes / 4:
        return step
    return Step((Portion(days[:middle]), Portion(days[middle:], lane=1)))


def _shares(day: date, ids: Sequence[str], count: int) -> tuple[Portion, ...]:
    """The day in about `count` shares of about as many records, as far as a sorted sample of their ids tells.

    Records that were received together mostly have ids that lie together: a range of them is read without the rest.
    """
    bounds = sorted({ids[len(ids) * number // count] for number in range(1, count)})
    return tuple(Portion((day,), first, end) for first, end in pairwise([None, *bounds, None]))


def _sampled_ids(connection: duckdb.DuckDBPyConnection, resources: Collection[RawResource], day: date) -> list[str]:
    ids = " UNION ALL ".join(
        f"SELECT record_id FROM {resource.table} WHERE partition_day = DATE '{day.isoformat()}'"
        for resource in resources
        if resource.exists
    )
    sampled = connection.execute(
        f"SELECT record_id FROM (SELECT record_id FROM ({ids}) USING SAMPLE reservoir({_SAMPLED} ROWS))"
        " ORDER BY record_id"
    ).fetchall()
    return [record_id for (record_id,) in sampled]


def _sizes(
    connection: duckdb.DuckDBPyConnection, resources: Collection[RawResource], days: Sequence[date]
) -> dict[date, float]:
    sizes = dict.fromkeys(sorted(days), 0.0)
    for resource in resources:
        if not resource.exists:
            continue
        sampled = connection.execute(
            f"SELECT avg(strlen(payload)) FROM (SELECT payload FROM {resource.table} LIMIT 200)"
        ).fetchone()
        average = float(sampled[0] or 0) if sampled else 0.0
        counted = connection.execute(
            f"SELECT partition_day, count(*) FROM {resource.table}"
            f" WHERE partition_day IN ({date_list(days)}) GROUP BY partition_day"
        ).fetchall()
        for day, rows in counted:
            sizes[day] += rows * average
    return sizes
