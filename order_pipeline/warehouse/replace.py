"""The build's one transaction: partitions replaced, observations added, quarantine and marks brought in line.

Everything was computed before, in the scratch space; here rows only move. Does not belong here: any rule about rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import duckdb

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.build_state import BuildState, record_build, stop_if_built_meanwhile
from order_pipeline.warehouse.quarantine import RejectChanges, record_rejects, record_warnings
from order_pipeline.warehouse.scratch import Scratch

# Columns that say where a row came from, not what was observed: the same observation read again differs only in these.
_ORIGIN_OF_ROW = ("order_day", "raw_record_id", "raw_sha256", "fetched_at", "run_id")


def replace_partitions(
    transaction: duckdb.DuckDBPyConnection, scratch: Scratch, state: BuildState, *, built_at: datetime, run_id: str
) -> tuple[dict[str, int], RejectChanges]:
    """Replace the days of all core tables by the scratch rows; rows written by table, and the quarantine's changes.

    Raises:
        BuiltMeanwhileError: see `build_state`.
    """
    stop_if_built_meanwhile(transaction, state)
    written: dict[str, int] = {}
    for name, model in CORE_TABLES.items():
        contract = table_contract(model)
        if contract.append_only:
            written[name] = _add_observations(transaction, scratch, contract, state)
        else:
            written[name] = _replace(transaction, scratch, name, state)
    changes = record_rejects(
        transaction,
        source=state.source,
        days=state.days,
        found=f"{scratch.batch}.rejects",
        seen_at=built_at,
        run_id=run_id,
    )
    record_warnings(transaction, source=state.source, days=state.days, found=f"{scratch.batch}.warnings")
    counted = {"orders": f"{scratch.core}.orders", "order_lines": f"{scratch.core}.order_lines"}
    counted |= {"rejects": f"{scratch.batch}.rejects", "days": f"{scratch.batch}.days"}
    record_build(transaction, state, counted, built_at=built_at, run_id=run_id)
    return written, changes


def collect_unusable(
    connection: duckdb.DuckDBPyConnection, scratch: Scratch, source: str, days: Sequence[date]
) -> None:
    """Add received bytes that could not even be keyed to the build's rejects, unless a later complete fetch lacks them.

    Their key and record id are the content's hash, the table is `raw.<source>_<resource>`.
    """
    connection.execute(
        f"""
        INSERT INTO {scratch.batch}.rejects
        SELECT unusable.source, 'raw.' || unusable.source || '_' || unusable.resource, unusable.content_sha256,
            unusable.rule, unusable.field, unusable.value, NULL, unusable.partition_day,
            unusable.content_sha256, unusable.content_sha256
        FROM raw.unusable AS unusable
        WHERE unusable.source = ?
            AND (unusable.partition_day IS NULL OR unusable.partition_day IN (SELECT unnest(?::DATE[])))
            AND NOT EXISTS (
                SELECT 1 FROM raw.fetches AS later
                WHERE later.source = unusable.source AND later.resource = unusable.resource AND later.complete
                    AND later.fetched_at > unusable.last_fetched_at
                    AND (unusable.partition_day IS NULL
                        OR unusable.partition_day >= later.window_start AND unusable.partition_day < later.window_end)
            )
        """,
        [source, list(days)],
    )


def _replace(transaction: duckdb.DuckDBPyConnection, scratch: Scratch, name: str, state: BuildState) -> int:
    of_these_days = "source = ? AND order_day IN (SELECT unnest(?::DATE[]))"
    bound = [state.source, list(state.days)]
    if _count(transaction, f"SELECT count(*) FROM (SELECT 1 FROM core.{name} WHERE {of_these_days} LIMIT 1)", bound):
        transaction.execute(f"DELETE FROM core.{name} WHERE {of_these_days}", bound)
    rows = _count(transaction, f"SELECT count(*) FROM {scratch.core}.{name}", [])
    if rows:
        transaction.execute(f"INSERT INTO core.{name} BY NAME SELECT * FROM {scratch.core}.{name}")
    return rows


def _add_observations(
    transaction: duckdb.DuckDBPyConnection, scratch: Scratch, contract: TableContract, state: BuildState
) -> int:
    """Insert what was not observed before, once per distinct content: a re-read that changes nothing adds nothing."""
    name, new = contract.name, f"{scratch.core}.{contract.name}"
    content = ", ".join(column for column in contract.column_names if column not in _ORIGIN_OF_ROW)
    if not _count(transaction, f"SELECT count(*) FROM {new}", []):
        return 0
    rows = transaction.execute(
        f"""
        INSERT INTO core.{name} BY NAME
        WITH distinct_new AS (
            SELECT *, hash({content}) AS content_hash FROM {new}
            QUALIFY row_number() OVER (PARTITION BY hash({content}) ORDER BY raw_record_id) = 1
        )
        SELECT * EXCLUDE (content_hash) FROM distinct_new
        WHERE content_hash NOT IN (
            SELECT hash({content}) FROM core.{name}
            WHERE source = ? AND order_day IN (SELECT unnest(?::DATE[]))
        )
        """,
        [state.source, list(state.days)],
    ).fetchone()
    return int(rows[0]) if rows else 0


def _count(transaction: duckdb.DuckDBPyConnection, sql: str, parameters: list[object]) -> int:
    row = transaction.execute(sql, parameters).fetchone()
    return int(row[0]) if row else 0
