"""`quarantine`: rows that broke a hard check, with rule, field and value, and the soft checks' counts.

A reject is never deleted: it is opened when seen, kept up to date while it lasts, and resolved when its row passes or
is gone from the source's current version. A person may close it with a reason: it then stays closed for the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_pipeline.warehouse.core.plan import GroupPlan
from order_pipeline.warehouse.core.soft_checks import SoftWarning
from order_pipeline.warehouse.lake.bookkeeping import all_rows, delete_rows
from order_pipeline.warehouse.lake.connection import Connection, Lake
from order_pipeline.warehouse.lake.literals import date_list, quoted
from order_pipeline.warehouse.lake.rows import insert_rows

FOUND_REJECTS = (
    "source VARCHAR, table_name VARCHAR, key VARCHAR, rule VARCHAR, field VARCHAR, value VARCHAR, order_id VARCHAR,"
    " order_day DATE, raw_record_id VARCHAR, raw_sha256 VARCHAR"
)
"""Columns of what a build found; see `record_rejects`."""


@dataclass(frozen=True, slots=True)
class RejectChanges:
    """How a build changed the quarantine of its days."""

    opened: int = 0
    still_open: int = 0
    resolved: int = 0

    def __add__(self, other: RejectChanges) -> RejectChanges:
        return RejectChanges(
            self.opened + other.opened, self.still_open + other.still_open, self.resolved + other.resolved
        )


def record_rejects(transaction: Connection, plan: GroupPlan, found: str, seen_at: datetime) -> RejectChanges:
    """Bring the rejects of the built days in line with what the build found.

    Args:
        transaction: the build's.
        plan: names the days; open rejects of these days that were not found again are resolved.
        found: relation with the columns FOUND_REJECTS; rows without a day are always looked at.
        seen_at: the build's time.
    """
    identity = "source, table_name, key, rule, field, raw_record_id"
    of_these_days = f"source = {quoted(plan.source)} AND (order_day IS NULL OR order_day IN ({date_list(plan.days)}))"
    transaction.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE merged_rejects AS
        WITH known AS (SELECT * FROM {all_rows("quarantine.rejects")} WHERE {of_these_days}),
        found AS (
            SELECT {identity}, any_value(value) AS value, any_value(order_id) AS order_id,
                any_value(order_day) AS order_day, any_value(raw_sha256) AS raw_sha256
            FROM {found} GROUP BY {identity}
        )
        SELECT
            {identity},
            CASE WHEN found.source IS NOT NULL THEN found.value ELSE known.value END AS value,
            coalesce(found.order_id, known.order_id) AS order_id,
            coalesce(found.order_day, known.order_day) AS order_day,
            coalesce(found.raw_sha256, known.raw_sha256) AS raw_sha256,
            coalesce(known.first_seen_at, $seen_at) AS first_seen_at,
            CASE WHEN found.source IS NOT NULL THEN $seen_at ELSE known.last_seen_at END AS last_seen_at,
            known.closed_reason IS NOT NULL AND known.raw_sha256 = found.raw_sha256 AS stays_closed,
            CASE WHEN found.source IS NULL OR stays_closed THEN coalesce(known.resolved_at, $seen_at) END
                AS resolved_at,
            CASE WHEN found.source IS NULL OR stays_closed THEN known.closed_reason END AS closed_reason,
            CASE WHEN found.source IS NULL AND known.resolved_at IS NOT NULL THEN known.run_id ELSE $run_id END
                AS run_id,
            known.source IS NULL OR known.resolved_at IS NOT NULL AND found.source IS NOT NULL
                AND stays_closed IS NOT true AS is_opened,
            known.resolved_at IS NULL AND known.source IS NOT NULL AND found.source IS NULL AS is_healed
        FROM known FULL OUTER JOIN found USING ({identity})
        """,
        {"seen_at": seen_at, "run_id": plan.run_id},
    )
    delete_rows(transaction, "quarantine.rejects", of_these_days)
    transaction.execute(
        "INSERT INTO quarantine.rejects BY NAME"
        " SELECT * EXCLUDE (stays_closed, is_opened, is_healed) FROM merged_rejects"
    )
    opened, still_open, resolved = transaction.execute(
        "SELECT count(*) FILTER (is_opened), count(*) FILTER (resolved_at IS NULL AND NOT is_opened),"
        " count(*) FILTER (is_healed) FROM merged_rejects"
    ).fetchone() or (0, 0, 0)
    return RejectChanges(opened, still_open, resolved)


def close_rejects(lake: Lake, key: str, reason: str, source: str | None = None) -> int:
    """Close open rejects by hand; how many were. They stay closed until the same row arrives with other bytes.

    Args:
        lake: migrated.
        key: the reject's key; of bytes that could not be read the first eight digits will do.
        reason: kept with the reject.
        source: only of this channel.
    """
    condition = (
        "resolved_at IS NULL AND ($source IS NULL OR source = $source)"
        " AND (key = $key OR starts_with(table_name, 'raw.') AND length($key) >= 8 AND starts_with(key, $key))"
    )

    def close(connection: Connection) -> int:
        bound: dict[str, object] = {"key": key, "source": source}
        found = connection.execute(f"SELECT 1 FROM quarantine.rejects WHERE {condition}", bound).fetchall()
        if found:
            connection.execute(
                f"UPDATE quarantine.rejects SET resolved_at = now(), closed_reason = $reason WHERE {condition}",
                {**bound, "reason": reason},
            )
        return len(found)

    return lake.run("close rejects by hand", close)


def record_warnings(
    transaction: Connection, plan: GroupPlan, warnings: Sequence[SoftWarning], seen_at: datetime
) -> None:
    """Replace the soft checks' counts of these days."""
    of_these_days = f"source = {quoted(plan.source)} AND order_day IN ({date_list(plan.days)})"
    delete_rows(transaction, "quarantine.warnings", of_these_days)
    rows = [
        (plan.source, one.day, one.rule, one.field, one.occurrences, list(one.sample), seen_at, plan.run_id)
        for one in warnings
    ]
    insert_rows(transaction, "quarantine.warnings", rows)


def add_dead_letters(transaction: Connection, plan: GroupPlan, found: str) -> None:
    """Add received bytes that could not even be keyed to `found`, unless their record arrived readable since.

    Their key is the content's hash, and so is their record id where it is not known. The table is
    `raw.<source>_<resource>`.
    """
    transaction.execute(
        f"""
        INSERT INTO {found}
        SELECT letters.source, 'raw.' || letters.source || '_' || letters.resource, letters.content_sha256,
            letters.rule, letters.field, letters.value, NULL, letters.partition_day,
            coalesce(letters.record_id, letters.content_sha256), letters.content_sha256
        FROM {all_rows("raw.dead_letters")} AS letters
        WHERE letters.source = {quoted(plan.source)}
            AND (letters.partition_day IS NULL OR letters.partition_day IN ({date_list(plan.days)}))
            AND letters.healed_at IS NULL
        """
    )
