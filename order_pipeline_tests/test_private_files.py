"""What we make is for its owner alone, and what others could read is found and closed."""

import os
import stat

import pytest

from order_pipeline.destinations.scanorders_token import StoredToken, save_token, token_path
from order_pipeline.private_files import close_to_others, new_draft, open_to_others, write_durably
from order_pipeline.recovery.backup_files import copy_file
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.spill_directory import spill_directory
from order_pipeline_tests.cli.test_status import NOW
from order_pipeline_tests.shared_demo import run_command, run_process


@pytest.fixture(autouse=True)
def usual_umask():
    """That of most systems: what a process does not close itself is readable for everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_everything_that_commands_make_is_for_the_owner_alone(demo):
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in demo.rglob("*") if not path.is_symlink()}
    made_by_the_test = {path for path in open_to_others(demo) if "reference" in path.parts}
    assert [path for path in open_to_others(demo) if path not in made_by_the_test] == []
    assert {0o700, 0o600} <= modes


@pytest.mark.costly
def test_a_command_closes_what_it_makes_whatever_the_shell_says(tmp_path):
    data_dir = tmp_path / "data"
    done = run_process(data_dir, "outbox", "tasks")
    assert list(open_to_others(data_dir)) == [], done.stderr


def test_a_file_that_is_replaced_is_closed_and_leaves_no_draft(tmp_path):
    file = tmp_path / "note.json"
    file.write_text("old")
    write_durably(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_draft_follows_no_link_and_takes_no_file_of_somebody_else(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _size: "guessed")
    victim = tmp_path / "victim"
    victim.write_text("whole")
    draft = tmp_path / "note.json.guessed.new"
    draft.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "note.json", b"x")
    draft.unlink()
    draft.symlink_to(tmp_path / "not there yet")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "note.json", b"x")
    assert victim.read_text() == "whole"
    assert not (tmp_path / "not there yet").exists()


def test_a_draft_that_fails_is_removed(tmp_path):
    with pytest.raises(OSError, match="full"), new_draft(tmp_path / "note.json"):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_a_token_and_a_backed_up_file_replace_a_link_instead_of_following_it(tmp_path):
    settings = Settings(data_dir=tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("whole")
    token_path(settings).symlink_to(victim)
    save_token(settings, StoredToken(access_token="t", obtained_at=NOW))
    copy = tmp_path / "copy"
    copy.symlink_to(victim)
    copy_file(token_path(settings), copy)
    assert victim.read_text() == "whole"
    assert [stat.S_IMODE(path.lstat().st_mode) for path in (copy, token_path(settings))] == [0o600, 0o600]


@pytest.fixture
def opened(tmp_path):
    """A data directory as an earlier version left it."""
    data_dir = tmp_path / "data"
    (data_dir / "lake" / "raw").mkdir(parents=True)
    (data_dir / "lake" / "raw" / "part.parquet").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.write_text("of somebody else")
    (data_dir / "link").symlink_to(outside)
    return data_dir


def test_what_is_open_is_found_and_closed_and_no_link_is_followed(opened):
    assert [path.name for path in open_to_others(opened)] == ["data", "lake", "raw", "part.parquet"]
    assert close_to_others(opened) == []
    assert list(open_to_others(opened)) == []
    assert stat.S_IMODE(opened.stat().st_mode) == 0o700
    assert stat.S_IMODE((opened.parent / "outside").stat().st_mode) == 0o644


def test_what_is_closed_keeps_the_rights_of_its_owner(tmp_path):
    script = tmp_path / "script"
    script.touch()
    script.chmod(0o555)
    close_to_others(script)
    assert stat.S_IMODE(script.stat().st_mode) == 0o500


def test_doctor_names_what_is_open_and_upgrade_mends_it(opened):
    environment = {"ORDER_PIPELINE_WITNESS_DIR": "none"}
    told = run_command(opened, "doctor", "--no-online", "--format", "json", **environment).stdout
    assert "4 files and directories are open to others" in told
    assert "4 files and directories" in run_command(opened, "upgrade", **environment).stderr
    assert len(list(open_to_others(opened))) == 4, "without --yes nothing is changed"
    assert "closed: 4" in run_command(opened, "upgrade", "--yes", **environment).stderr
    assert list(open_to_others(opened)) == []
    told = run_command(opened, "doctor", "--no-online", "--format", "json", **environment).stdout
    assert "file rights" not in told


def test_where_rows_spill_is_closed_in_a_process_that_closes_nothing(tmp_path):
    made = spill_directory(tmp_path / "tmp")
    assert made.is_dir()
    assert list(open_to_others(tmp_path / "tmp")) == []
