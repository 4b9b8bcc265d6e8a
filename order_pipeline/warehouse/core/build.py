"""Building core: plan, map, publish.

The days that are due are planned from one read transaction, their chunks are staged by an executor, and one transaction
publishes what came out. Bad rows go to quarantine with their reason and never stop good ones. Behind the rules stands a
last net, for records that make a model fail. Days that raw marked are built too, so a killed build is healed by the
next one: the newest first, and not more than a slice. A day that cannot be built stops no other.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Generator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from order_pipeline.warehouse.core.build_files import remove_leftovers, remove_unpublished, running_build
from order_pipeline.warehouse.core.chunk import ChunkResult
from order_pipeline.warehouse.core.cluster import ClusterError, cluster_executor
from order_pipeline.warehouse.core.failed_days import note_failed_day
from order_pipeline.warehouse.core.last_net import LastNet, as_value
from order_pipeline.warehouse.core.plan import GROUP_BYTES, GroupPlan, find_due_days, group_days, plan_group
from order_pipeline.warehouse.core.publish import BuiltMeanwhileError, publish
from order_pipeline.warehouse.core.result import CoreResult
from order_pipeline.warehouse.core.stage import stage_chunk
from order_pipeline.warehouse.core.staged_before import still_valid
from order_pipeline.warehouse.core.staging_models import BuildSql, build_sql
from order_pipeline.warehouse.lake.connection import Lake, LakeError
from order_pipeline.warehouse.raw.stale_partitions import stale_marks
from order_pipeline.warehouse.sql.project import SqlProject

__all__ = ["CoreResult", "build_core"]

_ATTEMPTS = 3

Progress = Callable[[int, int], None]
"""Takes how many chunks of a group are staged, and how many it has."""

MOST_FAILED_DAYS = 5
"""Failed days that a build looks for; more have one cause, and each takes several tries."""


def no_progress(_staged: int, _of: int) -> None:
    """Show nothing."""


def build_core(
    lake: Lake,
    source: str,
    days: Iterable[date],
    run_id: str,
    *,
    skip_unchanged: bool = False,
    most_owed: int | None = None,
    project: SqlProject | None = None,
    executor: Executor | None = None,
    progress: Progress = no_progress,
) -> CoreResult:
    """Bring core in line with raw for the given days, and for a slice of the other days that core owes.

    The newest days come first. What cannot be built is in the result, and is remembered (`failed_days`): it comes last
    from then on.

    Args:
        lake: migrated.
        source: the channel; its models are `stg_<source>__<core table>`.
        days: partition days (UTC).
        run_id: kept in every row.
        skip_unchanged: leave out requested days that are not stale and were built by the same SQL and contracts.
        most_owed: how many days that core owes are built besides; None: `schedule.slice_days`.
        project: the SQL project; None reads the repository's.
        executor: stages the chunks; None: the cluster of the settings, or as many threads as they say.
        progress: told how many of the chunks that are staged together are done, and of how many.

    Raises:
        LakeError: the lake cannot be opened or written.
        ClusterError: the cluster cannot be used.
        Exception: nothing at all could be built, and this was the first reason:
            BuiltMeanwhileError: other builds of the same days kept committing between our reading and our commit.
            ContractError, SqlModelError: a defect of the SQL, or of the code where more records than the last net
            takes make it fail.
            MemoryLimitError: a day needs more memory than the settings give.
    """
    started = time.perf_counter()
    sql = build_sql(project or SqlProject(), source)
    remove_leftovers(lake)
    due = find_due_days(lake, sql, days, skip_unchanged=skip_unchanged, most_owed=most_owed)
    result = CoreResult(source, skipped_days=due.skipped)
    with _executor(lake, executor) as pool:
        build = _Build(lake, sql, run_id, LastNet(pool), result, progress)
        build.bear_failures(due.groups)
        build.bear_failures(build.groups_woken(due.left))
    if build.first_error and not (result.days or result.skipped_days):
        raise build.first_error
    result.left_days = due.left
    result.halvings = build.net.halvings
    result.seconds = time.perf_counter() - started
    return result


@dataclass(slots=True)
class _Build:
    """One build: what it works with, and what came of it."""

    lake: Lake
    sql: BuildSql
    run_id: str
    net: LastNet
    result: CoreResult
    progress: Progress
    first_error: Exception | None = None

    def bear_failures(self, groups: Iterable[tuple[date, ...]]) -> None:
        """Build the groups. One that fails is built in halves, the newer first, until the days are found that fail."""
        waiting = list(reversed(list(groups)))
        while waiting and len(self.result.failed_days) < MOST_FAILED_DAYS:
            days = waiting.pop()
            try:
                self.result.add(self.build_group(days))
            except (LakeError, ClusterError):
                raise  # of no day
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be of one day
                self.first_error = self.first_error or error
                if len(days) > 1:
                    middle = len(days) // 2
                    waiting += [days[:middle], days[middle:]]
                else:
                    day = min(days)  # the only one
                    reason = self.result.failed_days[day] = as_value(error)
                    note_failed_day(self.lake, self.sql.source, day, reason, self.run_id)

    def build_group(self, days: tuple[date, ...]) -> CoreResult:
        """Stage and publish the days; from newer raw rows again when another build of them committed meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            build_id = uuid.uuid4().hex
            try:
                with running_build(self.lake, build_id):
                    plan = plan_group(self.lake, self.sql, days, build_id, self.run_id)
                    staged = stage_group(plan, self.net, self.progress)
                    published, is_whole = _publish_staged(self.lake, self.sql, plan, staged)
            except BuiltMeanwhileError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                if self.net.is_used or not is_whole:
                    # What chunks wrote before they failed, and what the other build has too.
                    remove_unpublished(self.lake, {build_id})
                return published
        raise AssertionError("unreachable: the last attempt returns or raises")

    def groups_woken(self, left: Collection[date]) -> list[tuple[date, ...]]:
        """Days that are owed since this build began: they have rows whose order came with a day built after them."""
        with self.lake.snapshot() as connection:
            owed = set(stale_marks(connection, self.sql.source)) - {*left, *self.result.failed_days}
        sizes = dict.fromkeys(sorted(owed, reverse=True)[: self.lake.settings.schedule.slice_days], 0.0)
        return [tuple(sorted(group)) for group in group_days(sizes, GROUP_BYTES)]


def _publish_staged(lake: Lake, sql: BuildSql, plan: GroupPlan, staged: list[ChunkResult]) -> tuple[CoreResult, bool]:
    """Publish; when another build of the days came first and made the same of them, once more, with the same files.

    Returns:
        What was published, and whether all staged files were.

    Raises:
        BuiltMeanwhileError: the days must be staged again.
    """
    try:
        return publish(lake, plan, staged), True
    except BuiltMeanwhileError:
        newer = plan_group(lake, sql, plan.days, plan.build_id, plan.run_id)
        valid = still_valid(staged, plan, newer)
        if valid is None:
            raise
    return publish(lake, newer, valid), False


def stage_group(plan: GroupPlan, net: LastNet, progress: Progress = no_progress) -> list[ChunkResult]:
    """Have the chunks staged. When one fails the others are waited for: nothing may write any more afterwards."""
    staged = [net.executor.submit(stage_chunk, task) for task in plan.tasks]
    results: list[ChunkResult] = []
    try:
        for number, (task, future) in enumerate(zip(plan.tasks, staged, strict=True), 1):
            try:
                results.append(future.result())
            except Exception as error:  # noqa: BLE001 - the net raises what no record can have caused
                results += net.search(task, error)
            progress(number, len(plan.tasks))
        return results
    finally:
        for future in staged:
            future.cancel()
        wait(staged)


@contextmanager
def _executor(lake: Lake, given: Executor | None) -> Generator[Executor]:
    """The given one, which stays open, or the cluster of the settings, or threads of our own."""
    if given:
        yield given
        return
    if lake.settings.cluster:
        with cluster_executor(lake.settings, lake.data_path) as cluster:
            yield cluster
        return
    with ThreadPoolExecutor(lake.settings.lake.build_threads, thread_name_prefix="stage") as threads:
        yield threads
