"""Soft checks (docs/apis/common_schema.md section 14): counted per day and rule with a few keys; the rows stay.

Most are SQL models `check__<rule>.sql`: run over a chunk's good rows here, and deployed as views over everything. Those
that compare with the previous build need what core held before, so they run when a build is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from order_pipeline.contracts.enumerations import SETTLED_ORDER_STATUSES
from order_pipeline.warehouse.lake.bookkeeping import of_source
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.sql.project import Rendered
from order_pipeline.warehouse.sql.slice import run_models

SAMPLE_SIZE = 5
ROW_DROP_SHARE = 0.30


@dataclass(frozen=True, slots=True)
class SoftWarning:
    """One soft check on one day, or on all (None): the exact count and the first few keys to look at."""

    day: date | None
    rule: str
    field: str
    occurrences: int
    sample: tuple[str | None, ...]


def find_warnings(connection: duckdb.DuckDBPyConnection, checks: Sequence[Rendered]) -> list[SoftWarning]:
    """Run the checks over the good rows of a chunk, which its database has as `core.<table>`."""
    run_models(connection, checks, kept=[check.relation for check in checks])
    return _counted(
        connection,
        " UNION ALL ".join(f"SELECT order_day, rule, field, key FROM {check.relation}" for check in checks),
    )


def compare_with_previous_build(
    connection: duckdb.DuckDBPyConnection, source: str, days: Sequence[date], files: Sequence[str]
) -> list[SoftWarning]:
    """Settled orders that moved, and days that lost many orders; asked before the old rows are deleted.

    Args:
        connection: in a read transaction of the lake.
        source: the channel.
        days: the days that are replaced.
        files: the new rows of `orders`.
    """
    before = f"SELECT * FROM core.orders WHERE order_day IN ({date_list(days)}) AND {of_source(source)}"
    paths = ", ".join(map(quoted, files))
    now = f"SELECT * FROM {f'read_parquet([{paths}], hive_partitioning = false)' if files else 'core.orders LIMIT 0'}"
    settled = ", ".join(map(quoted, SETTLED_ORDER_STATUSES))
    moved = f"""
        SELECT now.order_day, 'status_regress' AS rule, 'order_status' AS field,
            now.order_number || ': ' || before.order_status || ' -> ' || now.order_status AS key
        FROM ({now}) AS now INNER JOIN ({before}) AS before ON before.order_id = now.order_id
        WHERE now.order_status <> before.order_status AND (
            before.order_status IN ({settled})
            OR before.order_status IN ('shipped', 'partially_shipped') AND now.order_status IN ('open', 'accepted')
        )"""
    dropped = f"""
        SELECT before.order_day, 'row_drop' AS rule, 'orders' AS field,
            before.rows || ' -> ' || coalesce(now.rows, 0) AS key
        FROM (SELECT order_day, count(*) AS rows FROM ({before}) GROUP BY order_day) AS before
        LEFT JOIN (SELECT order_day, count(*) AS rows FROM ({now}) GROUP BY order_day) AS now USING (order_day)
        WHERE coalesce(now.rows, 0) < (1 - {ROW_DROP_SHARE}) * before.rows"""
    return _counted(connection, f"{moved} UNION ALL {dropped}")


def merged(warnings: Iterable[SoftWarning], *, over_days: bool = False) -> tuple[SoftWarning, ...]:
    """One for each day, rule and field, or for each rule and field over all days; most frequent first."""
    together: dict[tuple[date | None, str, str], SoftWarning] = {}
    for warning in warnings:
        key = (None if over_days else warning.day, warning.rule, warning.field)
        known = together.get(key, SoftWarning(*key, 0, ()))
        sample = sorted((*known.sample, *warning.sample), key=lambda one: (one is None, one))[:SAMPLE_SIZE]
        together[key] = SoftWarning(*key, known.occurrences + warning.occurrences, tuple(sample))
    return tuple(sorted(together.values(), key=lambda warning: (-warning.occurrences, warning.rule, warning.field)))


def _counted(connection: duckdb.DuckDBPyConnection, found: str) -> list[SoftWarning]:
    counted = connection.execute(
        f"SELECT order_day, rule, field, count(*), list(key ORDER BY key)[:{SAMPLE_SIZE}]"
        f" FROM ({found}) GROUP BY order_day, rule, field"
    ).fetchall()
    return [SoftWarning(day, rule, field, count, tuple(sample)) for day, rule, field, count, sample in counted]
