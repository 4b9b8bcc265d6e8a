"""An error for want of memory names the setting that gives it."""

from __future__ import annotations

import duckdb
import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.memory import MemoryLimitError


def test_want_of_memory_in_a_transaction_names_the_setting_and_its_value(lake: Lake) -> None:
    def body(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("SET memory_limit = '12MB'")
        connection.execute("SELECT list(range) FROM range(50_000_000)").fetchall()

    with pytest.raises(
        MemoryLimitError, match=r"^a large thing: .*Raise ORDER_PIPELINE_LAKE__MEMORY_LIMIT \(now 320MB\)"
    ):
        lake.run("a large thing", body)


def test_other_errors_stay_what_they_are(lake: Lake) -> None:
    with pytest.raises(duckdb.CatalogException), lake.snapshot() as connection:
        connection.execute("SELECT * FROM nowhere")
