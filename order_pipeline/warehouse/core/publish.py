"""Publishing a build: one transaction takes the old rows of the days out and registers the new files.

Everything was computed before, so a transaction that conflicts with another one runs again without staging again.
DuckLake does not look into what it registers, so that is done here: a file that came twice would double its rows, and
one in the wrong directory would be read as another day's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.warehouse.core.build_state import BuildState, record_build, stop_if_built_meanwhile
from order_pipeline.warehouse.core.chunk import ChunkFile, ChunkResult
from order_pipeline.warehouse.core.plan import GroupPlan
from order_pipeline.warehouse.core.quarantine import FOUND_REJECTS, add_dead_letters, record_rejects, record_warnings
from order_pipeline.warehouse.core.result import CoreResult
from order_pipeline.warehouse.core.soft_checks import compare_with_previous_build, merged_by_day, summarised
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.raw.writer import take_turn

_REJECTS = "build_rejects"  # a temporary table of the transaction


class UnexpectedFileError(ValueError):
    """A staged file that is not what its name says, or that came twice; nothing was published."""


def publish(
    lake: Lake, plan: GroupPlan, results: Sequence[ChunkResult], *, built_at: datetime, run_id: str
) -> CoreResult:
    """Replace the days of the core tables by the staged rows.

    Raises:
        BuiltMeanwhileError: another build of one of the days committed after the plan was made.
        UnexpectedFileError: a defect of staging.
    """
    _verify(lake, plan, [file for result in results for file in result.files])

    def body(transaction: duckdb.DuckDBPyConnection) -> CoreResult:
        stop_if_built_meanwhile(transaction, plan.state)
        if not lake.is_embedded:
            take_turn(transaction, plan.state.source)
        return _publish(transaction, plan, results, built_at, run_id)

    return lake.run(f"publish {len(plan.state.days)} days of core, {plan.state.source}", body)


def _verify(lake: Lake, plan: GroupPlan, files: Sequence[ChunkFile]) -> None:
    paths = Counter(file.path for file in files)
    for file in files:
        directory = f"{lake.data_path}core/{file.table}/source={plan.state.source}/order_day={file.day.isoformat()}/"
        name = file.path.removeprefix(directory)
        if paths[file.path] > 1 or file.day not in plan.state.days or "/" in name or not name.startswith(plan.build_id):
            raise UnexpectedFileError(
                f"Build {plan.build_id} staged {file.path} as rows of core.{file.table} on {file.day}: such a file must"
                f" come once, lie in {directory} and be of a day that is built. Nothing was published."
            )


def _publish(
    transaction: duckdb.DuckDBPyConnection,
    plan: GroupPlan,
    results: Sequence[ChunkResult],
    built_at: datetime,
    run_id: str,
) -> CoreResult:
    state, files = plan.state, [file for result in results for file in result.files]
    warnings = [warning for result in results for warning in result.warnings]
    if state.builds_seen:
        orders = [file.path for file in files if file.table == "orders"]
        warnings += compare_with_previous_build(transaction, state.source, state.days, orders)
        _delete_days(transaction, state, plan.tasks[0].sql.staged)
    _register(transaction, files)
    _collect_rejects(transaction, state, results)
    added = _decide_children(transaction, results)
    rows = {name: sum(file.rows for file in files if file.table == name) + added.get(name, 0) for name in CORE_TABLES}
    changes = record_rejects(
        transaction,
        source=state.source,
        days=state.days,
        found=_REJECTS,
        seen_at=built_at,
        run_id=run_id,
        any_known=bool(state.rejects_seen),
    )
    by_day = merged_by_day(warnings)
    record_warnings(
        transaction,
        source=state.source,
        days=state.days,
        warnings=by_day,
        seen_at=built_at,
        run_id=run_id,
        any_known=bool(state.builds_seen),
    )
    record_build(
        transaction, state, plan.build_id, _counts_by_day(transaction, files), built_at=built_at, run_id=run_id
    )
    rejected, by_rule = _count_rejects(transaction)
    transaction.execute(f"DROP TABLE {_REJECTS}")
    return CoreResult(
        state.source,
        days=state.days,
        rows=rows,
        rejected_rows=rejected,
        rejects_by_rule=by_rule,
        quarantine=changes,
        warnings=summarised(by_day),
    )


def _delete_days(transaction: duckdb.DuckDBPyConnection, state: BuildState, tables: Collection[str]) -> None:
    """Days are partitions, so only the catalog changes."""
    of_these_days = f"source = {quoted(state.source)} AND order_day IN ({date_list(state.days)})"
    for name in tables:
        if not table_contract(CORE_TABLES[name]).append_only:
            transaction.execute(f"DELETE FROM core.{name} WHERE {of_these_days}")


def _register(transaction: duckdb.DuckDBPyConnection, files: Sequence[ChunkFile]) -> None:
    for name in CORE_TABLES:
        paths = ", ".join(quoted(file.path) for file in files if file.table == name)
        if paths:
            options = "schema => 'core', allow_missing => true"
            transaction.execute(f"CALL ducklake_add_data_files('lake', {quoted(name)}, [{paths}], {options})")


def _collect_rejects(transaction: duckdb.DuckDBPyConnection, state: BuildState, results: Sequence[ChunkResult]) -> None:
    """Bring together what the chunks rejected, and received bytes that could not even be keyed."""
    found = pa.concat_tables([result.rejects for result in results])
    transaction.register("found", found)
    transaction.execute(f"CREATE OR REPLACE TEMP TABLE {_REJECTS} ({FOUND_REJECTS})")
    transaction.execute(f"INSERT INTO {_REJECTS} SELECT * FROM found")
    transaction.unregister("found")
    if state.has_dead_letters:
        add_dead_letters(transaction, _REJECTS, state.source, state.days)


def _decide_children(transaction: duckdb.DuckDBPyConnection, results: Sequence[ChunkResult]) -> dict[str, int]:
    """Store children whose order another chunk or another day has, and reject orphans; rows stored by table."""
    stored: dict[str, int] = {}
    for name, rows in ((name, rows) for result in results for name, rows in result.undecided.items()):
        columns = ", ".join(table_contract(CORE_TABLES[name]).column_names)
        has_order = "EXISTS (SELECT 1 FROM core.orders WHERE core.orders.order_id = undecided.order_id)"
        transaction.register("undecided", rows)
        inserted = transaction.execute(
            f"INSERT INTO core.{name} BY NAME SELECT {columns} FROM"
            f" (SELECT unnest(good_row) FROM undecided WHERE good_row IS NOT NULL AND {has_order})"
        ).fetchone()
        stored[name] = stored.get(name, 0) + (int(inserted[0]) if inserted else 0)
        transaction.execute(f"INSERT INTO {_REJECTS} SELECT * EXCLUDE (good_row) FROM undecided WHERE NOT {has_order}")
        transaction.unregister("undecided")
    return stored


def _count_rejects(transaction: duckdb.DuckDBPyConnection) -> tuple[int, dict[str, int]]:
    rows = transaction.execute(f"SELECT count(DISTINCT (table_name, key, raw_record_id)) FROM {_REJECTS}").fetchone()
    by_rule = transaction.execute(
        "SELECT rule, count(DISTINCT (table_name, key, field, raw_record_id))"
        f" FROM {_REJECTS} GROUP BY rule ORDER BY rule"
    ).fetchall()
    return (int(rows[0]) if rows else 0), dict(by_rule)


def _counts_by_day(transaction: duckdb.DuckDBPyConnection, files: Sequence[ChunkFile]) -> dict[str, dict[date, int]]:
    counts: dict[str, dict[date, int]] = {"orders": {}, "order_lines": {}}
    for file in files:
        if file.table in counts:
            counts[file.table][file.day] = counts[file.table].get(file.day, 0) + file.rows
    rejects = transaction.execute(f"SELECT order_day, count(*) FROM {_REJECTS} GROUP BY order_day").fetchall()
    return {**counts, "rejects": dict(rejects)}
