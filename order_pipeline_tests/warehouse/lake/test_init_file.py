"""`lake.sql` opens the lake and `ops` for reading, in one step, for DuckDB's command line and for any Python."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from order_pipeline.cli.sql_shell import shell_binary
from order_pipeline.operations import inbox
from order_pipeline.operations.locked import StoreBusyError
from order_pipeline.operations.store import open_store
from order_pipeline.recovery.upgrading import upgrade_stores
from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.init_file import init_file, init_text, write_init_file
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint

pytestmark = pytest.mark.costly


@pytest.fixture
def written(lake: Lake, settings: Settings) -> Path:
    """The file as the first opening of the stores leaves it."""
    with open_store(settings.resolved_operations_url) as operations:
        upgrade_stores(operations, lake)
    lake.close()
    return init_file(settings)


def run_shell(file: Path, statement: str) -> subprocess.CompletedProcess[str]:
    command = [shell_binary(), "-init", str(file), "-csv", "-c", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_reads_lake_and_ops(written: Path) -> None:
    done = run_shell(written, "select count(*) from core.orders; select count(*) from ops.pick_outbox")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["count_star()", "0", "count_star()", "0"]


def test_a_notebook_reads_them_too_in_utc_and_with_bounded_memory(written: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(written.read_text())
        cursor = connection.cursor()
        assert cursor.execute("SELECT count(*) FROM lake.core.orders").fetchall() == [(0,)]
        assert cursor.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
        shown = [row[0] for row in cursor.execute(f"DESCRIBE ops.{inbox.webhook_inbox.name}").fetchall()]
        assert "body" not in shown
        spilled = cursor.execute("SELECT current_setting('temp_directory')").fetchone()
        assert spilled
        assert Path(spilled[0]).parent == written.parent / "tmp", "not the directory in which somebody happens to be"


@pytest.mark.parametrize("statement", ["create table core.t (i int)", "update operations_store.leases set fence = 9"])
def test_nothing_is_written(written: Path, statement: str) -> None:
    done = run_shell(written, statement)
    assert done.returncode == 1
    assert "read-only" in done.stderr


def test_two_sessions_spill_into_directories_of_their_own(written: Path) -> None:
    asked = "select current_setting('temp_directory')"
    assert run_shell(written, asked).stdout != run_shell(written, asked).stdout


def test_it_is_for_its_owner_alone(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_another_duckdb_is_refused_with_what_to_install(written: Path) -> None:
    other = written.with_name("other.sql")
    other.write_text(written.read_text().replace(f"v{duckdb.__version__}'", "v1.2.3'", 1).replace("1.5.5", "1.2.3"))
    done = run_shell(other, "select 1")
    assert done.returncode == 1
    assert "pip install duckdb==1.2.3" in done.stderr


def test_it_is_written_again_only_when_it_is_wrong(written: Path, settings: Settings) -> None:
    assert not write_init_file(settings)
    written.write_text("SELECT 'somebody edited this'")
    assert write_init_file(settings)
    assert "somebody" not in written.read_text()


def test_a_store_that_is_locked_is_left_to_the_next_one(written: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(settings.data_dir / "operations.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        written.write_text("SELECT 'not right'")
        assert not write_init_file(settings)
        with pytest.raises(StoreBusyError, match="locked by another process"):
            init_text(settings)
    assert write_init_file(settings)


def test_a_copied_directory_gets_its_own_at_the_first_opening(written: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere's copy"
    shutil.copytree(written.parent, copied)
    settings = Settings(data_dir=copied)
    lake = Lake(settings)
    with open_store(settings.resolved_operations_url) as operations:
        upgrade_stores(operations, lake)
    lake.close()
    assert str(written.parent / "catalog.sqlite") not in init_file(settings).read_text()
    assert run_shell(init_file(settings), "select count(*) from core.orders").returncode == 0


def test_passwords_stay_out_of_it(tmp_path: Path, postgres_url: str) -> None:
    with open_store(postgres_url):
        pass
    catalog = "postgres:host=db user=reader password='pass word' dbname=lake"
    settings = Settings(data_dir=tmp_path, operations_url=postgres_url, lake=LakeSettings(catalog=catalog))
    text = init_text(settings)
    assert "pass word" not in text
    assert "PGPASSWORD" in text
    assert "ducklake:postgres:host=db user=reader  dbname=lake" in text
    assert 'FROM operations_store."public"."pick_outbox"' in text


@pytest.mark.parametrize(
    ("written_as", "option"),
    [
        ("12", "SNAPSHOT_VERSION 12"),
        ("2026-11-28", "SNAPSHOT_TIME '2026-11-28 00:00:00+00:00'"),
        ("2026-11-28T14:30+02:00", "SNAPSHOT_TIME '2026-11-28 14:30:00+02:00'"),
    ],
)
def test_a_moment_is_a_version_or_a_time(written_as: str, option: str) -> None:
    assert SnapshotPoint.parse(written_as).option == option
