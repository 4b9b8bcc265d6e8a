"""Building core: plan, map, publish.

The days that are due are planned from one read transaction, their chunks are staged by an executor, and one transaction
publishes what came out. Bad rows go to quarantine with their reason and never stop good ones. Behind the rules stands a
last net, for records that make a model fail. Days that raw marked are built too, so a killed build is healed by the
next one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import date

from order_pipeline.warehouse.core.build_files import remove_leftovers, remove_unpublished, running_build
from order_pipeline.warehouse.core.chunk import ChunkResult
from order_pipeline.warehouse.core.last_net import LastNet
from order_pipeline.warehouse.core.plan import GroupPlan, due_groups, plan_group
from order_pipeline.warehouse.core.publish import BuiltMeanwhileError, publish
from order_pipeline.warehouse.core.result import CoreResult
from order_pipeline.warehouse.core.stage import stage_chunk
from order_pipeline.warehouse.core.staging_models import BuildSql, build_sql
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject

__all__ = ["CoreResult", "build_core"]

_ATTEMPTS = 3


def build_core(
    lake: Lake,
    source: str,
    days: Iterable[date],
    run_id: str,
    *,
    skip_unchanged: bool = False,
    project: SqlProject | None = None,
    executor: Executor | None = None,
) -> CoreResult:
    """Bring core in line with raw for the given days and for every stale day of the source.

    Args:
        lake: migrated.
        source: the channel; its models are `stg_<source>__<core table>`.
        days: partition days (UTC).
        run_id: kept in every row.
        skip_unchanged: leave out requested days that are not stale and were built by the same SQL and contracts.
        project: the SQL project; None reads the repository's.
        executor: stages the chunks; None: threads of this process, as many as the settings say.

    Raises:
        BuiltMeanwhileError: other builds of the same days kept committing between our reading and our commit.
        ContractError, SqlModelError: a defect of the SQL, or of the code where more records than the last net takes
            make it fail; the days at hand were not changed.
    """
    started = time.perf_counter()
    sql = build_sql(project or SqlProject(), source)
    remove_leftovers(lake)
    groups, skipped = due_groups(lake, sql, days, skip_unchanged=skip_unchanged)
    result = CoreResult(source, skipped_days=skipped)
    with _executor(lake, executor) as pool:
        net = LastNet(pool)
        for group in groups:
            result.add(_build_group(lake, sql, group, run_id, net))
    result.halvings = net.halvings
    result.seconds = time.perf_counter() - started
    return result


def _build_group(lake: Lake, sql: BuildSql, days: tuple[date, ...], run_id: str, net: LastNet) -> CoreResult:
    """Stage and publish the days; from newer raw rows again when another build of them committed meanwhile."""
    for attempt in range(1, _ATTEMPTS + 1):
        build_id = uuid.uuid4().hex
        try:
            with running_build(lake, build_id):
                plan = plan_group(lake, sql, days, build_id, run_id)
                published = publish(lake, plan, _stage(plan, net))
        except BuiltMeanwhileError:
            if attempt == _ATTEMPTS:
                raise
        else:
            if net.is_used:
                remove_unpublished(lake, {build_id})  # what chunks wrote before they failed
            return published
    raise AssertionError("unreachable: the last attempt returns or raises")


def _stage(plan: GroupPlan, net: LastNet) -> list[ChunkResult]:
    """Have the chunks staged. When one fails the others are waited for: nothing may write any more afterwards."""
    staged = [net.executor.submit(stage_chunk, task) for task in plan.tasks]
    results: list[ChunkResult] = []
    try:
        for task, future in zip(plan.tasks, staged, strict=True):
            try:
                results.append(future.result())
            except Exception as error:  # noqa: BLE001 - the net raises what no record can have caused
                results += net.search(task, error)
        return results
    finally:
        for future in staged:
            future.cancel()
        wait(staged)


@contextmanager
def _executor(lake: Lake, given: Executor | None) -> Generator[Executor]:
    """The given one, which stays open, or threads of our own."""
    if given:
        yield given
        return
    with ThreadPoolExecutor(lake.settings.lake.build_threads, thread_name_prefix="stage") as threads:
        yield threads
