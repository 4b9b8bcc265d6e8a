"""What the yml declares of keys, references and values holds on a demo; and each kind of test finds what breaks it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.dbt_style_sql.data_tests import declared_tests, failing_rows

PROJECT = SqlProject()
DECLARED = list(declared_tests(PROJECT))
HELPERS = {"pick_candidates", "pick_findings"}
"""Marts that are a step on the way, of rows without a key."""


@pytest.fixture(scope="module")
def failures(demo: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Test -> rows of the demo that fail it. A mart is run once, for its tests and for the marts that read it."""
    held: dict[str, str] = {}
    with closing(Lake(Settings(data_dir=demo)).connect(read_only=True)) as connection:
        for name in PROJECT.upstream(dict.fromkeys(test.model for test in DECLARED)):
            if PROJECT.models[name].schema == "marts":
                sql = PROJECT.render(name, ref=held).sql
                connection.execute(f"CREATE TEMP TABLE held_{name} AS {sql}")
                held[name] = f"temp.held_{name}"
        return {test.name: connection.execute(test.sql).fetchmany(5) for test in declared_tests(PROJECT, held)}


@pytest.mark.parametrize("name", [test.name for test in DECLARED])
def test_what_is_declared_holds_on_the_demo(failures: dict[str, list[tuple[Any, ...]]], name: str) -> None:
    assert failures[name] == []


def test_every_mart_declares_its_key() -> None:
    keyed = {test.model for test in DECLARED if test.name.endswith((".unique", ".unique_together"))}
    marts = {
        name
        for name, model in PROJECT.models.items()
        if model.schema == "marts" and model.path.parent.name == "marts" and name not in HELPERS
    }
    assert marts - keyed == set()


@pytest.mark.parametrize(
    ("kind", "arguments", "broken"),
    [
        ("unique", {}, [("a",)]),
        ("not_null", {}, [("NULL",)]),
        ("accepted_values", {"values": ["a"]}, [("b",)]),
        ("relationships", {"to": "source('main', 'parents')", "field": "id"}, [("b",)]),
        ("unique_together", {"columns": ["id", "part"]}, [("a", 1)]),
    ],
)
def test_each_kind_of_test_finds_the_rows_that_break_it(
    kind: str, arguments: dict[str, Any], broken: list[tuple[Any, ...]]
) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE parents AS SELECT 'a' AS id")
        connection.execute(
            "CREATE TABLE rows AS SELECT * FROM (VALUES ('a', 1), ('a', 1), ('b', 1), (NULL, 2)) AS made(id, part)"
        )
        assert connection.execute(failing_rows(kind, "rows", "id", arguments)).fetchall() == broken


def test_a_kind_of_test_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="at_least_one"):
        failing_rows("at_least_one", "rows", "id", {})
