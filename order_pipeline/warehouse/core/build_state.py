"""What a build starts from: the days that are due, their stale marks, and the builds it must not overwrite.

Two builds of one day may read raw at different moments; the later reader must win. Each build therefore remembers the
build that it saw for every day, and its transaction stops when another one has committed since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb

from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.raw.stale_partitions import StalePartition, clear_stale, stale_partitions

BUILDS = """
CREATE TABLE IF NOT EXISTS core.builds (
    source VARCHAR NOT NULL, order_day DATE NOT NULL, build_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    orders BIGINT NOT NULL, order_lines BIGINT NOT NULL, rejects BIGINT NOT NULL, built_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
)"""


class BuiltMeanwhileError(RuntimeError):
    """Another build of the same days committed after this one began to read: this one's rows may be older."""


@dataclass(frozen=True, slots=True)
class BuildState:
    """The days to build, the stale marks that building them answers, and each day's build as it was.

    Attributes:
        rejects_seen: those of the days that had rejects in the quarantine; None stands for rejects without a day.
        has_dead_letters: whether the source has dead letters; one that comes later is for the next build.
    """

    source: str
    fingerprint: str
    days: tuple[date, ...]
    skipped_days: tuple[date, ...]
    stale: tuple[StalePartition, ...]
    builds_seen: Mapping[date, str]
    rejects_seen: frozenset[date | None]
    has_dead_letters: bool

    def only(self, days: Collection[date]) -> BuildState:
        """The same for some of the days."""
        return replace(
            self,
            days=tuple(day for day in self.days if day in days),
            stale=tuple(mark for mark in self.stale if mark.day in days),
            builds_seen={day: build for day, build in self.builds_seen.items() if day in days},
            rejects_seen=self.rejects_seen & {*days, None},
        )


def read_state(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    requested: Iterable[date],
    fingerprint: str,
    *,
    skip_unchanged: bool = False,
) -> BuildState:
    """Read it before any raw row: what arrives later leaves marks that this build does not remove."""
    marks = tuple(stale_partitions(connection, source))
    stale = {mark.day for mark in marks}
    wanted = set(requested) | stale
    built = connection.execute(
        "SELECT order_day, build_id, fingerprint FROM core.builds WHERE source = ?"
        " AND order_day IN (SELECT unnest(?::DATE[]))",
        [source, sorted(wanted)],
    ).fetchall()
    rejected = connection.execute("SELECT DISTINCT order_day FROM quarantine.rejects WHERE source = ?", [source])
    rejects_seen = frozenset(day for (day,) in rejected.fetchall())
    dead_letter = connection.execute("SELECT 1 FROM raw.dead_letters WHERE source = ? LIMIT 1", [source]).fetchone()
    unchanged = {day for day, _, built_by in built if built_by == fingerprint and day not in stale}
    skipped = unchanged if skip_unchanged else set[date]()
    days = wanted - skipped
    return BuildState(
        source=source,
        fingerprint=fingerprint,
        days=tuple(sorted(days)),
        skipped_days=tuple(sorted(skipped)),
        stale=marks,
        builds_seen={day: build for day, build, _ in built if day in days},
        rejects_seen=rejects_seen & {*days, None},
        has_dead_letters=dead_letter is not None,
    )


def stop_if_built_meanwhile(transaction: duckdb.DuckDBPyConnection, state: BuildState) -> None:
    """Compare the days' builds with those seen at the start.

    Raises:
        BuiltMeanwhileError: another build committed in between; start again from the newer raw rows.
    """
    now = transaction.execute(
        "SELECT build_id FROM core.builds WHERE source = ? AND order_day IN (SELECT unnest(?::DATE[]))",
        [state.source, list(state.days)],
    ).fetchall()
    if {row[0] for row in now} != set(state.builds_seen.values()):
        raise BuiltMeanwhileError(
            f"core of {state.source}: another run built one of the days {state.days[0]} to {state.days[-1]} meanwhile."
        )


def record_build(
    transaction: duckdb.DuckDBPyConnection,
    state: BuildState,
    build_id: str,
    counts: Mapping[str, Mapping[date, int]],
    *,
    built_at: datetime,
    run_id: str,
) -> None:
    """Remove the answered stale marks and write one row a built day.

    `counts` has, for `orders`, `order_lines` and `rejects`, the rows of each day.
    """
    clear_stale(transaction, state.stale)
    if state.builds_seen:
        transaction.execute(
            "DELETE FROM core.builds WHERE source = ? AND order_day IN (SELECT unnest(?::DATE[]))",
            [state.source, list(state.days)],
        )
    counted = [[counts[name].get(day, 0) for name in ("orders", "order_lines", "rejects")] for day in state.days]
    insert_rows(
        transaction,
        "core.builds",
        [
            (state.source, day, build_id, state.fingerprint, *of_day, built_at, run_id)
            for day, of_day in zip(state.days, counted, strict=True)
        ],
    )
