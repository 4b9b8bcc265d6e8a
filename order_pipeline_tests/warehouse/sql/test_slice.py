"""Models run over a slice: in a database of their own, which holds only what its readers still need."""

from __future__ import annotations

import pickle
from pathlib import Path

import duckdb
import pytest

from order_pipeline.warehouse.sql.project import SqlModelError
from order_pipeline.warehouse.sql.slice import run_models
from order_pipeline_tests.warehouse.sql.small_project import project_of

MODELS = {
    "payloads": "{{ config(materialized='ephemeral') }}SELECT n FROM {{ source('raw', 'numbers') }}",
    "parsed": "SELECT n + 1 AS n FROM {{ ref('payloads') }}",
    "left": "SELECT n * 10 AS n FROM {{ ref('parsed') }}",
    "both": "SELECT a.n + b.n AS n FROM {{ ref('left') }} AS a, {{ ref('parsed') }} AS b",
}


@pytest.fixture
def slice_of_numbers() -> duckdb.DuckDBPyConnection:
    """A database with one number, and the schemas of the models."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA raw; CREATE SCHEMA staging; CREATE TABLE raw.numbers AS SELECT 4 AS n")
    return connection


def test_models_run_in_order_and_helpers_go_after_their_last_reader(
    tmp_path: Path, slice_of_numbers: duckdb.DuckDBPyConnection
) -> None:
    project = project_of(tmp_path, MODELS)
    run_models(slice_of_numbers, [project.graph[name] for name in project.upstream(["both"])], kept=["staging.both"])
    assert slice_of_numbers.execute("SELECT n FROM staging.both").fetchall() == [(55,)]
    left = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'staging'"
    assert slice_of_numbers.execute(left).fetchall() == [("both",)]


def test_rendered_models_can_be_sent_to_another_process(tmp_path: Path) -> None:
    model = project_of(tmp_path, MODELS).graph["parsed"]
    assert pickle.loads(pickle.dumps(model)) == model


def test_sql_that_does_not_run_names_its_file(tmp_path: Path, slice_of_numbers: duckdb.DuckDBPyConnection) -> None:
    project = project_of(tmp_path, {"wrong": "SELECT n FROM nowhere"})
    with pytest.raises(SqlModelError, match=r"wrong\.sql does not run"):
        run_models(slice_of_numbers, [project.graph["wrong"]])
