"""Build core: raw -> staging -> checked -> the partitions of all core tables replaced in one transaction.

A day is built from the current raw versions of its orders; bad rows go to quarantine with their reason and never stop
good ones. Days that raw marked dirty are built too, so a killed run is healed by the next one. Many days are built in
steps of whole days, each committed by itself, so that memory does not grow with the orders.
Belongs here: the order of steps. Does not belong here: SQL of a source (`dbt_style_sql`), the rules (`hard_checks`).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from order_pipeline.contracts import CORE_TABLES, contracts_fingerprint
from order_pipeline.contracts.enumerations import SETTLED_ORDER_STATUSES
from order_pipeline.warehouse.core.batches import RawResource, Step, plan_steps
from order_pipeline.warehouse.core.build_state import BuildState, BuiltMeanwhileError, read_state
from order_pipeline.warehouse.core.crew import Crew
from order_pipeline.warehouse.core.portion import Staging, staging_models
from order_pipeline.warehouse.core.portion_rows import CURRENT, find_single
from order_pipeline.warehouse.core.quarantine import RejectChanges
from order_pipeline.warehouse.core.replace import collect_unusable, replace_days
from order_pipeline.warehouse.core.soft_checks import (
    SoftWarning,
    compare_with_previous_load,
    find_warnings,
    merged,
    summarise,
)
from order_pipeline.warehouse.core.step import LINE_PRICES, StagedStep
from order_pipeline.warehouse.lake.connection import Connection, Lake, looking_in, relations
from order_pipeline.warehouse.lake.partitioned_inserts import rows_handed_on_early
from order_pipeline.warehouse.lake.scratch import Scratch, scratch_space
from order_pipeline.warehouse.sql.project import SqlProject

Found = TypeVar("Found")

_ATTEMPTS = 3

# One step is staged while the one before it is committed. More would hold more rows in memory than two processors earn.
_CREW = 2
_PORTIONS_AT_ONCE = 2
_STEPS_AHEAD = 1

# Rows that the inserts of a divided day hold back for its file; the rows of smaller steps are too few to matter.
_ROWS_HELD = 4096


@dataclass(slots=True)
class CoreResult:
    """What one build did. `rows` counts the good rows of the built days by table (append-only tables: rows added)."""

    source: str
    days: tuple[date, ...] = ()
    skipped_days: tuple[date, ...] = ()
    rows: dict[str, int] = field(default_factory=dict[str, int])
    rejected_rows: int = 0
    rejects_by_rule: dict[str, int] = field(default_factory=dict[str, int])
    quarantine: RejectChanges = field(default_factory=RejectChanges)
    warnings: tuple[SoftWarning, ...] = ()
    seconds: float = 0.0

    def add(self, step: CoreResult) -> None:
        """Add what one step did."""
        self.days += step.days
        self.rows = {name: count + step.rows.get(name, 0) for name, count in self.rows.items()}
        self.rejected_rows += step.rejected_rows
        self.rejects_by_rule = dict(Counter(self.rejects_by_rule) + Counter(step.rejects_by_rule))
        self.quarantine = self.quarantine + step.quarantine
        self.warnings = merged([*self.warnings, *step.warnings])


def build_core(
    lake: Lake,
    source: str,
    days: Iterable[date],
    run_id: str,
    *,
    skip_unchanged: bool = False,
    project: SqlProject | None = None,
    progress: Callable[[int], None] | None = None,
) -> CoreResult:
    """Bring core in line with raw for the given days and for every dirty day of the source.

    Args:
        lake: migrated.
        source: the channel; its models are `stg_<source>__<core table>`.
        days: partition days (UTC).
        run_id: kept in every row.
        skip_unchanged: leave out requested days that are clean and were built by the same SQL and contracts.
        project: the SQL project; None reads the repository's.
        progress: told the number of orders stored so far, after each commit.

    Raises:
        BuiltMeanwhileError: other builds of the same days kept committing between our reading and our commit.
        ContractError, SqlModelError: a defect of the SQL, not of the data; the step at hand changed nothing.
    """
    started = time.perf_counter()
    project = project or SqlProject()
    models = list(staging_models(project, source).values())
    fingerprint = project.fingerprint([*models, LINE_PRICES]) + contracts_fingerprint(list(CORE_TABLES.values()))
    with lake.connect(catalog="memory") as connection:
        with lake.looking(connection), looking_in(connection, "lake"):
            resources = _resources(connection, project, source, models)
            state = read_state(connection, source, days, fingerprint, skip_unchanged=skip_unchanged)
        result = CoreResult(source, skipped_days=state.skipped_days, rows=dict.fromkeys(CORE_TABLES, 0))
        with ExitStack() as spaces, Crew(lake, _CREW) as crew:
            single = crew.submit(partial(_look, lake, lambda looking: find_single(looking, resources, state.days)))
            planned = crew.submit(partial(_look, lake, lambda looking: plan_steps(looking, resources, state.days)))
            seeds = project.load_seeds(connection, spaces.enter_context(scratch_space(connection)).batch)
            staging = Staging(project, source, run_id, single.result())
            steps = planned.result()
            with _foremen(steps) as foremen:
                for done in _Build(lake, connection, staging, seeds, foremen, crew, spaces).run(steps, state):
                    result.add(done)
                    if progress:
                        progress(result.rows["orders"])
    result.seconds = time.perf_counter() - started
    return result


@dataclass(slots=True)
class _Started:
    """A step that is being staged and looked at; `spaces` closes its scratch space."""

    step: Step
    state: BuildState
    scratch: Scratch
    spaces: ExitStack
    built_at: datetime
    found: Future[CoreResult]
    committed: Future[None]


@dataclass(frozen=True, slots=True)
class _Build:
    """What all steps of one build share. The crew stages and looks at them; they are committed here, in order."""

    lake: Lake
    connection: Connection
    staging: Staging
    seeds: dict[str, str]
    foremen: Executor
    crew: Crew
    spaces: ExitStack

    def run(self, steps: Iterable[Step], state: BuildState) -> Iterator[CoreResult]:
        """Build the steps; one is staged while the one before it is committed."""
        started: deque[_Started] = deque()
        earlier: Future[None] | None = None
        for turn, step in enumerate(steps):
            started.append(self._start(step, state.only(step.days), self.staging, turn, earlier))
            earlier = started[-1].committed
            if len(started) > _STEPS_AHEAD:
                yield self._finish(started.popleft())
        while started:
            yield self._finish(started.popleft())

    def _start(
        self, step: Step, state: BuildState, staging: Staging, turn: int, earlier: Future[None] | None
    ) -> _Started:
        built_at = datetime.now(UTC)
        spaces = self.spaces.enter_context(ExitStack())
        scratch = spaces.enter_context(scratch_space(self.connection))
        staged = StagedStep(scratch, staging, self.seeds)
        staged.start(self.connection, step, self.foremen, self.crew, turn, earlier)
        warn = partial(self._warn, scratch, state, built_at)
        warned = self.crew.submit(warn, after=[staged.published], turn=turn)
        look_at = partial(self._look_at, scratch, state, warned)
        found = self.crew.submit(look_at, after=[staged.ready, warned], turn=turn)
        return _Started(step, state, scratch, spaces, built_at, found, Future())

    def _finish(self, started: _Started) -> CoreResult:
        """Commit a step; stage it again, from newer raw rows, when another build of its days committed meanwhile."""
        committed = started.committed
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with started.spaces:
                    done = self._commit(started, started.found.result())
            except BuiltMeanwhileError:
                if attempt == _ATTEMPTS:
                    raise
                days, was = started.step.days, started.state
                with self.lake.looking(self.connection), looking_in(self.connection, "lake"):
                    newer = read_state(self.connection, was.source, days, was.fingerprint).only(days)
                started = self._start(started.step, newer, self.staging.from_newer_rows(), turn=0, earlier=None)
            else:
                committed.set_result(None)
                self.lake.give_back_memory()
                return done
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _warn(
        self, scratch: Scratch, state: BuildState, built_at: datetime, connection: Connection
    ) -> tuple[SoftWarning, ...]:
        """The soft checks, beside the making of prices, which none of them reads."""
        if state.builds_seen:
            with self.lake.looking(connection):
                compare_with_previous_load(
                    connection, scratch=scratch, source=state.source, days=state.days, settled=SETTLED_ORDER_STATUSES
                )
        find_warnings(
            connection,
            self.staging.project,
            scratch=scratch,
            ref=self.seeds,
            source=state.source,
            seen_at=built_at,
            run_id=self.staging.run_id,
        )
        return summarise(connection, scratch)

    def _look_at(
        self,
        scratch: Scratch,
        state: BuildState,
        warned: Future[tuple[SoftWarning, ...]],
        connection: Connection,
    ) -> CoreResult:
        """What needs the whole step; returns what was found, with nothing stored yet."""
        if state.has_unusable:
            with self.lake.looking(connection):
                collect_unusable(connection, scratch, state)
        rejected, by_rule = _count_rejects(connection, scratch)
        return CoreResult(
            source=state.source,
            days=state.days,
            rejected_rows=rejected,
            rejects_by_rule=by_rule,
            warnings=warned.result(),
        )

    def _commit(self, step: _Started, found: CoreResult) -> CoreResult:
        def replaced(transaction: Connection) -> tuple[dict[str, int], RejectChanges]:
            is_large = step.step.is_divided_day
            with rows_handed_on_early(transaction, step.state.days, _ROWS_HELD) if is_large else nullcontext():
                return replace_days(
                    transaction,
                    scratch=step.scratch,
                    state=step.state,
                    tables=dict.fromkeys([*self.staging.models, "prices"]),
                    built_at=step.built_at,
                    run_id=self.staging.run_id,
                )

        rows, quarantine = self.lake.run(f"replace {len(found.days)} days of core, {found.source}", replaced)
        return replace(found, rows=rows, quarantine=quarantine)


@contextmanager
def _foremen(steps: Iterable[Step]) -> Generator[Executor]:
    """Threads that wait for the crew, each for one portion; what has not begun when the build fails never does.

    Where there are large days there is one: while a day is committed, a second portion takes memory and saves no time.
    """
    portions_at_once = 1 if any(step.is_divided_day for step in steps) else _PORTIONS_AT_ONCE
    pool = ThreadPoolExecutor(portions_at_once, thread_name_prefix="foreman")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _count_rejects(connection: Connection, scratch: Scratch) -> tuple[int, dict[str, int]]:
    rows = connection.execute(
        f"SELECT count(DISTINCT (table_name, key, raw_record_id)) FROM {scratch.batch}.rejects"
    ).fetchone()
    by_rule = connection.execute(
        "SELECT rule, count(DISTINCT (table_name, key, field, raw_record_id))"
        f" FROM {scratch.batch}.rejects GROUP BY rule ORDER BY rule"
    ).fetchall()
    return (int(rows[0]) if rows else 0), dict(by_rule)


def _look(lake: Lake, look: Callable[[Connection], Found], connection: Connection) -> Found:
    with lake.looking(connection):
        return look(connection)


def _resources(connection: Connection, project: SqlProject, source: str, models: list[str]) -> list[RawResource]:
    """The raw tables that the source's models read."""
    existing = relations(connection)
    names = {
        table.removeprefix(f"{source}_").removesuffix(CURRENT)
        for model in project.upstream(models)
        for schema, table in project.graph[model].sources
        if schema == "raw" and table.startswith(f"{source}_")
    }
    return [RawResource(source, name, f"raw.{source}_{name}" in existing) for name in sorted(names)]
