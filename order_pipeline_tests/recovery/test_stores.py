"""The stores know each other: a lost, foreign or older store stops everything, and a healthy one never."""

import sqlite3
from contextlib import closing

import pytest

from order_pipeline.cli.doctor import look_at_what_belongs_together
from order_pipeline.operations import installation_note
from order_pipeline.operations.store import OperationsStore
from order_pipeline.recovery import stores
from order_pipeline.recovery.judging import DIRECTORY, LAKE, OPERATIONS, installation_ids
from order_pipeline.recovery.stores import StoresDisagreeError, note_progress, notes_of, require_stores_agree
from order_pipeline.warehouse.installation import read_lake_state
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.recovery.installations import new_installation, remove_database


def note_in(installation):
    """The note in the data directory."""
    note = notes_of(installation.settings).read()
    assert note is not None
    return note


def refusal(installation):
    """Why nothing runs: the error's text. Neither reading nor sending may begin."""
    with pytest.raises(StoresDisagreeError) as refused:
        installation.emit()
    with pytest.raises(StoresDisagreeError):
        installation.read()
    return str(refused.value)


@pytest.mark.costly
def test_a_new_directory_just_works_and_its_stores_get_one_name(installation):
    with closing(OperationsStore(installation.settings.resolved_operations_url)) as store:
        found = require_stores_agree(installation.settings, store, lake := Lake(installation.settings))
        lake.close()
    named = installation_ids(found)
    assert set(named) == {DIRECTORY, OPERATIONS, LAKE}
    assert len(set(named.values())) == 1
    assert found.note
    assert found.lake
    assert 0 < (found.note.lake_snapshot or 0) <= found.lake.snapshot
    assert installation.emit().sent > 0


@pytest.mark.costly
def test_an_installation_from_before_the_names_is_adopted_once(sent):
    forget_names(sent)
    assert sent.emit().sent == 0
    assert notes_of(sent.settings).read() is not None


def forget_names(installation):
    """As a store of before this check: no names, no note, no witness."""
    (installation.data_dir / "installation.json").unlink()
    for file in installation.witness_dir.iterdir():
        file.unlink()
    with closing(sqlite3.connect(installation.data_dir / "operations.sqlite")) as store, store:
        store.execute("DROP TABLE installation")
    lake = Lake(installation.settings)
    with lake.transaction("forget") as connection:
        connection.execute("DROP TABLE core.installation")
    lake.close()


def test_doctor_names_the_store_that_is_lost(sent):
    remove_database(sent.data_dir / "catalog.sqlite")
    (finding,) = look_at_what_belongs_together(sent.settings)
    assert (finding.state, "lake's catalog" in finding.detail) == ("failed", True)


def test_doctor_finds_nothing_wrong_with_a_healthy_installation(installation):
    assert [finding.state for finding in look_at_what_belongs_together(installation.settings)] == ["ok"]


def test_an_unnamed_installation_whose_outbox_is_lost_is_not_adopted(sent):
    forget_names(sent)
    remove_database(sent.data_dir / "operations.sqlite")
    assert "it has 0 pick lines, the lake knows" in refusal(sent)


def test_a_lost_operations_store_stops_everything(sent):
    accepted = sent.accepted()
    remove_database(sent.data_dir / "operations.sqlite")
    told = refusal(sent)
    assert "operations store" in told
    assert "order-pipeline outbox rebuild" in told
    assert sent.accepted() == accepted


def test_a_lost_operations_store_is_known_by_the_lake_alone(sent):
    remove_database(sent.data_dir / "operations.sqlite")
    (sent.data_dir / "installation.json").unlink()
    sent.witness_dir.rename(sent.witness_dir.with_name("gone"))
    assert "the lake's catalog knows it" in refusal(sent)


def test_a_lost_catalog_is_no_new_lake(sent):
    remove_database(sent.data_dir / "catalog.sqlite")
    told = refusal(sent)
    assert "order-pipeline restore BACKUP --only catalog" in told
    assert not (sent.data_dir / "catalog.sqlite").exists()


def test_an_emptied_catalog_is_no_new_lake(sent):
    remove_database(sent.data_dir / "catalog.sqlite")
    (sent.data_dir / "catalog.sqlite").touch()
    assert "it is another, new one" in refusal(sent)


@pytest.mark.parametrize(
    ("name", "words"),
    [("operations.sqlite", "operations store"), ("catalog.sqlite", "lake's catalog")],
)
def test_an_older_store_stops_everything(sent, before_the_picks, name, words):
    accepted = sent.accepted()
    sent.put_back(before_the_picks, name)
    told = refusal(sent)
    assert words in told
    assert "it is older than" in told
    assert sent.accepted() == accepted


def test_an_older_operations_store_is_known_by_the_lake_alone(sent, before_the_picks):
    sent.put_back(before_the_picks, "operations.sqlite")
    (sent.data_dir / "installation.json").unlink()
    sent.witness_dir.rename(sent.witness_dir.with_name("gone"))
    assert "older than the lake's catalog knows it" in refusal(sent)


@pytest.mark.costly
@pytest.mark.parametrize("name", ["operations.sqlite", "catalog.sqlite"])
def test_a_store_of_another_installation_is_foreign(installation, tmp_path, running_fakes, name):
    other = new_installation(tmp_path / "other", running_fakes)
    pipeline = other.open()
    pipeline.prepare_stores()
    pipeline.lake.close()
    pipeline.operations.close()
    installation.put_back(other.data_dir, name)
    told = refusal(installation)
    assert "belongs to installation" in told or "lists files that do not exist" in told


def test_a_whole_copy_that_was_put_back_is_known_by_the_witness(sent, before_the_picks):
    accepted = sent.accepted()
    sent.put_back(before_the_picks)
    assert "witness on this machine" in refusal(sent)
    assert sent.accepted() == accepted


def test_a_directory_from_another_machine_asks_before_it_sends(installation, monkeypatch, tmp_path):
    other = tmp_path / "machine-id"
    other.write_text("another machine\n")
    monkeypatch.setattr(installation_note, "MACHINE_ID", other)
    assert "order-pipeline stores accept --moved" in refusal(installation)


@pytest.mark.costly
def test_a_machine_without_an_id_asks_nothing(installation, monkeypatch, tmp_path):
    monkeypatch.setattr(installation_note, "MACHINE_ID", tmp_path / "none")
    assert installation.emit().sent > 0


@pytest.mark.costly
def test_a_machine_without_a_writable_home_runs_without_a_witness(installation):
    for file in installation.witness_dir.iterdir():
        file.unlink()
    installation.witness_dir.rmdir()
    installation.witness_dir.write_text("a file where a directory should be")
    assert installation.emit().sent > 0


def test_a_damaged_note_says_what_to_do(installation):
    (installation.data_dir / "installation.json").write_text("{")
    with pytest.raises(installation_note.DamagedNoteError, match="remove the file"):
        installation.emit()


@pytest.mark.costly
@pytest.mark.parametrize("step", ["name_store", pytest.param("name_lake", marks=pytest.mark.slow), "note_progress"])
def test_a_first_start_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path, running_fakes, monkeypatch, step):
    fresh = new_installation(tmp_path, running_fakes)
    target = stores.operations_installation if step == "name_store" else stores
    with monkeypatch.context() as killed:
        killed.setattr(target, step, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fresh.open().prepare_stores()
    fresh.open().prepare_stores()
    assert (note_in(fresh).lake_snapshot or 0) > 0


@pytest.mark.costly
def test_a_store_that_is_ahead_of_every_note_is_healthy(installation, monkeypatch):
    """What a crash leaves between a commit and its note, at any step of a run."""
    monkeypatch.setattr(installation_note.InstallationNotes, "raise_marks", lambda *_, **__: None)
    installation.emit()
    installation.read_again()
    monkeypatch.undo()
    assert installation.emit().sent == 0


@pytest.mark.costly
def test_the_mark_is_noted_before_the_first_line_leaves(installation, monkeypatch):
    noted = []
    poster = "order_pipeline.destinations.scanorders_poster.PickPoster.create"

    async def die(self, *_, **__):
        noted.append(note_in(installation).operations_mark)
        raise KeyboardInterrupt

    monkeypatch.setattr(poster, die)
    before = note_in(installation).operations_mark or 0
    with pytest.raises(KeyboardInterrupt):
        installation.emit()
    assert noted[0] > before


def test_a_note_never_goes_back(sent):
    note = note_in(sent)
    notes_of(sent.settings).raise_marks(note, operations_mark=1, lake_snapshot=1)
    assert note_in(sent) == note


def test_the_witness_follows_the_note(sent):
    note = note_in(sent)
    assert notes_of(sent.settings).witness(note.installation_id) == note


def test_looking_at_a_missing_lake_makes_none(installation):
    remove_database(installation.data_dir / "catalog.sqlite")
    lake = Lake(installation.settings)
    assert read_lake_state(lake) is None
    assert not (installation.data_dir / "catalog.sqlite").exists()


def test_noting_progress_of_an_unnamed_store_does_nothing(tmp_path, running_fakes):
    fresh = new_installation(tmp_path, running_fakes)
    with closing(OperationsStore(fresh.settings.resolved_operations_url)) as store:
        store.create_all()
        note_progress(fresh.settings, store, None)
    assert notes_of(fresh.settings).read() is None
