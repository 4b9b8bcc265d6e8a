"""Every model and every column is described in the yml beside it, and the yml says nothing of what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.dbt_style_sql.describe_models import Description, described, missing_sentences, rendered


@pytest.fixture(scope="module")
def found() -> dict[Path, dict[str, Description]]:
    return described(SqlProject())


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
