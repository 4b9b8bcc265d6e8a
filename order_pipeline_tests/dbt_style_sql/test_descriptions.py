"""Every model and every column is described in the yml beside it, and the yml says nothing of what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.dbt_style_sql.describe_models import (
    Description,
    columns_of_models,
    described,
    missing_sentences,
    rendered,
)

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def columns() -> dict[str, dict[str, str]]:
    return columns_of_models(SqlProject())


@pytest.fixture(scope="module")
def found(columns: dict[str, dict[str, str]]) -> dict[Path, dict[str, Description]]:
    return described(SqlProject(), columns)


def of_kind(kind: str, columns: dict[str, dict[str, str]]) -> list[str]:
    return [f"{model}.{name}" for model, kinds in columns.items() for name, each in kinds.items() if each == kind]


def test_whole_numbers_are_bigint_for_many_tools_know_no_hugeint(columns: dict[str, dict[str, str]]) -> None:
    assert of_kind("HUGEINT", columns) == [], "cast the sum of a count to BIGINT"
    assert of_kind("HUGEINT", {"mart": {"n": "BIGINT", "total": "HUGEINT"}}) == ["mart.total"]


def test_no_model_and_no_column_is_without_a_sentence(found: dict[Path, dict[str, Description]]) -> None:
    assert list(missing_sentences(found)) == []


def test_the_yml_beside_each_folder_is_what_the_command_writes(found: dict[Path, dict[str, Description]]) -> None:
    stale = [
        str(folder)
        for folder, models in found.items()
        if not (folder / "schema.yml").exists() or (folder / "schema.yml").read_text("utf-8") != rendered(models)
    ]
    assert stale == [], "run: make describe"


def test_a_column_without_a_sentence_is_named() -> None:
    models = {"mart": Description("A mart.", {"total": {"name": "total", "description": "?"}})}
    assert list(missing_sentences({Path(): models})) == ["mart.total"]
