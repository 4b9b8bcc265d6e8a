"""The build's one transaction: partitions replaced, observations added, quarantine and marks brought in line.

Everything was computed before, in the scratch space; here rows only move. Does not belong here: any rule about rows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import duckdb

from order_pipeline.contracts import CORE_TABLES, TableContract, table_contract
from order_pipeline.warehouse.core.build_state import BuildState, record_build, stop_if_built_meanwhile
from order_pipeline.warehouse.core.quarantine import RejectChanges, record_rejects, record_warnings
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.lake.partitions import replace_partitions
from order_pipeline.warehouse.lake.scratch import Scratch

# Columns that say where a row came from, not what was observed: the same observation read again differs only in these.
_ORIGIN_OF_ROW = ("order_day", "raw_record_id", "raw_sha256", "fetched_at", "run_id")


def replace_days(
    transaction: duckdb.DuckDBPyConnection,
    scratch: Scratch,
    state: BuildState,
    tables: Collection[str],
    *,
    built_at: datetime,
    run_id: str,
) -> tuple[dict[str, int], RejectChanges]:
    """Replace the days of the core tables by the scratch rows; rows written by table, and the quarantine's changes.

    Raises:
        BuiltMeanwhileError: see `build_state`.
    """
    stop_if_built_meanwhile(transaction, state)
    written: dict[str, int] = {}
    for name in tables:
        contract, new = table_contract(CORE_TABLES[name]), f"{scratch.core}.{name}"
        if contract.append_only:
            written[name] = _add_observations(transaction, new, contract, state)
        elif state.builds_seen:
            written[name] = replace_partitions(transaction, f"core.{name}", state.source, state.days, new).inserted
        else:
            written[name] = _insert(transaction, f"core.{name}", new)
    changes = record_rejects(
        transaction,
        source=state.source,
        days=state.days,
        found=f"{scratch.batch}.rejects",
        seen_at=built_at,
        run_id=run_id,
        any_known=bool(state.rejects_seen),
    )
    record_warnings(
        transaction,
        source=state.source,
        days=state.days,
        found=f"{scratch.batch}.warnings",
        any_known=bool(state.builds_seen),
    )
    counted = {"orders": f"{scratch.core}.orders", "order_lines": f"{scratch.core}.order_lines"}
    counted |= {"rejects": f"{scratch.batch}.rejects", "days": f"{scratch.batch}.days"}
    record_build(transaction, state, counted, built_at=built_at, run_id=run_id)
    return written, changes


def collect_unusable(connection: duckdb.DuckDBPyConnection, scratch: Scratch, state: BuildState) -> None:
    """Add received bytes that could not even be keyed to the build's rejects, unless a later complete fetch lacks them.

    Their key and record id are the content's hash, the table is `raw.<source>_<resource>`.
    """
    if not state.has_unusable:
        return
    connection.execute(
        f"""
        INSERT INTO {scratch.batch}.rejects
        SELECT unusable.source, 'raw.' || unusable.source || '_' || unusable.resource, unusable.content_sha256,
            unusable.rule, unusable.field, unusable.value, NULL, unusable.partition_day,
            unusable.content_sha256, unusable.content_sha256
        FROM lake.raw.dead_letters AS unusable
        WHERE unusable.source = ?
            AND (unusable.partition_day IS NULL OR unusable.partition_day IN (SELECT unnest(?::DATE[])))
            AND NOT EXISTS (
                SELECT 1 FROM lake.raw.fetches AS later
                WHERE later.source = unusable.source AND later.resource = unusable.resource AND later.complete
                    AND later.fetched_at > unusable.last_fetched_at AND later.run_id <> unusable.last_run_id
                    AND (unusable.partition_day IS NULL
                        OR unusable.partition_day >= later.window_start AND unusable.partition_day < later.window_end)
            )
        """,
        [state.source, list(state.days)],
    )


def _insert(transaction: duckdb.DuckDBPyConnection, table: str, new: str) -> int:
    """Days that were never built hold no rows: there is nothing to delete."""
    inserted = transaction.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {new}").fetchone()
    return int(inserted[0]) if inserted else 0


def _add_observations(
    transaction: duckdb.DuckDBPyConnection, new: str, contract: TableContract, state: BuildState
) -> int:
    """Insert what was not observed before, once per distinct content: a re-read that changes nothing adds nothing."""
    content = ", ".join(column for column in contract.column_names if column not in _ORIGIN_OF_ROW)
    known = (
        f"SELECT hash({content}) FROM core.{contract.name}"
        f" WHERE source = {quoted(state.source)} AND order_day IN ({date_list(state.days)})"
    )
    added = transaction.execute(
        f"INSERT INTO core.{contract.name} BY NAME SELECT * FROM {new} AS new"
        + (f" WHERE hash({content}) NOT IN ({known})" if state.builds_seen else "")
        + _first_of_equal(transaction, new, content)
    ).fetchone()
    return int(added[0]) if added else 0


def _first_of_equal(transaction: duckdb.DuckDBPyConnection, new: str, content: str) -> str:
    """The clause that keeps one of several equal observations; empty when there are none, as sorting them is dear."""
    counts = transaction.execute(f"SELECT count(*), count(DISTINCT hash({content})) FROM {new}").fetchone()
    if counts and counts[0] == counts[1]:
        return ""
    return f" QUALIFY row_number() OVER (PARTITION BY hash({content}) ORDER BY raw_record_id) = 1"
