"""Stages days again from raw, as a build of core does, into a directory of its own. Nothing is published."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from order_pipeline.warehouse.core.build import stage_group
from order_pipeline.warehouse.core.chunk import ChunkResult
from order_pipeline.warehouse.core.last_net import LastNet
from order_pipeline.warehouse.core.plan import MOST_DAYS, plan_group
from order_pipeline.warehouse.core.staging_models import build_sql
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.raw.tables import resource_tables
from order_pipeline.warehouse.sql.project import SqlProject

RUN_ID = "replay"

Progress = Callable[[str, int], None]
"""Told what is being done, and how many days are done."""


@dataclass(frozen=True, slots=True)
class StagedDays:
    """What staging the days of a channel gave.

    Attributes:
        source: the channel.
        days: those that were staged, in order.
        results: of every chunk; their files lie in the directory of the replay.
    """

    source: str
    days: tuple[date, ...]
    results: Sequence[ChunkResult] = field(repr=False)


def stored_days(lake: Lake, source: str) -> list[date]:
    """Every day of which raw has a record of the channel, or core a build; the oldest first."""
    with lake.snapshot() as connection:
        parts = [f"SELECT partition_day FROM {table}" for table in resource_tables(connection, source)]
        parts.append("SELECT order_day FROM core.builds WHERE source = $source")
        found = connection.execute(
            f"SELECT DISTINCT partition_day FROM ({' UNION ALL '.join(parts)}) ORDER BY ALL", {"source": source}
        ).fetchall()
    return [day for (day,) in found]


def stage_days(
    lake: Lake, project: SqlProject, source: str, days: Collection[date], directory: Path, *, progress: Progress
) -> StagedDays:
    """Stage the days by the project's SQL and the contracts of this code.

    Args:
        lake: only read.
        project: the SQL.
        source: the channel.
        days: partition days (UTC).
        directory: the files of staged rows go below it.
        progress: told after every slice of days.

    Raises:
        SqlModelError, ContractError: a defect of the SQL, as in a build.
    """
    sql = build_sql(project, source)
    results: list[ChunkResult] = []
    ordered = sorted(days, reverse=True)
    with ThreadPoolExecutor(lake.settings.lake.build_threads, thread_name_prefix="replay") as threads:
        net = LastNet(threads)
        for done, some in _slices(ordered):
            progress(f"{source}: staging {some[-1]} to {some[0]}", done)
            plan = plan_group(lake, sql, tuple(sorted(some)), uuid.uuid4().hex, RUN_ID)
            tasks = tuple(replace(task, data_path=f"{directory}/") for task in plan.tasks)
            results += stage_group(replace(plan, tasks=tasks), net)
    return StagedDays(source, tuple(sorted(days)), results)


def _slices(days: Sequence[date]) -> Iterator[tuple[int, Sequence[date]]]:
    for start in range(0, len(days), MOST_DAYS):
        yield start, days[start : start + MOST_DAYS]
