"""Soft checks (common_schema.md section 14): counted per day and rule with a capped sample; the rows stay.

Most are SQL models `check__<rule>.sql`, run here over the build's rows and deployed as views over everything. Those
that compare with the previous load need what core held before and are written here. Does not belong here: hard checks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from order_pipeline.contracts import CORE_TABLES
from order_pipeline.warehouse.lake.scratch import Scratch
from order_pipeline.warehouse.sql.batches import run_batch
from order_pipeline.warehouse.sql.project import SqlProject

SAMPLE_SIZE = 5
ROW_DROP_SHARE = 0.30


@dataclass(frozen=True, slots=True)
class SoftWarning:
    """One soft check of a build: the exact count over all its days and a few keys to look at."""

    rule: str
    field: str
    occurrences: int
    sample: tuple[str, ...]


def find_warnings(
    connection: duckdb.DuckDBPyConnection,
    project: SqlProject,
    *,
    scratch: Scratch,
    ref: dict[str, str],
    source: str,
    seen_at: datetime,
    run_id: str,
) -> str:
    """Run the checks over the build's good rows; the relation that holds their counts, as `quarantine.warnings`.

    A check may read every core table but prices: those are being made meanwhile.

    Args:
        connection: on the lake.
        project: the SQL project; its models `check__*` are run.
        scratch: the build's scratch space.
        ref: seeds that the checks may read.
        source: the channel.
        seen_at: the build's time.
        run_id: the build's run.
    """
    names = [name for name in project.models if name.startswith("check__") and not _over_everything(project, name)]
    core = {("core", table): f"{scratch.core}.{table}" for table in CORE_TABLES if table != "prices"}
    relations = run_batch(project, connection, names, place=scratch.batch, ref=ref, source=core)
    parts = [relations[name] for name in names] + [f"{scratch.batch}.found_warnings"]
    union = " UNION ALL ".join(f"SELECT order_day, rule, field, key FROM {relation}" for relation in parts)
    relation = f"{scratch.batch}.warnings"
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE {relation} AS
        SELECT $source AS source, order_day, rule, field, count(*) AS occurrences,
            list(key ORDER BY key)[:{SAMPLE_SIZE}] AS sample, $seen_at::TIMESTAMPTZ AS seen_at, $run_id AS run_id
        FROM ({union}) GROUP BY order_day, rule, field
        """,
        {"source": source, "seen_at": seen_at, "run_id": run_id},
    )
    return relation


def _over_everything(project: SqlProject, name: str) -> bool:
    """A check that says `meta={'over': 'everything'}` needs all days: it is a view only."""
    return project.graph[name].config.get("meta", {}).get("over") == "everything"


def compare_with_previous_load(
    connection: duckdb.DuckDBPyConnection,
    *,
    scratch: Scratch,
    source: str,
    days: Collection[date],
    settled: tuple[str, ...],
) -> None:
    """Add `status_regress` and `row_drop` to `found_warnings`: needs core as it is before the replace."""
    bound = {"source": source, "days": list(days)}
    connection.execute(
        f"""
        INSERT INTO {scratch.batch}.found_warnings BY NAME
        SELECT good.order_day, 'status_regress' AS rule, 'order_status' AS field,
            good.order_number || ': ' || before.order_status || ' -> ' || good.order_status AS key
        FROM {scratch.core}.orders AS good
        INNER JOIN lake.core.orders AS before ON before.order_id = good.order_id AND before.source = $source
            AND before.order_day IN (SELECT unnest($days::DATE[]))
        WHERE good.order_status <> before.order_status AND (
            before.order_status IN (SELECT unnest($settled::VARCHAR[]))
            OR before.order_status IN ('shipped', 'partially_shipped') AND good.order_status IN ('open', 'accepted')
        )
        """,
        {**bound, "settled": list(settled)},
    )
    connection.execute(
        f"""
        INSERT INTO {scratch.batch}.found_warnings BY NAME
        WITH before AS (
            SELECT order_day, count(*) AS rows FROM lake.core.orders
            WHERE source = $source AND order_day IN (SELECT unnest($days::DATE[])) GROUP BY order_day
        ),
        now AS (SELECT order_day, count(*) AS rows FROM {scratch.core}.orders GROUP BY order_day)
        SELECT before.order_day, 'row_drop' AS rule, 'orders' AS field,
            before.rows || ' -> ' || coalesce(now.rows, 0) AS key
        FROM before LEFT JOIN now USING (order_day)
        WHERE coalesce(now.rows, 0) < (1 - {ROW_DROP_SHARE}) * before.rows
        """,
        bound,
    )


def summarise(connection: duckdb.DuckDBPyConnection, scratch: Scratch) -> tuple[SoftWarning, ...]:
    """The build's soft checks over all its days, most frequent first."""
    rows = connection.execute(
        f"SELECT rule, field, sum(occurrences)::BIGINT, flatten(list(sample))[:{SAMPLE_SIZE}]"
        f" FROM {scratch.batch}.warnings GROUP BY rule, field ORDER BY 3 DESC, rule, field"
    ).fetchall()
    return tuple(SoftWarning(rule, column, count, tuple(sample)) for rule, column, count, sample in rows)


def merged(warnings: Iterable[SoftWarning]) -> tuple[SoftWarning, ...]:
    """Warnings of several steps as one list: counts added, samples capped again."""
    together: dict[tuple[str, str], SoftWarning] = {}
    for warning in warnings:
        key = (warning.rule, warning.field)
        known = together.get(key, SoftWarning(*key, 0, ()))
        sample = (*known.sample, *warning.sample)[:SAMPLE_SIZE]
        together[key] = SoftWarning(*key, known.occurrences + warning.occurrences, sample)
    return tuple(sorted(together.values(), key=lambda warning: (-warning.occurrences, warning.rule, warning.field)))
