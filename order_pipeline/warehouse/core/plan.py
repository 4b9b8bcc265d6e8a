"""The plan of a build: which days are due, and how their raw rows are divided into chunks.

A chunk is bounded in payload bytes and in days; a day larger than a chunk goes in shares. Days are grouped by what one
transaction publishes, so that a long build keeps what it has done. Everything that staging a group needs is read in one
read transaction: what arrives later leaves marks for the next build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from order_pipeline.warehouse.core.build_state import BuildState, read_state
from order_pipeline.warehouse.core.chunk import ChunkTask
from order_pipeline.warehouse.core.observations import known_observations
from order_pipeline.warehouse.core.raw_rows import RawFile, Share, find_raw_files, find_raw_rows
from order_pipeline.warehouse.core.staging_models import BuildSql
from order_pipeline.warehouse.lake.connection import Lake

GROUP_BYTES = 640_000_000
"""Payload bytes of the days that are published together."""

MOST_DAYS = 31
"""Days of a chunk and of a group: a file that is being written takes memory, and each day of each table has its own."""


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Days that are published together: what was read of them, and the tasks that stage them."""

    build_id: str
    state: BuildState
    tasks: tuple[ChunkTask, ...]
    has_copies: bool


@dataclass(frozen=True, slots=True)
class Build:
    """What is the same for all days of one build."""

    lake: Lake
    source: str
    run_id: str
    fingerprint: str
    resources: tuple[str, ...]
    sql: BuildSql

    def due_days(self, days: Iterable[date], *, skip_unchanged: bool) -> tuple[BuildState, list[tuple[date, ...]]]:
        """The days that are due, and the groups in which they are built."""
        with self.lake.snapshot() as connection:
            state = read_state(connection, self.source, days, self.fingerprint, skip_unchanged=skip_unchanged)
            files = find_raw_files(connection, self.source, self.resources, state.days)
        return state, group_days(payload_sizes(state.days, files), GROUP_BYTES)

    def plan_group(self, days: Sequence[date], build_id: str) -> GroupPlan:
        """Read what staging these days needs, and divide it."""
        copies = f"{self.lake.data_path}core/{build_id}"
        with self.lake.snapshot() as connection:
            state = read_state(connection, self.source, days, self.fingerprint).only(days)
            files = find_raw_files(connection, self.source, self.resources, days, copies)
            raw = find_raw_rows(connection, self.source, files, days)
            known = known_observations(connection, self.source, state.builds_seen) if state.builds_seen else {}
        settings = self.lake.settings.lake
        tasks = tuple(
            ChunkTask(
                build_id=build_id,
                number=number,
                source=self.source,
                run_id=self.run_id,
                days=chunk_days,
                share=share,
                raw=raw,
                sql=self.sql,
                known_observations=known,
                data_path=self.lake.data_path,
                spill_parent=self.lake.settings.data_dir.resolve() / "tmp",
                memory_limit=settings.build_memory_limit,
            )
            for number, (chunk_days, share) in enumerate(divide(payload_sizes(days, files), settings.build_chunk_bytes))
        )
        has_copies = any(file.path.startswith(copies) for found in files.values() for file in found)
        return GroupPlan(build_id, state, tasks, has_copies)


def group_days(sizes: Mapping[date, float], most_bytes: float) -> list[tuple[date, ...]]:
    """Divide days, in order, into groups of at most `MOST_DAYS` days and, save for single days, `most_bytes`."""
    groups: list[list[date]] = []
    filled = 0.0
    for day in sorted(sizes):
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
    """Estimated payload bytes of each day; those of a file that holds several are divided among all."""
    sizes = dict.fromkeys(sorted(days), 0.0)
    for file in (file for found in files.values() for file in found):
        for day in [file.day] if file.day else sizes:
            sizes[day] += file.payload_bytes / (1 if file.day else len(sizes))
    return sizes
