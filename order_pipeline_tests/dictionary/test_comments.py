"""The lake says of its tables, columns and views what they mean; nothing is written where nothing is new."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from order_pipeline.channels.registry import channels
from order_pipeline.dictionary.comments import DICTIONARY, deploy_described
from order_pipeline.dictionary.words import words_of_lake
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake, relations, snapshot_id
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.tables import ensure_raw_tables
from order_pipeline.warehouse.sql.deploy import Deployment
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject

pytestmark = pytest.mark.costly

RESOURCES = [(channel.name, resource) for channel in channels().values() for resource in channel.resources]
COMMENTED = """
SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() WHERE database_name = 'lake'
UNION ALL SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE database_name = 'lake'
"""
COLUMNS = "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = 'lake' AND table_name = 'orders'"


def deployed(lake: Lake, project: SqlProject) -> Deployment:
    return lake.run("deploy", lambda connection: deploy_described(connection, project))


def snapshot_of(lake: Lake) -> int:
    with lake.snapshot() as connection:
        return snapshot_id(connection)


@pytest.fixture(scope="module")
def project() -> SqlProject:
    return SqlProject()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, project: SqlProject) -> Iterator[Lake]:
    """A lake without any record, described."""
    made = Lake(Settings(data_dir=tmp_path_factory.mktemp("described")))
    migrate(made)
    ensure_raw_tables(made, RESOURCES)
    deployed(made, project)
    yield made
    made.close()


def test_every_table_and_view_has_its_sentence(lake: Lake, project: SqlProject) -> None:
    words = words_of_lake(project)
    comments = dict(lake.query(COMMENTED).rows)
    assert {name for name in comments if not (comments[name] or "").startswith(words[name].sentence)} == set()


def test_every_column_of_a_table_has_its_sentence_and_what_is_personal_says_so(lake: Lake) -> None:
    comments = dict(lake.query(COLUMNS).rows)
    assert comments["ordered_at"] == "Order time, UTC."
    assert comments["ship_to_name"] == "Recipient. Personal data."
    assert None not in comments.values()


def test_what_duckdb_cannot_comment_is_asked_of_a_table(lake: Lake) -> None:
    asked = f"SELECT sentence, is_personal FROM {DICTIONARY} WHERE table_schema = 'marts' AND "
    found = lake.query(f"{asked} table_name = 'order_status' AND column_name = 'order_lines'").rows
    assert found == [("Lines in core.", False)]
    assert lake.query(f"{asked} table_name = 'pick_lines' AND column_name = 'customer_name'").rows[0][1]
    schemas = lake.query(f"SELECT table_schema FROM {DICTIONARY} WHERE table_name IS NULL").rows
    assert {"raw", "core", "marts"} < {schema for (schema,) in schemas}


def test_a_deployment_that_finds_nothing_new_writes_nothing_and_blames_nobody(lake: Lake, project: SqlProject) -> None:
    before = snapshot_of(lake)
    found = deployed(lake, project)
    assert (found.created, found.put_back, snapshot_of(lake)) == ((), (), before)


def test_a_view_that_somebody_replaced_gets_its_sentence_back(lake: Lake, project: SqlProject) -> None:
    with lake.transaction("somebody else") as connection:
        connection.execute("CREATE OR REPLACE VIEW marts.check__no_lines AS SELECT 1 AS n")
    assert deployed(lake, project).put_back == ("check__no_lines",)
    comments = dict(lake.query(COMMENTED).rows)
    assert comments["marts.check__no_lines"].startswith(words_of_lake(project)["marts.check__no_lines"].sentence)


def test_a_sentence_that_changed_is_written_and_no_other(lake: Lake, tmp_path: Path) -> None:
    directory = tmp_path / "project"
    shutil.copytree(PROJECT_DIRECTORY, directory)
    yml = directory / "models/staging/sources.yml"
    yml.write_text(yml.read_text("utf-8").replace("The last build of every order day", "The newest build of each day"))
    versions = "SELECT count(*) FROM __ducklake_metadata_lake.ducklake_column_tag"
    with lake.connect() as connection:
        before = connection.execute(versions).fetchall()[0][0]
    assert deployed(lake, SqlProject(directory)).created == ()
    comments = dict(lake.query(COMMENTED).rows)
    assert comments["core.builds"].startswith("The newest build")
    with lake.connect() as connection:
        after = connection.execute(versions).fetchall()[0][0]
    assert after - before == len(words_of_lake(SqlProject())["core.builds"].columns) + 6, (
        "the table itself is made anew"
    )


def test_a_raw_table_that_comes_later_is_described_then(tmp_path: Path, project: SqlProject) -> None:
    later = Lake(Settings(data_dir=tmp_path))
    migrate(later)
    deployed(later, project)
    ensure_raw_tables(later, RESOURCES[:1])
    deployed(later, project)
    with later.snapshot() as connection:
        existing = relations(connection)
    comments = dict(later.query(COMMENTED).rows)
    later.close()
    assert {name for name in existing if not comments[name]} == set()
