"""What stands beside the stores: marks only grow, and are written often enough but not with each line."""

import pytest

from order_pipeline.operations.installation_note import DamagedNoteError, InstallationNotes, MarkKeeper, Note

NOTE = Note(installation_id="one", epoch=1)


@pytest.fixture
def notes(tmp_path):
    return InstallationNotes(tmp_path / "data", tmp_path / "witness")


def test_marks_only_grow_within_an_epoch(notes):
    notes.raise_marks(NOTE, operations_mark=5, lake_snapshot=7)
    notes.raise_marks(NOTE, operations_mark=3)
    notes.raise_marks(NOTE, lake_snapshot=8)
    assert (notes.read().operations_mark, notes.read().lake_snapshot) == (5, 8)
    assert notes.witness("one") == notes.read()


def test_a_new_epoch_begins_with_its_own_marks(notes):
    notes.raise_marks(NOTE, operations_mark=5)
    notes.raise_marks(Note(installation_id="one", epoch=2), operations_mark=1)
    assert (notes.read().epoch, notes.read().operations_mark) == (2, 1)


def test_without_a_witness_directory_only_the_note_is_kept(tmp_path):
    notes = InstallationNotes(tmp_path, None)
    notes.raise_marks(NOTE, operations_mark=5)
    assert notes.read() == Note(installation_id="one", epoch=1, operations_mark=5)
    assert notes.witness("one") is None


def test_a_damaged_witness_is_no_witness_and_a_damaged_note_is_an_error(notes):
    notes.write(NOTE)
    (notes.witness_dir / "one.json").write_bytes(b"\xff")
    assert notes.witness("one") is None
    notes.path.write_bytes(b"\xff")
    with pytest.raises(DamagedNoteError):
        notes.read()


def test_a_mark_is_kept_at_once_and_then_every_half_second():
    kept, now = [], [0.0]
    keeper = MarkKeeper(kept.append, clock=lambda: now[0])
    for at, mark in ((0.0, 1), (0.2, 2), (0.4, 3), (0.6, 4), (0.7, 5)):
        now[0] = at
        keeper.keep(mark)
    assert kept == [1, 4]
