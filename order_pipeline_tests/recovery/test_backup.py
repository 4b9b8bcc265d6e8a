"""A backup made while a run writes, and what a restore of it does: nothing twice, nothing lost, the same answers."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from order_pipeline.cli.demo_world import remember_world
from order_pipeline.destinations.scanorders_poster import PickPoster
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations.store import OperationsStore
from order_pipeline.recovery.backup import back_up
from order_pipeline.recovery.backup_files import BackupError, damage, generations, read_manifest
from order_pipeline.recovery.restore import restore
from order_pipeline.recovery.settling import schedules_are_off
from order_pipeline.recovery.stores import StoresDisagreeError
from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.recovery.installations import WORLD, Installation, remove_database
from order_pipeline_tests.recovery.test_settling import answer_from_the_floor, lines, on_the_floor, some_orders
from order_pipeline_tests.shared_demo import run_process

pytestmark = pytest.mark.costly


@pytest.fixture
def backups(tmp_path):
    return tmp_path / "backups"


def answers(installation):
    """What analysts and pickers ask for."""
    lake = Lake(installation.settings)
    columns = "pick_id, order_number, quantity, barcode, bin_location, hold_reason"
    asked = (
        f"SELECT {columns} FROM marts.pick_lines ORDER BY ALL",
        "SELECT order_id, order_number, order_status, order_day FROM core.orders ORDER BY ALL",
        "SELECT line_id, order_id, quantity_ordered, sku FROM core.order_lines ORDER BY ALL",
        "SELECT record_id, content_sha256 FROM raw.kibo_orders ORDER BY ALL",
    )
    return [lake.query(question).rows for question in asked]


def during(monkeypatch, call, work):
    """Do some work just before the given call of an emission is made."""
    original, made = PickPoster.create, []

    async def create(self, *arguments, **more):
        made.append(None)
        if len(made) == call:
            work()
        return await original(self, *arguments, **more)

    monkeypatch.setattr(PickPoster, "create", create)


def back_up_in_a_process(installation, backups):
    done = run_process(installation.data_dir, "backup", str(backups))
    assert done.returncode == 0, done.stderr


def test_destroyed_in_mid_emission_and_restored_nothing_is_sent_twice_or_lost(installation, backups, monkeypatch):
    """The proof: back up while a run writes, emit, destroy, restore, run."""
    expected = answers(installation)
    with monkeypatch.context() as patched:
        during(patched, 3, lambda: back_up_in_a_process(installation, backups))
        one_at_a_time = RateSettings(max_in_flight=1, requests_per_second=1000).model_dump()
        sent = installation.emit(rate=one_at_a_time).sent
    assert sent > 6
    accepted = installation.accepted()
    shutil.rmtree(installation.data_dir)
    restored = restore(installation.settings, backups)
    assert restored.settled.has_gap
    known = [line for line in lines(installation).values() if line.state == "sent"]
    assert len(known) == 2, "the copied outbox knows the two lines whose answers were in"
    installation.read_again("after the restore")
    held = installation.emit()
    assert held.sent == 0
    assert installation.accepted() == accepted
    assert answers(installation) == expected
    assert sum(each.sent for each in answer_from_the_floor(installation)) > 0
    installation.emit()
    assert installation.accepted() == accepted == on_the_floor(installation)


def test_what_was_not_sent_before_the_destruction_goes_out_after_the_answer(installation, backups):
    back_up(installation.settings, backups)
    sent = installation.emit(allowed_order_numbers=some_orders(installation)).sent
    shutil.rmtree(installation.data_dir)
    restore(installation.settings, backups)
    installation.read_again("after the restore")
    assert installation.emit().sent == 0
    (answered,) = answer_from_the_floor(installation)
    assert answered.sent == sent
    assert installation.emit().sent == answered.not_sent > 0
    assert installation.accepted() == on_the_floor(installation)


def test_a_restore_of_a_backup_since_which_nothing_was_sent_leaves_no_doubt(sent, backups):
    back_up(sent.settings, backups)
    accepted = sent.accepted()
    shutil.rmtree(sent.data_dir)
    assert not restore(sent.settings, backups).settled.has_gap
    assert schedules_are_off(sent.settings)
    sent.read_again("after the restore")
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_on_a_machine_that_saw_nothing_a_restore_doubts_what_is_due(installation, backups, tmp_path):
    installation.emit(allowed_order_numbers=some_orders(installation))
    back_up(installation.settings, backups)
    elsewhere = Installation(tmp_path / "elsewhere", tmp_path / "another home", installation.server)
    assert restore(elsewhere.settings, backups).settled.has_gap


def test_a_backup_while_the_lake_is_written_is_whole_and_has_one_moment_of_it(installation, backups):
    lake = Lake(installation.settings)
    with lake.transaction("a writer at work") as connection:
        connection.execute("DELETE FROM core.orders")
        back_up_in_a_process(installation, backups)
    lake.close()
    (generation,) = generations(backups)
    assert damage(backups, generation) == []
    shutil.rmtree(installation.data_dir)
    restore(installation.settings, backups)
    assert Lake(installation.settings).query("SELECT count(*) > 0 FROM core.orders").rows == [(True,)]


def test_a_second_backup_copies_only_what_is_new(installation, backups):
    first = back_up(installation.settings, backups)
    installation.emit()
    second = back_up(installation.settings, backups)
    assert first.files == first.files_copied
    assert 0 < second.files_copied < second.files
    assert damage(backups, second.generation) == []


def test_older_backups_go_and_with_them_files_that_nobody_lists(installation, backups):
    moments = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    for moment in moments:
        made = back_up(installation.settings, backups, keep=2, now=moment)
    (backups / "files" / "core" / "stray.parquet").touch()
    made = back_up(installation.settings, backups, keep=2, now=moments[-1] + timedelta(days=1))
    assert [path.name[:8] for path in generations(backups)] == ["20260303", "20260304"]
    assert made.generations_removed == 1
    assert not (backups / "files" / "core" / "stray.parquet").exists()
    assert damage(backups, made.generation) == []


def test_a_backup_that_was_killed_leaves_the_earlier_one_to_restore(installation, backups, monkeypatch):
    first = back_up(installation.settings, backups)
    installation.emit()
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.recovery.backup._copy_lake", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            back_up(installation.settings, backups)
    assert generations(backups) == [first.generation]
    back_up(installation.settings, backups)
    assert not list(backups.glob("*.unfinished"))


@pytest.mark.parametrize("name", ["operations.sqlite", "catalog.sqlite", "a lake file"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(installation, backups, name):
    made = back_up(installation.settings, backups)
    lake_file = backups / "files" / next(iter(read_manifest(made.generation).lake_files))
    with (lake_file if name == "a lake file" else made.generation / name).open("r+b") as stream:
        stream.write(b"not what it was")
    before = sorted(installation.data_dir.iterdir())
    with pytest.raises(BackupError, match="is damaged"):
        restore(installation.settings, backups, replace=True)
    assert sorted(installation.data_dir.iterdir()) == before


def test_a_used_directory_is_restored_into_only_when_asked_and_kept_aside(sent, backup_of_before):
    with pytest.raises(BackupError, match="--replace moves it aside"):
        restore(sent.settings, backup_of_before)
    done = restore(sent.settings, backup_of_before, replace=True)
    assert done.moved_aside
    with closing(sqlite3.connect(done.moved_aside / "operations.sqlite")) as former:
        assert former.execute("SELECT count(*) FROM pick_outbox").fetchone()[0] > 0
    assert done.settled.has_gap


def test_a_restore_that_was_killed_stops_everything_until_it_is_run_again(sent, backup_of_before, monkeypatch):
    accepted = sent.accepted()
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.recovery.restore.settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore(sent.settings, backup_of_before, replace=True)
    with pytest.raises(StoresDisagreeError, match="did not finish"):
        sent.emit()
    assert restore(sent.settings, backup_of_before, replace=True).settled.has_gap
    sent.read_again("after the restore")
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_a_lost_catalog_comes_back_from_its_backup_and_the_outbox_stays(sent, backup_of_before):
    accepted, before = sent.accepted(), lines(sent)
    remove_database(sent.data_dir / "catalog.sqlite")
    assert not restore(sent.settings, backup_of_before, part="catalog").settled.has_gap
    sent.read_again("after the restore")
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted
    assert {key: line.state for key, line in lines(sent).items()} == {key: line.state for key, line in before.items()}


def test_an_operations_store_from_its_backup_learns_the_rest_from_the_lake(sent, backup_of_before):
    accepted = sent.accepted()
    remove_database(sent.data_dir / "operations.sqlite")
    assert not restore(sent.settings, backup_of_before, part="operations").settled.has_gap
    sent.read_again("after the restore")
    assert sent.emit().sent == 0
    assert sent.accepted() == accepted


def test_the_stores_of_before_a_restore_are_known_as_older(sent, backups, tmp_path):
    former = sent.copy_to(tmp_path / "former")
    back_up(sent.settings, backups)
    restore(sent.settings, backups, replace=True)
    sent.put_back(former, "operations.sqlite")
    with pytest.raises(StoresDisagreeError, match="from before the last restore"):
        sent.emit()


def test_stores_that_do_not_belong_together_are_not_backed_up(sent, backups):
    remove_database(sent.data_dir / "operations.sqlite")
    with pytest.raises(StoresDisagreeError):
        back_up(sent.settings, backups)
    assert not generations(backups)


def test_servers_and_buckets_are_told_what_to_use_instead(installation, backups):
    settings = installation.settings.model_copy(update={"lake": LakeSettings(data_path="s3://bucket/lake/")})
    with pytest.raises(BackupError, match="pg_dump"):
        back_up(settings, backups)


def test_a_backup_inside_of_what_it_saves_is_refused(installation):
    with pytest.raises(BackupError, match="lost with it"):
        back_up(installation.settings, installation.data_dir / "backups")


def test_a_demo_and_real_orders_do_not_meet_in_a_restore(installation, backups):
    back_up(installation.settings, backups)
    remember_world(installation.settings, WORLD)
    with pytest.raises(BackupError, match="holds a demo"):
        restore(installation.settings, backups, replace=True)
    back_up(installation.settings, backups)
    installation.settings.demo_world_file.unlink()
    with pytest.raises(BackupError, match="holds real orders"):
        restore(installation.settings, backups, replace=True)


def test_the_login_is_in_no_backup(installation, backups):
    (installation.data_dir / "scanorders_token.json").write_text("secret")
    back_up(installation.settings, backups)
    assert not list(backups.rglob("scanorders_token*"))


def test_leases_of_the_old_stores_hold_nobody_up(installation, backups):
    with (
        closing(OperationsStore(installation.settings.resolved_operations_url)) as store,
        store.writing() as connection,
    ):
        connection.exec_driver_sql(
            "INSERT INTO leases VALUES ('emission', 'elsewhere', 7, '2026-01-01 00:00:00', '2999-01-01 00:00:00')"
        )
    back_up(installation.settings, backups)
    shutil.rmtree(installation.data_dir)
    restore(installation.settings, backups)
    assert installation.emit().stopped == ""
