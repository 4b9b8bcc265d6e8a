"""An export is one DuckDB file that is whole or not there; without personal data no byte of it names a person."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest

from order_pipeline.contracts import CORE_TABLES, MASK, table_contract
from order_pipeline.export import warehouse_file
from order_pipeline.export.warehouse_file import export_warehouse
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.privacy.shown_columns import is_open
from order_pipeline_tests.privacy.people import TRACES, make_world
from order_pipeline_tests.shared_demo import run_command

pytestmark = pytest.mark.costly

UNSAID = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE schema_name IN ('core', 'marts') AND table_name <> 'pick_status' AND comment IS NULL
"""
FORMS = {form for trace in TRACES for form in (trace, trace.upper(), trace.lower(), trace.replace(" ", "%20"))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    pipeline = make_world(tmp_path_factory.mktemp("data"))
    yield pipeline
    pipeline.lake.close()
    pipeline.operations.close()


def exported(pipeline: PipelineResource, target: Path, *, hidden: bool) -> Path:
    export_warehouse(pipeline.lake, pipeline.project, target, without_personal_data=hidden, told=lambda *_: None)
    return target


@pytest.fixture(scope="module")
def whole(world, tmp_path_factory) -> Path:
    return exported(world, tmp_path_factory.mktemp("whole") / "warehouse.duckdb", hidden=False)


@pytest.fixture(scope="module")
def hidden(world, tmp_path_factory) -> Path:
    return exported(world, tmp_path_factory.mktemp("hidden") / "warehouse.duckdb", hidden=True)


def traces_in_bytes(file: Path) -> set[str]:
    content = file.read_bytes()
    return {form for form in FORMS if form.encode() in content}


def traces_in_values(file: Path) -> set[str]:
    """Compressed blocks hide texts from a search over the bytes, so every value is read as well."""
    found = set[str]()
    with duckdb.connect(str(file), read_only=True) as connection:
        for schema, table in connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            rows = repr(connection.execute(f'FROM "{schema}"."{table}"').fetchall())
            found |= {form for form in FORMS if form in rows}
    return found


def test_a_whole_export_names_the_person(whole: Path) -> None:
    assert traces_in_bytes(whole) >= set(TRACES) - {"6971234567"}, "else the search below could find nothing"
    assert traces_in_values(whole) >= set(TRACES)


def test_without_personal_data_no_byte_and_no_value_names_the_person(hidden: Path) -> None:
    assert traces_in_bytes(hidden) == traces_in_values(hidden) == set()


def test_rows_and_amounts_stay_when_persons_are_hidden(whole: Path, hidden: Path) -> None:
    asked = "SELECT order_id, total_amount, order_status, order_day FROM core.orders ORDER BY ALL"
    answers = []
    for file in (whole, hidden):
        with duckdb.connect(str(file), read_only=True) as connection:
            answers.append(
                (connection.execute(asked).fetchall(), connection.execute("FROM core.order_lines").fetchall())
            )
    assert answers[0][0] == answers[1][0]
    assert len(answers[0][1]) == len(answers[1][1]) > 0


@pytest.mark.parametrize("table", CORE_TABLES)
def test_every_column_that_a_contract_calls_personal_is_hidden(hidden: Path, table: str) -> None:
    with duckdb.connect(str(hidden), read_only=True) as connection:
        for column in table_contract(CORE_TABLES[table]).columns:
            if column.personal:
                found = connection.execute(f"SELECT DISTINCT {column.name} FROM core.{table}").fetchall()
                assert {value for (value,) in found} <= {None, MASK}


def test_a_mart_s_column_that_nobody_judged_is_hidden(hidden: Path) -> None:
    assert not is_open("a_new_text", "VARCHAR")
    with duckdb.connect(str(hidden), read_only=True) as connection:
        assert connection.execute("SELECT DISTINCT customer_name FROM marts.pick_lines").fetchall() == [(MASK,)]


def test_marts_are_tables_and_columns_say_what_they_mean(whole: Path) -> None:
    with duckdb.connect(str(whole), read_only=True) as connection:
        tables = {
            name
            for (name,) in connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        }
        assert {"core.orders", "marts.order_status", "quarantine.rejects", "raw.fetches", "main.export"} <= tables
        assert not any(name.startswith(("staging.", "raw.kibo")) for name in tables)
        assert connection.execute(UNSAID).fetchall() == []
        assert connection.execute("SELECT has_personal_data FROM export").fetchone() == (True,)


def test_it_is_for_its_owner_alone_and_nothing_stands_beside_it(whole: Path) -> None:
    assert stat.S_IMODE(whole.stat().st_mode) & 0o077 == 0
    assert [each.name for each in whole.parent.iterdir()] == [whole.name]


def test_what_fails_in_the_middle_leaves_the_old_file_as_it_was(world, tmp_path, monkeypatch) -> None:
    target = tmp_path / "warehouse.duckdb"
    target.write_bytes(b"the old one")

    def fail(*_: object) -> None:
        raise duckdb.IOException("the disk is full")

    with pytest.raises(duckdb.IOException, match="full"):
        export_warehouse(world.lake, world.project, target, without_personal_data=False, told=fail)
    assert target.read_bytes() == b"the old one"
    assert [each.name for each in tmp_path.iterdir()] == [target.name]


def test_the_command_replaces_a_file_only_when_it_is_told_to(world, tmp_path) -> None:
    target = tmp_path / "warehouse.duckdb"
    target.write_bytes(b"the old one")
    arguments = (world.settings.data_dir, "export", str(target), "--without-personal-data")
    refused = run_command(*arguments)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert target.read_bytes() == b"the old one"
    forced = run_command(*arguments, "--force")
    assert forced.returncode == 0, forced.stderr
    assert "core.orders" in forced.stderr
    assert "tables" in forced.stderr
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM core.orders").fetchone() == (True,)
    assert warehouse_file.STORAGE_VERSION == "v1.0.0", "a newer one would lock older readers out"
