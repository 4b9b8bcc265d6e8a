"""Deploying: views in order, only what changed, and later what waits for a raw table."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.deploy import Deployment, deploy
from order_pipeline.warehouse.sql.project import SqlModelError, SqlProject
from order_pipeline_tests.warehouse.sql.small_project import project_of


def deployed(lake: Lake, project: SqlProject) -> Deployment:
    return lake.run("deploy", lambda connection: deploy(connection, project))


def test_a_view_is_made_once_and_again_when_its_sql_changed(lake: Lake, tmp_path: Path) -> None:
    first = project_of(tmp_path / "first", {"a": "SELECT 1 AS n", "b": "SELECT n FROM {{ ref('a') }}"})
    assert deployed(lake, first).created == ("a", "b")
    assert deployed(lake, first).unchanged == ("a", "b")
    changed = project_of(tmp_path / "changed", {"a": "SELECT 2 AS n", "b": "SELECT n FROM {{ ref('a') }}"})
    assert deployed(lake, changed).created == ("a", "b")
    assert lake.query("SELECT n FROM staging.b").rows == [(2,)]


def test_a_view_that_somebody_replaced_is_put_back_and_said(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = project_of(tmp_path / "project", {"a": "SELECT 1 AS n", "b": "SELECT n FROM {{ ref('a') }}"})
    deployed(lake, project)
    with lake.transaction("somebody else") as connection:
        connection.execute("CREATE OR REPLACE VIEW staging.a AS SELECT 99 AS n")
    found = deployed(lake, project)
    assert (found.created, found.unchanged, found.put_back) == (("a",), ("b",), ("a",))
    assert lake.query("SELECT n FROM staging.b").rows == [(1,)]
    assert "staging.a is not what was deployed" in caplog.text
    assert deployed(lake, project).unchanged == ("a", "b")


@pytest.mark.costly
def test_views_of_a_version_that_left_no_comment_are_made_anew_and_nobody_is_blamed(lake: Lake, tmp_path: Path) -> None:
    project = project_of(tmp_path / "project", {"a": "SELECT 1 AS n"})
    deployed(lake, project)
    with lake.transaction("an earlier version") as connection:
        connection.execute("CREATE OR REPLACE VIEW staging.a AS SELECT 1 AS n")
        connection.execute("UPDATE reference.deployed_models SET fingerprint = replace(fingerprint, 'on view ', '')")
    found = deployed(lake, project)
    assert (found.created, found.put_back) == (("a",), ())


@pytest.mark.costly
def test_a_view_whose_sql_changed_is_not_said_to_be_replaced(lake: Lake, tmp_path: Path) -> None:
    deployed(lake, project_of(tmp_path / "first", {"a": "SELECT 1 AS n"}))
    found = deployed(lake, project_of(tmp_path / "changed", {"a": "SELECT 2 AS n"}))
    assert (found.created, found.put_back) == (("a",), ())


@pytest.mark.costly
def test_a_view_over_a_table_that_no_fetch_has_made_waits_for_it(lake: Lake, tmp_path: Path) -> None:
    project = project_of(tmp_path / "project", {"a": "SELECT n FROM {{ source('raw', 'later') }}"})
    assert deployed(lake, project).waiting == ("a",)
    with lake.transaction("first fetch") as connection:
        connection.execute("CREATE TABLE raw.later AS SELECT 7 AS n")
    assert deployed(lake, project).created == ("a",)


@pytest.mark.costly
def test_a_seed_is_deployed_as_text(lake: Lake, tmp_path: Path) -> None:
    project_of(tmp_path / "project", {"a": "SELECT code FROM {{ ref('codes') }}"})
    (tmp_path / "project" / "seeds" / "codes.csv").write_text("code\n007\n", encoding="utf-8")
    assert deployed(lake, SqlProject(tmp_path / "project")).created == ("a",)
    assert lake.query("SELECT code FROM staging.a").rows == [("007",)]


def test_a_view_that_cannot_be_made_names_its_file(lake: Lake, tmp_path: Path) -> None:
    project = project_of(tmp_path / "project", {"wrong": "SELECT nothing AS n"})
    with pytest.raises(SqlModelError, match=r"wrong\.sql does not run"):
        deployed(lake, project)
