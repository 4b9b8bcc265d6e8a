"""Real dbt on a demo's lake, from an environment of its own: the same rows as ours, and nothing of ours changed.

dbt's packages do not fit into our environment, so the first test makes `.venv-dbt` (about a minute, from the package
index). `make dbt` runs this module alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake, relations
from order_pipeline.warehouse.lake.instance import extension_file, load_extension
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject
from order_pipeline_tests.shared_demo import run_command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENVIRONMENT = PROJECT_DIRECTORY.parent / ".venv-dbt"
PACKAGES = ("dbt-core<1.12", "dbt-duckdb", f"duckdb=={duckdb.__version__}")
EXTENSIONS = ("ducklake", "sqlite_scanner")


@dataclass(frozen=True)
class Dbt:
    """dbt's command with a home, a copy of the project and a copy of the demo's data."""

    program: Path
    home: Path
    project: Path
    data: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it; its output is text."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")},
            "HOME": str(self.home),
            "ORDER_PIPELINE_DATA_DIR": str(self.data),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        command = [str(self.program), "--no-use-colors", *arguments, "--profiles-dir", "."]
        return subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, check=False, timeout=600
        )


@pytest.fixture(scope="module")
def program() -> Path:
    """dbt in its environment, which is made once a checkout."""
    made = ENVIRONMENT / "packages.txt"
    wanted = "\n".join(PACKAGES)
    with FileLock(f"{ENVIRONMENT}.lock"):
        if not made.exists() or made.read_text(encoding="utf-8") != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
            python = ENVIRONMENT / "bin" / "python"
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
            made.write_text(wanted, encoding="utf-8")
    return ENVIRONMENT / "bin" / "dbt"


@pytest.fixture(scope="module")
def dbt(program: Path, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """dbt beside a copy of the shared demo, whose directory is not named as people name theirs."""
    root = tmp_path_factory.mktemp("dbt")
    installed = root / "home" / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / _platform()
    installed.mkdir(parents=True)
    for name in EXTENSIONS:  # of the wheels: what dbt installs by name is found there
        shutil.copy(extension_file(name), installed)
    shutil.copytree(PROJECT_DIRECTORY, root / "project")
    shutil.copytree(demo, root / "data", ignore=shutil.ignore_patterns("dagster_home", "tmp"))
    with closing(Lake(Settings(data_dir=root / "data"))) as lake:
        lake.connect().close()
    return Dbt(program, root / "home", root / "project", root / "data")


def _platform() -> str:
    with duckdb.connect() as connection:
        (row,) = connection.execute("PRAGMA platform").fetchall()
    return str(row[0])


@dataclass(frozen=True)
class Built:
    """What a build of dbt left behind."""

    dbt: Dbt
    before: Mapping[str, str]
    after: Mapping[str, str]


@pytest.fixture(scope="module")
def built(dbt: Dbt) -> Built:
    """The demo's lake after `dbt build` with the demo's own settings."""
    before = contents(dbt.data)
    variables = run_command(dbt.data, "dbt-vars")
    assert variables.returncode == 0, variables.stderr
    done = dbt("build", "--vars", variables.stdout)
    assert done.returncode == 0, done.stdout[-4000:]
    return Built(dbt, before, contents(dbt.data))


def contents(data: Path) -> dict[str, str]:
    """Each file of the catalog, the lake and the operations store, by its hash."""
    files = [*data.glob("catalog.sqlite"), *data.glob("operations.sqlite"), *data.glob("lake/**/*.parquet")]
    return {str(file.relative_to(data)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_it_builds_nothing_without_what_the_settings_decide(dbt: Dbt) -> None:
    done = dbt("run")
    assert done.returncode != 0
    assert "order-pipeline dbt-vars" in done.stdout


def test_it_writes_nothing_into_the_lake(built: Built) -> None:
    assert len(built.before) > 10
    assert built.after == built.before


@pytest.fixture(scope="module")
def both(built: Built) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with our lake and dbt's file."""
    with closing(Lake(Settings(data_dir=built.dbt.data)).connect(read_only=True)) as connection:
        load_extension(connection, "ducklake")
        connection.execute(f"ATTACH '{built.dbt.data / 'dbt.duckdb'}' AS dbt (READ_ONLY)")
        connection.execute("BEGIN")  # now() is one moment for both
        yield connection


def test_every_model_has_the_same_rows_as_ours(both: duckdb.DuckDBPyConnection) -> None:
    project, ours = SqlProject(), relations(both)
    names = [name for name, model in project.models.items() if model.relation in ours]
    views = [name for name in names if project.graph[name].config.get("materialized") != "ephemeral"]
    counts = {name: compared(both, project.models[name].relation) for name in views}
    assert {name: found for name, found in counts.items() if found[1:] != (0, 0)} == {}
    for name in ("pick_lines", "order_margin", "order_status", "stg_kibo__orders", "stg_skroutz__order_lines"):
        assert counts[name][0] > 0, name
    assert len(views) > 60


def compared(both: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int, int]:
    """How many rows ours has, how many of them dbt's lacks, and how many dbt's has beyond."""
    columns = [
        [row[:2] for row in both.execute(f"DESCRIBE {database}.{relation}").fetchall()] for database in ("lake", "dbt")
    ]
    assert columns[0] == columns[1], relation
    (row,) = both.execute(
        f"WITH ours AS MATERIALIZED (FROM lake.{relation}), theirs AS MATERIALIZED (FROM dbt.{relation})"
        " SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)),"
        " (SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours))"
    ).fetchall()
    return row
