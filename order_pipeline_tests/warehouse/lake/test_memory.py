"""An error for want of memory names the setting that gives it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.lake_settings import LakeSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.instance import open_instance
from order_pipeline.warehouse.lake.memory import MemoryLimitError
from order_pipeline.warehouse.raw.drift import DriftUnknownError, find_unknown_keys
from order_pipeline.warehouse.raw.shapes import note_shapes
from order_pipeline_tests.warehouse.kibo_orders import DAY, kibo_order, project, receive
from order_pipeline_tests.warehouse.settings_for_tests import settings_in


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


@pytest.mark.costly
def test_want_of_memory_in_a_look_at_payloads_is_what_the_fetch_goes_on_after(lake: Lake) -> None:
    receive(lake, [kibo_order(number) for number in range(1, 200)], run_id="run")
    small = Lake(settings_in(lake.settings.data_dir, LakeSettings(memory_limit="10MB", query_memory_limit="10MB")))
    with pytest.raises(DriftUnknownError, match="MemoryLimitError"):
        note_shapes(small, "kibo", [DAY], "run", channels()["kibo"].personal)
    with pytest.raises(DriftUnknownError, match="MemoryLimitError"):
        find_unknown_keys(small, project(), "kibo", [DAY])
    small.close()


def test_arrow_gives_back_what_it_freed_in_every_process_that_opens_duckdb(tmp_path: Path) -> None:
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    open_instance(tmp_path, memory_limit="100MB").close()
    assert pa.default_memory_pool().backend_name == "system"
