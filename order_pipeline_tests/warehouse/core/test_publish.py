"""What is looked at before staged files become rows of core, since DuckLake looks at nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from order_pipeline.contracts import ContractError
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.core.chunk import ChunkFile, ChunkResult
from order_pipeline.warehouse.core.publish import UnexpectedFileError
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.warehouse.core.files import unpublished_files
from order_pipeline_tests.warehouse.core.shop import receive_shop, shop_project
from order_pipeline_tests.warehouse.kibo_orders import DAY, build, kibo_order, receive, rows

pytestmark = pytest.mark.costly


class Tampering(Executor):
    """Stages in the caller's thread, and changes which files are said to have come of it."""

    def __init__(self, change: Callable[[list[ChunkFile]], list[ChunkFile]]) -> None:
        self.change = change

    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        result: ChunkResult = fn(*arguments, **named)
        done: Future[Any] = Future()
        done.set_result(replace(result, files=tuple(self.change(list(result.files)))))
        return done


@pytest.mark.parametrize(
    "change",
    [
        lambda files: [*files, files[0]],
        lambda files: [replace(files[0], day=DAY + timedelta(days=1)), *files[1:]],
        lambda files: [replace(files[0], table="shipments"), *files[1:]],
        lambda files: [replace(files[0], path=files[0].path.replace("source=kibo", "source=skroutz")), *files[1:]],
    ],
    ids=["a file twice", "another day's directory", "another table's", "another source's"],
)
def test_a_file_that_is_not_what_it_should_be_stops_the_build(
    lake: Lake, change: Callable[[list[ChunkFile]], list[ChunkFile]]
) -> None:
    receive(lake, [kibo_order(1)])
    with pytest.raises(UnexpectedFileError, match="Nothing was published"):
        build(lake, executor=Tampering(change))
    assert rows(lake, "SELECT count(*) FROM core.orders") == [(0,)]
    assert unpublished_files(lake) == []


def test_rows_of_another_day_are_a_defect_of_the_sql(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("project") / "sql"
    shop_project(directory)
    model = Path(directory, "models", "staging", "kibo", "stg_kibo__orders.sql")
    model.write_text(model.read_text().replace("partition_day AS order_day", "partition_day + 1 AS order_day"))
    receive_shop(lake, DAY, orders=["1"])
    with pytest.raises(ContractError, match="2026-01-06"):
        build_core(lake, "kibo", [DAY], "run", project=SqlProject(directory))
    assert unpublished_files(lake) == []
