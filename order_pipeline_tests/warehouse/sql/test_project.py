"""The SQL project: what it renders, and how it is told that a model is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.warehouse.sql.project import SqlModelError, SqlProject
from order_pipeline_tests.warehouse.sql.small_project import project_of


def test_a_circle_is_named(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"a": "SELECT * FROM {{ ref('b') }}", "b": "SELECT * FROM {{ ref('a') }}"})
    with pytest.raises(SqlModelError, match="Circular"):
        project.upstream(["a"])


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM {{ ref('nothing') }}", "'nothing'"),
        ("SELECT {{ missing() }}", "missing"),
        ("SELECT {{", "a.sql"),
    ],
)
def test_what_does_not_render_names_the_file(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        project_of(tmp_path, {"a": sql}).render("a")


def test_variables_come_from_the_project_and_may_be_replaced(tmp_path: Path) -> None:
    models = {"a": "SELECT {{ var('limit') }} AS n, {{ var('other', 7) }} AS m"}
    assert project_of(tmp_path, models).render("a").sql == "SELECT 3 AS n, 7 AS m"
    replaced = SqlProject(tmp_path, {"limit": 5})
    assert replaced.render("a").sql == "SELECT 5 AS n, 7 AS m"
