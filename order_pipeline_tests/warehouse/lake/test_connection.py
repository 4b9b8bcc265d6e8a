"""The connection, the transaction and what an analyst sees."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from order_pipeline.settings import LakeSettings, Settings
from order_pipeline.warehouse import migrations
from order_pipeline.warehouse.lake import instance
from order_pipeline.warehouse.lake.connection import Lake, LakeError, snapshot_id
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.tables import ensure_raw_table
from order_pipeline_tests.warehouse.kibo_orders import kibo_order, receive
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

pytestmark = pytest.mark.costly


def mark_day(connection: duckdb.DuckDBPyConnection, day: str = "2026-01-01") -> None:
    connection.execute("INSERT INTO raw.stale_partitions VALUES ('kibo', ?, uuid(), now(), 'run')", [day])


def mark_a_day_and_fail(lake: Lake) -> None:
    with lake.transaction("fail") as connection:
        mark_day(connection, "2026-01-02")
        connection.execute("DELETE FROM no_such_table")


def test_a_migrated_lake_has_all_schemas_and_migrating_again_changes_nothing(lake: Lake) -> None:
    with lake.connect() as connection:
        before = snapshot_id(connection)
        names = connection.execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'").fetchall()
    assert set(SCHEMAS) <= {name for (name,) in names}
    migrate(lake)
    ensure_raw_table(lake, "kibo", "orders")
    ensure_raw_table(lake, "kibo", "orders")
    with lake.connect() as connection:
        assert snapshot_id(connection) == before + 1


def test_a_first_migration_that_was_killed_in_between_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(settings_in(tmp_path))
    with monkeypatch.context() as killed:
        killed.setattr(migrations, "_upgrade", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrate(lake)
    migrate(lake)
    assert lake.query("SELECT count(*) FROM lake.core.builds").rows == [(0,)]
    lake.close()


@pytest.mark.parametrize("is_new", [True, False])
def test_new_and_older_lakes_get_the_options_of_core(tmp_path: Path, *, is_new: bool) -> None:
    lake = Lake(settings_in(tmp_path))
    migrate(lake)
    if not is_new:
        option = "CALL lake.set_option('parquet_row_group_size', '1024', schema => 'core')"
        lake.run("as in an older lake", lambda connection: connection.execute(option))
        migrate(lake)
    with lake.transaction("a day") as connection:
        connection.execute(
            "INSERT INTO core.builds SELECT 'kibo', DATE '2026-01-01', range::VARCHAR, '', 0, 0, 0, now(), '', NULL"
            " FROM range(9000)"
        )
    with lake.connect() as connection:
        (file,) = connection.execute(
            "SELECT data_file FROM ducklake_list_files('lake', 'builds', schema => 'core')"
        ).fetchall()
        groups = connection.execute("SELECT num_row_groups FROM parquet_file_metadata(?)", file).fetchall()
    assert groups == [(1,)]
    lake.close()


def test_a_committed_transaction_is_read_by_others_and_a_failed_one_leaves_nothing(lake: Lake) -> None:
    with lake.transaction("mark a day") as connection:
        mark_day(connection)
    with pytest.raises(duckdb.Error, match="no_such_table"):
        mark_a_day_and_fail(lake)
    assert lake.query("SELECT order_day::VARCHAR FROM raw.stale_partitions").rows == [("2026-01-01",)]


def test_a_transaction_inside_a_transaction_is_refused_at_once(lake: Lake) -> None:
    with lake.transaction("outer"), pytest.raises(LakeError, match="inside 'outer'"), lake.transaction("inner"):
        pass
    with lake.transaction("the next one is free") as connection:
        mark_day(connection)


def test_the_catalogs_log_is_emptied_while_the_lake_stays_open(tmp_path: Path) -> None:
    """A statement whose result nobody read to its end would hold the log for as long as the process lives."""
    lake = Lake(settings_in(tmp_path))
    migrate(lake)
    lake.run("write", lambda connection: connection.execute("CREATE TABLE raw.numbers AS SELECT 1 AS number"))
    log = tmp_path / "catalog.sqlite-wal"
    assert not log.exists() or log.stat().st_size == 0
    lake.close()


def test_times_are_utc_whatever_the_machine_says(lake: Lake) -> None:
    assert lake.query("SELECT current_setting('TimeZone')").rows == [("UTC",)]


def test_a_query_cannot_write(lake: Lake) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        lake.query("DELETE FROM raw.fetches")


def test_a_query_before_the_first_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="run the pipeline once"):
        Lake(settings_in(tmp_path)).query("SELECT 1")
    assert not (tmp_path / "catalog.sqlite").exists()


def test_a_moved_data_directory_keeps_working(tmp_path: Path) -> None:
    old = Lake(settings_in(tmp_path / "old"))
    migrate(old)
    table = ensure_raw_table(old, "kibo", "orders")
    with old.transaction("add rows") as connection:
        connection.execute(
            f"INSERT INTO {table} SELECT i::VARCHAR, DATE '2026-01-01', 'x', '{{}}', now(), i, 'r' FROM range(100) r(i)"
        )
    old.close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    new = Lake(settings_in(tmp_path / "new"))
    assert new.query(f"SELECT count(*) FROM {table}").rows == [(100,)]


def attached_plainly(directory: Path) -> str:
    """Where plain DuckDB, which knows nothing of this project, finds the files of the directory's lake."""
    with duckdb.connect() as connection:
        for extension in ("ducklake", "sqlite_scanner"):
            instance.load_extension(connection, extension)
        connection.execute(f"ATTACH 'ducklake:sqlite:{directory / 'catalog.sqlite'}' AS copied (READ_ONLY)")
        (path,) = connection.execute("SELECT data_path FROM ducklake_settings('copied')").fetchall()
    return str(path[0])


def test_plain_duckdb_finds_a_copys_own_files_once_it_was_opened_here(
    lake: Lake, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with lake.transaction("one day") as connection:
        mark_day(connection)
    lake.close()
    copied = tmp_path / "copied"
    shutil.copytree(settings.data_dir, copied, ignore=shutil.ignore_patterns("copied"))
    assert attached_plainly(copied) == f"{settings.data_dir}/lake/", "what harms: the original's files"
    opened = Lake(settings_in(copied))
    opened.connect().close()
    opened.close()
    assert attached_plainly(copied) == f"{copied}/lake/"
    assert f"it named the files in {settings.data_dir}/lake/" in caplog.text
    caplog.clear()
    Lake(settings_in(copied)).connect().close()
    assert caplog.text == "", "it is said once"


def test_an_earlier_snapshot_can_be_read(lake: Lake) -> None:
    with lake.transaction("first") as connection:
        mark_day(connection)
    with lake.connect() as connection:
        first = snapshot_id(connection)
    with lake.transaction("second") as connection:
        mark_day(connection, "2026-01-02")
    rows = lake.query(f"SELECT count(*) FROM raw.stale_partitions AT (VERSION => {first})").rows
    assert rows == [(1,)]


def test_a_view_of_an_older_definition_is_renewed(lake: Lake) -> None:
    table = ensure_raw_table(lake, "kibo", "orders")
    with lake.transaction("as an older version left it") as connection:
        connection.execute(f"CREATE OR REPLACE VIEW {table}_current AS SELECT 'old' AS record_id")
    ensure_raw_table(lake, "kibo", "orders")
    assert lake.query(f"SELECT record_id, payload FROM {table}_current").rows == []


def test_a_missing_extension_names_the_wheel_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "find_spec", lambda _: None)
    with pytest.raises(instance.ExtensionNotInstalledError, match=r"install duckdb-extension-ducklake==1\.5"):
        instance.extension_file("ducklake")


def test_a_wrong_catalog_address_does_not_show_its_password(tmp_path: Path) -> None:
    catalog = "postgres:host=127.0.0.1 port=1 user=u password=hunter2 dbname=d connect_timeout=1"
    settings = settings_in(tmp_path, lake=LakeSettings(catalog=catalog))
    with pytest.raises(LakeError, match="ORDER_PIPELINE_LAKE__CATALOG") as caught:
        Lake(settings).connect()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("read_only", [False, True])
def test_an_extension_whose_signature_is_wrong_is_not_loaded(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    Lake(lake.settings).connect(read_only=read_only).close()
    forged = tmp_path / "ducklake.duckdb_extension"
    content = bytearray(instance.extension_file("ducklake").read_bytes())
    content[len(content) // 2] ^= 1
    forged.write_bytes(content)
    monkeypatch.setattr(instance, "extension_file", lambda _: forged)
    with pytest.raises(duckdb.Error, match="signature"):
        Lake(lake.settings).connect(read_only=read_only)


def test_a_statement_loads_no_unsigned_extension_though_ours_were_checked_before(lake: Lake, tmp_path: Path) -> None:
    lake.query("SELECT 1")
    forged = tmp_path / "other.duckdb_extension"
    forged.write_bytes(instance.extension_file("sqlite_scanner").read_bytes()[:-1] + b"x")
    with pytest.raises(duckdb.Error, match="signature"):
        lake.query(f"LOAD '{forged}'")
    with pytest.raises(duckdb.Error, match="Cannot change"):
        lake.query("SET GLOBAL allow_unsigned_extensions = true")


def test_no_copy_of_the_files_that_were_read_is_kept(lake: Lake) -> None:
    receive(lake, [kibo_order(1)])
    with lake.connect() as connection:
        assert connection.execute("SELECT max(strlen(payload)) > 1000 FROM raw.kibo_orders").fetchone() == (True,)
        cached = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'EXTERNAL_FILE_CACHE'"
        assert connection.execute(cached).fetchall() == [(0,)]
