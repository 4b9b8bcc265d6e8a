"""Marts as small tables in DuckDB's memory, with the columns that the report asks for, and a canary in every text."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from order_pipeline.dictionary.kinds import kinds_of_lake
from order_pipeline.warehouse.sql.project import SqlProject

CANARY = "Kanari"
HOSTILE = "<script>alert(1)</script>"

ROWS = {
    "backlog": """
        SELECT 'l' || n AS line_id, 'o' || n // 2 AS order_id, 'N' || n // 2 AS order_number,
            CASE WHEN n % 3 = 0 THEN 'skroutz' ELSE 'kibo' END AS source, 20 * n AS age_hours, 2 * n AS waiting_hours,
            ['held', 'in_doubt', 'on_the_floor', 'with_others'][n % 4 + 1] AS stage,
            CASE WHEN n % 4 = 0 THEN 'no_barcode' ELSE 'sending' END AS reason,
            TIMESTAMPTZ '2026-01-05 10:00:00Z' AS since
        FROM range(1, 40) AS numbers(n)""",
    "daily_orders": """
        SELECT DATE '2026-01-01' + n::INTEGER AS order_day, source, n + 1 AS orders
        FROM range(0, 20) AS days(n), (VALUES ('kibo'), ('scansource'), ('skroutz')) AS channels(source)""",
    "order_cycle_time": """
        SELECT 'kibo' AS source, DATE '2026-01-05' AS order_day, n AS minutes_to_sent, n % 7 AS days_to_shipped,
            n % 5 > 0 AS is_on_time
        FROM range(0, 100) AS numbers(n)""",
    "order_margin": """
        SELECT 'kibo' AS source, 'USD' AS currency, 100.00 AS net_revenue_amount, 90.00 AS margin_before_goods_amount,
            40.00 AS margin_amount
        UNION ALL SELECT 'skroutz', 'EUR', 10.00, NULL, NULL""",
    "channel_health": """
        SELECT 'kibo' AS source, true AS has_watermark, 12 AS lag_minutes, now() AS last_proved_at,
            0 AS unproved_windows, 30 AS calls_of_a_week, 0 AS dead_letters_of_a_week""",
    "pick_service_level": "SELECT 'kibo' AS source, DATE '2026-01-05' AS sent_on, 9 AS lines_sent",
    "exceptions": f"""
        SELECT 'reject' AS kind, 'bad_number' AS reason, 'kibo' AS source, now() AS since, '{HOSTILE}' AS subject
        UNION ALL SELECT 'warning', '{HOSTILE}', 'kibo', now(), 'orders'""",
}
"""Rows of each mart, as far as the report needs them; every other column is a canary, or NULL."""


@contextmanager
def lake_with_marts(*, are_empty: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
    """A database called `lake` in which the marts of the report are tables."""
    kinds = kinds_of_lake(SqlProject())
    with duckdb.connect(":memory:") as connection:
        connection.execute("ATTACH ':memory:' AS lake; USE lake; CREATE SCHEMA marts; SET TimeZone = 'UTC'")
        for mart, rows in ROWS.items():
            columns = ", ".join(
                f"{name} {kind}" + (f" DEFAULT '{CANARY}'" if kind == "VARCHAR" else "")
                for name, kind in kinds[f"marts.{mart}"].items()
            )
            connection.execute(f"CREATE TABLE marts.{mart} ({columns})")
            if not are_empty:
                connection.execute(f"INSERT INTO marts.{mart} BY NAME {rows}")
        yield connection
