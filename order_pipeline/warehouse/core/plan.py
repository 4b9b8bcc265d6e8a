"""The plan of a build: which days are due, and how their raw rows are divided into chunks.

A chunk is bounded in payload bytes and in days; a day larger than a chunk goes in shares. Days are grouped by what one
transaction publishes, so that a long build keeps what it has done. Of the days that core owes besides the requested
ones a build takes a slice, so that a backlog never holds today. Everything that staging a group needs is read in one
read transaction: what arrives later leaves marks for the next build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import NamedTuple

from order_pipeline.warehouse.core.chunk import ChunkTask
from order_pipeline.warehouse.core.failed_days import read_failed_days
from order_pipeline.warehouse.core.observations import known_observations
from order_pipeline.warehouse.core.raw_rows import RawFile, Share, find_raw_files, find_raw_rows
from order_pipeline.warehouse.core.staging_models import BuildSql
from order_pipeline.warehouse.lake.bookkeeping import all_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.raw.stale_partitions import stale_marks

GROUP_BYTES = 640_000_000
"""Payload bytes of the days that are published together."""

MOST_DAYS = 31
"""Days of a chunk and of a group: a file that is being written takes memory, and each day of each table has its own."""


class BuildOfDay(NamedTuple):
    """A committed build of a day: its id, and the fingerprint of what it ran."""

    build_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Days that are published together.

    Attributes:
        build_id: with it begins the name of every file of the build.
        marks: the stale marks that building these days answers.
        builds_seen: the days' last builds when raw was read; none of another may be overwritten.
        tasks: they stage the days.
    """

    source: str
    fingerprint: str
    run_id: str
    build_id: str
    days: tuple[date, ...]
    marks: tuple[str, ...]
    builds_seen: Mapping[date, BuildOfDay]
    tasks: tuple[ChunkTask, ...]


@dataclass(frozen=True, slots=True)
class DueDays:
    """What a build does.

    Attributes:
        groups: days that are published together: the newest first; days that failed before alone and last.
        skipped: requested days with nothing to do.
        left: days that core owes and that are left to later builds.
    """

    groups: tuple[tuple[date, ...], ...]
    skipped: tuple[date, ...]
    left: tuple[date, ...]


def find_due_days(
    lake: Lake, sql: BuildSql, requested: Iterable[date], *, skip_unchanged: bool, most_owed: int | None = None
) -> DueDays:
    """The requested days, and a slice of the others that core owes."""
    with lake.snapshot() as connection:
        stale = set(stale_marks(connection, sql.source))
        failed = [each.day for each in read_failed_days(connection, sql.source)]
        asked = set(requested)
        most = lake.settings.schedule.slice_days if most_owed is None else most_owed
        taken, left = slice_of(stale - asked, failed, most)
        built = connection.execute(
            f"SELECT order_day FROM {all_rows('core.builds')} WHERE source = ? AND fingerprint = ?",
            [sql.source, sql.fingerprint],
        ).fetchall()
        skipped = asked & {day for (day,) in built} - stale if skip_unchanged else set[date]()
        due = sorted(asked - skipped, reverse=True)
        files = find_raw_files(connection, sql.source, sql.resources, {*due, *taken})
    sizes = payload_sizes([*due, *taken], files)
    groups = [
        tuple(sorted(group))
        for days in (due, taken)
        for group in group_days({day: sizes[day] for day in days if day not in failed}, GROUP_BYTES)
    ]
    alone = [(day,) for day in (*due, *taken) if day in failed]
    return DueDays((*groups, *alone), tuple(sorted(skipped)), tuple(sorted(left)))


def slice_of(owed: Collection[date], failed: Sequence[date], most: int) -> tuple[list[date], list[date]]:
    """At most so many of the owed days, the newest first and those that failed last; and the rest.

    `failed` are in the order of their last attempt, the earliest first, so that each has its turn.
    """
    ordered = sorted(set(owed) - set(failed), reverse=True) + [day for day in failed if day in owed]
    return ordered[:most], ordered[most:]


def plan_group(lake: Lake, sql: BuildSql, days: tuple[date, ...], build_id: str, run_id: str) -> GroupPlan:
    """Read what staging these days needs, and divide it. Tasks for a cluster hold no key and no directory of ours."""
    settings, is_elsewhere = lake.settings.lake, bool(lake.settings.cluster)
    with lake.snapshot() as connection:
        marks = stale_marks(connection, sql.source)
        seen = builds_of(connection, sql.source, days)
        files = find_raw_files(connection, sql.source, sql.resources, days)
        raw = find_raw_rows(connection, sql.source, files, days)
        known = known_observations(connection, sql.source, days)
    tasks = tuple(
        ChunkTask(
            sql=sql,
            name=f"{build_id}-{number}",
            run_id=run_id,
            days=chunk_days,
            share=share,
            raw=raw,
            known_observations=known,
            data_path=lake.data_path,
            lake_files=lake.files.without_key() if is_elsewhere else lake.files,
            spill_parent=None if is_elsewhere else lake.settings.data_dir.resolve() / "tmp",
            memory_limit=settings.build_memory_limit,
        )
        for number, (chunk_days, share) in enumerate(divide(payload_sizes(days, files), settings.build_chunk_bytes))
    )
    answered = tuple(mark for day in days for mark in marks.get(day, ()))
    return GroupPlan(sql.source, sql.fingerprint, run_id, build_id, days, answered, seen, tasks)


def builds_of(connection: Connection, source: str, days: Sequence[date]) -> dict[date, BuildOfDay]:
    """The last builds of those of the days that have been built."""
    found = connection.execute(
        f"SELECT order_day, build_id, fingerprint FROM {all_rows('core.builds')}"
        " WHERE source = ? AND order_day IN (SELECT unnest(?::DATE[]))",
        [source, list(days)],
    )
    return {day: BuildOfDay(build_id, fingerprint) for day, build_id, fingerprint in found.fetchall()}


def group_days(sizes: Mapping[date, float], most_bytes: float) -> list[tuple[date, ...]]:
    """Divide days, in their order, into groups of at most `MOST_DAYS` days and, save for single days, `most_bytes`."""
    groups: list[list[date]] = []
    filled = 0.0
    for day in sizes:
        if not groups or filled + sizes[day] > most_bytes or len(groups[-1]) == MOST_DAYS:
            groups.append([])
            filled = 0.0
        groups[-1].append(day)
        filled += sizes[day]
    return [tuple(group) for group in groups]


def divide(sizes: Mapping[date, float], chunk_bytes: float) -> list[tuple[tuple[date, ...], Share | None]]:
    """Divide the days of a group into chunks: whole days, or shares of one day."""
    chunks: list[tuple[tuple[date, ...], Share | None]] = []
    for days in group_days(sizes, chunk_bytes):
        count = ceil(sum(sizes[day] for day in days) / chunk_bytes)
        chunks += [(days, Share(number, count)) for number in range(count)] if count > 1 else [(days, None)]
    return chunks


def payload_sizes(days: Sequence[date], files: Mapping[str, Sequence[RawFile]]) -> dict[date, float]:
    """Estimated payload bytes of each day, in their order; those of a file that holds several are divided among all."""
    sizes = dict.fromkeys(days, 0.0)
    for file in (file for found in files.values() for file in found):
        for day in [file.day] if file.day else sizes:
            sizes[day] += file.payload_bytes / (1 if file.day else len(sizes))
    return sizes
