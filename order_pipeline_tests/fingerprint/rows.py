"""What a data directory holds, table by table, as canonical text of its rows: the same data gives the same text.

A row's text is a JSON list of its columns' values as text, columns by name. Belongs here: which tables, which columns
are left out and why. Does not belong here: hashes and comparing (`fingerprints`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from order_pipeline_tests.fingerprint.seams import LEDGER

SCHEMAS = ("core", "quarantine", "marts", "raw")
OPERATIONS_TABLES = ("pick_outbox", "pick_events", "pick_tasks")
LEDGER_TABLE = "scanorders.ledger"
NOT_DATA = {"core.installation"}
"""Tables that say whose lake it is."""
FOLLOWS = {"core.builds.is_settled", "marts.open_days", "marts.pick_findings", "marts.unsettled_days"}
"""What helps marts to read less. It follows from core, and what comes of it is in the marts that are hashed."""

# Of the run, not of the data. Only whether the column is NULL counts: that a pick was sent, that a reject is resolved.
OF_THE_RUN = {
    "run_id": "names the run",
    "first_run_id": "names the run",
    "last_run_id": "names the run",
    "fetched_at": "when the run read",
    "first_fetched_at": "when the run read",
    "last_fetched_at": "when the run read",
    "current_since": "when the run read",
    "first_seen_at": "when the run built",
    "last_seen_at": "when the run built",
    "resolved_at": "when the run built",
    "seen_at": "when the run built",
    "built_at": "when the run built",
    "upgraded_at": "when the store was made or upgraded",
    "marked_at": "when the run wrote",
    "planned_at": "when the run planned",
    "sent_at": "when the run sent",
    "opened_at": "when the run planned",
    "closed_at": "when a person acted",
    "at": "when the run acted (pick_events)",
    "scanorders_read_at": "when the run read back",
    "core.pick_status.updated_at": "when the run planned or sent; core.orders.updated_at is the channel's and counts",
    "ops.pick_outbox.updated_at": "when the run planned or sent",
    "marts.exceptions.since": "when the run built or read",
    "marts.completeness.as_of": "when the run read",
    "marts.day_certificates.as_of": "when the run read",
    "unproved_since": "when the run read",
    "last_noted_at": "when the run built or read",
    "surprises": "of webhooks of one second the one that is stored last is chance",
    "missed_share_at_most": "follows from the surprises",
    "example": "of one of the objects, any",
    "marts.order_margin.cost_as_of": "when the run asked for prices",
    "marts.backlog.since": "when the run planned, sent or built",
    **dict.fromkeys(("age_hours", "waiting_hours", "lag_minutes"), "counts to now"),
    **dict.fromkeys(("last_tried_at", "last_proved_at"), "when the run read"),
    **dict.fromkeys(("first_sent_at", "last_sent_at", "picked_seen_at", "minutes_to_sent"), "when the run sent"),
    **{f"{status}_first_seen_at": "when the run read" for status in ("accepted", "shipped", "delivered", "cancelled")},
    **dict.fromkeys(("return_first_seen_at", "minutes_to_first_seen", "minutes_to_shipped"), "when the run read"),
    **dict.fromkeys(("days_to_shipped", "days_to_delivered"), "when the run read, where the channel states no time"),
    "marts.stock_and_price_changes.change_id": "hashes the time when the run asked for prices",
    "marts.stock_and_price_changes.next_change_seen_at": "when the run asked for prices and stock",
    "mark_id": "a random name",
    "build_id": "a random name",
    "core.builds.fingerprint": "a hash of the SQL's and the contracts' text, which a rewrite changes on purpose",
    "sequence": "the place in the order of arrival, and answers of concurrent calls arrive in any order",
    "snapshot_id": "counts the lake's commits",
    "fence": "counts lease holders",
    "event_id": "the database's numbering",
    "task_id": "the database's numbering",
    "fulfilment_id": "the fake ScanOrders' numbering, in the order of arrival",
    "reply": "holds the fake ScanOrders' numbering",
}

OF_A_RUN = "of the run"

# What is hashed instead of a column, where only some of its values are of the run.
INSTEAD = {
    # Prices and stock are asked as they are now, so their time is the time of reading; an order line's price has its
    # order's time.
    "core.prices.as_of": "CASE WHEN as_of = fetched_at THEN 'when fetched' ELSE as_of::VARCHAR END",
    "core.availability.as_of": "CASE WHEN as_of = fetched_at THEN 'when fetched' ELSE as_of::VARCHAR END",
    # Two webhooks of one order and one second are stored in the order of arrival, which is chance. The re-read counts
    # whether the one that came last says what the API says now.
    "raw.fetches.note": "CASE WHEN note LIKE 're-read: %' THEN 're-read: its counts' ELSE note END",
}

# A channel that answers for the moment (ScanSource's prices and stock) is filed under the day on which it was asked:
# the day is in its records' ids and in its window. These texts stand in for it and for the next one, in every column
# but PAYLOAD, which holds the channel's own bytes.
RUN_DAY, DAY_AFTER = "<day of the run>", "<day after the run>"
PAYLOAD = "payload"


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every table and view that counts, `<schema>.<name>`; those of the operations store are `ops.<name>`."""
    listed = ", ".join(f"'{schema}'" for schema in SCHEMAS)
    found = connection.execute(
        "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_columns()"
        f" WHERE database_name = 'lake' AND schema_name IN ({listed})"
    ).fetchall()
    operations = connection.execute(
        "SELECT DISTINCT 'ops.' || table_name FROM duckdb_columns() WHERE database_name = 'ops'"
    ).fetchall()
    wanted = {f"ops.{name}" for name in OPERATIONS_TABLES}
    return sorted(({name for (name,) in found} - NOT_DATA - FOLLOWS) | ({name for (name,) in operations} & wanted))


def column_names(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The table's columns by name."""
    described = connection.execute(f"SELECT * FROM {_relation(table)} LIMIT 0").description or []
    return sorted(column[0] for column in described if f"{table}.{column[0]}" not in FOLLOWS)


def run_day(connection: duckdb.DuckDBPyConnection) -> date:
    """The UTC day on which everything was fetched.

    Raises:
        ValueError: midnight (UTC) passed while the world was made, so that its rows have two such days.
    """
    days = connection.execute("SELECT DISTINCT fetched_at::DATE FROM lake.raw.fetches").fetchall()
    if len(days) != 1:
        raise ValueError(f"The world was fetched on {len(days)} days (UTC), not on one: make it again.")
    return days[0][0]


def rows_sql(table: str, columns: Sequence[str], day: date) -> str:
    """A SELECT of one column `row_text`, the canonical text of every row.

    Args:
        table: one of `table_names`.
        columns: its `column_names`.
        day: see `run_day`.
    """
    values = ", ".join(_value(table, column, day) for column in columns)
    return f"SELECT to_json([{values}])::VARCHAR AS row_text FROM {_relation(table)}"


def ledger_rows(data_dir: Path) -> list[str] | None:
    """What the fake ScanOrders accepted, without its own numbers; None where no picks were sent."""
    path = data_dir / LEDGER
    if not path.exists():
        return None
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [{key: entry["fulfilment"][key] for key in ("values", "body", "status", "history")} for entry in entries]
    return [json.dumps(entry, ensure_ascii=False, sort_keys=True) for entry in kept]


def _value(table: str, column: str, day: date) -> str:
    if column in OF_THE_RUN or f"{table}.{column}" in OF_THE_RUN:
        return f"""CASE WHEN "{column}" IS NOT NULL THEN '{OF_A_RUN}' END"""
    text = INSTEAD.get(f"{table}.{column}", f'"{column}"::VARCHAR')
    if column == PAYLOAD:
        return text
    return f"replace(replace({text}, '{day}', '{RUN_DAY}'), '{day + timedelta(days=1)}', '{DAY_AFTER}')"


def _relation(table: str) -> str:
    return table if table.startswith("ops.") else f"lake.{table}"
