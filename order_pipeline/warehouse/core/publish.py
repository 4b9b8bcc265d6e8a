"""Publishing a build: one transaction takes the old rows of the days out and registers the new files.

Everything was computed before, so a transaction that conflicts with another one runs again without staging again.
DuckLake does not look into what it registers, so that is done here: a file that came twice would double its rows, and
one in the wrong directory would be read as another day's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.core.chunk import ChunkFile, ChunkResult
from order_pipeline.warehouse.core.failed_days import forget_failed_days
from order_pipeline.warehouse.core.plan import GroupPlan, builds_of
from order_pipeline.warehouse.core.quarantine import FOUND_REJECTS, add_dead_letters, record_rejects, record_warnings
from order_pipeline.warehouse.core.result import CoreResult
from order_pipeline.warehouse.core.soft_checks import SoftWarning, compare_with_previous_build, merged
from order_pipeline.warehouse.lake.bookkeeping import all_rows, delete_rows, of_source
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.footers import read_footers
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.lake.rows import insert_rows
from order_pipeline.warehouse.raw.stale_partitions import clear_marks, mark_stale
from order_pipeline.warehouse.raw.writer import take_turn

_REJECTS = "build_rejects"  # a temporary table of the transaction
_REPLACED = tuple(name for name, model in CORE_TABLES.items() if not table_contract(model).append_only)


class UnexpectedFileError(ValueError):
    """A staged file that is not what its name says, or that came twice; nothing was published."""


class BuiltMeanwhileError(RuntimeError):
    """Another build of the same days committed after this one began to read: this one's rows may be older."""


def publish(lake: Lake, plan: GroupPlan, results: Sequence[ChunkResult]) -> CoreResult:
    """Replace the days of the core tables by the staged rows.

    Raises:
        BuiltMeanwhileError: another build of one of the days committed after the plan was made; start again from the
            newer raw rows.
        UnexpectedFileError: a defect of staging.
    """
    files = [file for result in results for file in result.files]
    _verify(lake, plan, files)
    read_footers(lake, [*(file.path for file in files), *_replaced_files(lake, plan)])
    compared = _compare(lake, plan, files)

    def body(transaction: Connection) -> CoreResult:
        if builds_of(transaction, plan.source, plan.days) != plan.builds_seen:
            days = f"{plan.days[0]} to {plan.days[-1]}"
            raise BuiltMeanwhileError(f"core of {plan.source}: another run built one of the days {days} meanwhile.")
        if not lake.is_embedded:
            take_turn(transaction, plan.source)
        return _publish(transaction, plan, results, compared)

    return lake.run(f"publish {len(plan.days)} days of core, {plan.source}", body)


def _verify(lake: Lake, plan: GroupPlan, files: Sequence[ChunkFile]) -> None:
    paths = Counter(file.path for file in files)
    for file in files:
        directory = f"{lake.data_path}core/{file.table}/source={plan.source}/order_day={file.day.isoformat()}/"
        name = file.path.removeprefix(directory)
        if paths[file.path] > 1 or file.day not in plan.days or "/" in name or not name.startswith(plan.build_id):
            raise UnexpectedFileError(
                f"Build {plan.build_id} staged {file.path} as rows of core.{file.table} on {file.day}: such a file must"
                f" come once, lie in {directory} and be of a day that is built. Nothing was published."
            )


def _replaced_files(lake: Lake, plan: GroupPlan) -> list[str]:
    """The files that are deleted as a whole, of which DuckLake reads the footers all the same; none of a local lake."""
    if not (plan.builds_seen and lake.files.is_remote):
        return []
    with lake.snapshot() as connection:
        return [path for name in _REPLACED for path in _files_of_days(connection, name, plan)]


def _compare(lake: Lake, plan: GroupPlan, files: Sequence[ChunkFile]) -> list[SoftWarning]:
    """How the orders differ from those that are replaced; the transaction sees to it that they still are the same."""
    if not plan.builds_seen:
        return []
    orders = [file.path for file in files if file.table == "orders"]
    with lake.snapshot() as connection:
        return compare_with_previous_build(connection, plan.source, plan.days, orders)


def _publish(
    transaction: Connection, plan: GroupPlan, results: Sequence[ChunkResult], compared: Sequence[SoftWarning]
) -> CoreResult:
    built_at = datetime.now(UTC)
    files = [file for result in results for file in result.files]
    warnings = [*compared, *(warning for result in results for warning in result.warnings)]
    if plan.builds_seen:
        _delete_days(transaction, plan)
    _register(transaction, files)
    _collect_rejects(transaction, plan, results)
    rows = Counter[str]()
    for file in files:
        rows[file.table] += file.rows
    rows += _decide_children(transaction, results)
    changes = record_rejects(transaction, plan, _REJECTS, built_at)
    record_warnings(transaction, plan, merged(warnings), built_at)
    clear_marks(transaction, plan.marks)
    _wake_days_of_orphans(transaction, plan, built_at)
    forget_failed_days(transaction, plan.source, plan.days)
    unsettled = frozenset[date]().union(*(result.unsettled_days for result in results))
    _record_build(transaction, plan, files, built_at, unsettled)
    rejected, by_rule = _count_rejects(transaction)
    return CoreResult(
        plan.source,
        days=plan.days,
        rows=rows,
        rejected_rows=rejected,
        rejects_by_rule=by_rule,
        quarantine=changes,
        warnings=merged(warnings, over_days=True),
    )


def _delete_days(transaction: Connection, plan: GroupPlan) -> None:
    """Days are partitions, so only the catalog changes."""
    of_these_days = f"order_day IN ({date_list(plan.days)}) AND {of_source(plan.source)}"
    for name in _REPLACED:
        if _files_of_days(transaction, name, plan):  # a needless delete costs 0.4 s
            transaction.execute(f"DELETE FROM core.{name} WHERE {of_these_days}")
    of_these_builds = f"source = {quoted(plan.source)} AND order_day IN ({date_list(plan.days)})"
    delete_rows(transaction, "core.builds", of_these_builds)


def _files_of_days(connection: Connection, table: str, plan: GroupPlan) -> list[str]:
    """The table's files that lie in a directory of the days, or of which none can tell."""
    listed = connection.execute(
        "SELECT data_file FROM ducklake_list_files('lake', ?, schema => 'core')", [table]
    ).fetchall()
    directories = {f"source={plan.source}/order_day={day.isoformat()}" for day in plan.days}
    return [path for (path,) in listed if "/source=" not in path or _directory(path) in directories]


def _directory(path: str) -> str:
    """Of a path its two hive directories, `source=.../order_day=...`."""
    return "/".join(path.split("/")[-3:-1])


def _register(transaction: Connection, files: Sequence[ChunkFile]) -> None:
    for name in CORE_TABLES:
        paths = ", ".join(quoted(file.path) for file in files if file.table == name)
        if paths:
            options = "schema => 'core', allow_missing => true"
            transaction.execute(f"CALL ducklake_add_data_files('lake', {quoted(name)}, [{paths}], {options})")


def _collect_rejects(transaction: Connection, plan: GroupPlan, results: Sequence[ChunkResult]) -> None:
    """Bring together what the chunks rejected, and received bytes that could not even be keyed."""
    transaction.execute(f"CREATE OR REPLACE TEMP TABLE {_REJECTS} ({FOUND_REJECTS})")
    transaction.register("found", pa.concat_tables([result.rejects for result in results]))
    transaction.execute(f"INSERT INTO {_REJECTS} SELECT * FROM found")
    transaction.unregister("found")
    add_dead_letters(transaction, plan, _REJECTS)


def _decide_children(transaction: Connection, results: Sequence[ChunkResult]) -> Counter[str]:
    """Store children whose order another chunk or another day has, and reject orphans; rows stored by table."""
    stored = Counter[str]()
    has_order = "EXISTS (SELECT 1 FROM core.orders WHERE core.orders.order_id = undecided.order_id)"
    for name, rows in ((name, rows) for result in results for name, rows in result.undecided.items()):
        columns = ", ".join(table_contract(CORE_TABLES[name]).column_names)
        transaction.register("undecided", rows)
        inserted = transaction.execute(
            f"INSERT INTO core.{name} BY NAME SELECT {columns} FROM"
            f" (SELECT unnest(good_row) FROM undecided WHERE good_row IS NOT NULL AND {has_order})"
        ).fetchone()
        stored[name] += int(inserted[0]) if inserted else 0
        transaction.execute(f"INSERT INTO {_REJECTS} SELECT * EXCLUDE (good_row) FROM undecided WHERE NOT {has_order}")
        transaction.unregister("undecided")
    return stored


def _wake_days_of_orphans(transaction: Connection, plan: GroupPlan, built_at: datetime) -> None:
    """Mark the days of orphans whose order is in core now: the newest days are built first, so it may come later."""
    orphans = transaction.execute(
        f"SELECT order_id, order_day FROM {all_rows('quarantine.rejects')} WHERE source = ? AND rule = 'orphan'"
        f" AND resolved_at IS NULL AND order_day NOT IN ({date_list(plan.days)})",
        [plan.source],
    ).to_arrow_table()
    if not orphans.num_rows:
        return
    transaction.register("orphans", orphans)
    found = transaction.execute(
        "SELECT DISTINCT order_day FROM orphans WHERE order_id IN"
        f" (SELECT order_id FROM core.orders WHERE order_day IN ({date_list(plan.days)}) AND {of_source(plan.source)})"
    ).fetchall()
    transaction.unregister("orphans")
    mark_stale(transaction, plan.source, [day for (day,) in found], built_at, plan.run_id)


def _record_build(
    transaction: Connection,
    plan: GroupPlan,
    files: Sequence[ChunkFile],
    built_at: datetime,
    unsettled: Collection[date],
) -> None:
    """One row a built day."""
    stored = Counter[tuple[str, object]]()
    for file in files:
        stored[file.table, file.day] += file.rows
    rejects = dict(transaction.execute(f"SELECT order_day, count(*) FROM {_REJECTS} GROUP BY order_day").fetchall())
    rows = [
        (
            *(plan.source, day, plan.build_id, plan.fingerprint),
            *(stored["orders", day], stored["order_lines", day], rejects.get(day, 0)),
            *(built_at, plan.run_id, day not in unsettled),
        )
        for day in plan.days
    ]
    insert_rows(transaction, "core.builds", rows)


def _count_rejects(transaction: Connection) -> tuple[int, Counter[str]]:
    rows = transaction.execute(f"SELECT count(DISTINCT (table_name, key, raw_record_id)) FROM {_REJECTS}").fetchone()
    by_rule = transaction.execute(
        "SELECT rule, count(DISTINCT (table_name, key, field, raw_record_id))"
        f" FROM {_REJECTS} GROUP BY rule ORDER BY rule"
    )
    return (int(rows[0]) if rows else 0), Counter(dict(by_rule.fetchall()))
