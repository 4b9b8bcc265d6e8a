"""The commands of a loss, as a person types them: each error names the command that ends it, and that one works."""

import shutil

import pytest

from order_pipeline.picking.outbox.payload import read_payload
from order_pipeline_tests.recovery.installations import remove_database
from order_pipeline_tests.recovery.test_settling import lines
from order_pipeline_tests.shared_demo import run_command


@pytest.fixture
def call(tmp_path):
    """Call a command on the test's installation."""
    witness = {"ORDER_PIPELINE_WITNESS_DIR": str(tmp_path / "witness")}
    return lambda *arguments: run_command(tmp_path / "data", *arguments, **witness)


@pytest.mark.costly
@pytest.mark.usefixtures("sent")
def test_a_healthy_installation_is_shown_within_80_columns(call):
    shown = call("stores", "show")
    assert shown.returncode == 0
    assert shown.stdout.count("epoch 1") == 4
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.mark.costly
def test_a_lost_outbox_is_shown_rebuilt_and_healthy_again(call, sent):
    remove_database(sent.data_dir / "operations.sqlite")
    shown = call("stores", "show")
    assert shown.returncode == 1
    assert "next:  order-pipeline outbox rebuild" in shown.stderr
    rebuilt = call("outbox", "rebuild")
    assert rebuilt.returncode == 0
    assert "Everything that was sent is known" in rebuilt.stderr
    assert call("stores", "show").returncode == 0


@pytest.mark.costly
def test_a_lost_directory_is_restored_answered_and_settled(call, installation, tmp_path):
    backups = str(tmp_path / "backups")
    assert call("backup", backups).returncode == 0
    installation.emit()
    shutil.rmtree(installation.data_dir)
    restored = call("restore", backups)
    assert "outbox resolve-wave" in restored.stderr
    assert max(map(len, restored.stderr.splitlines())) <= 80
    installation.read("after the restore")
    installation.emit()
    waves = call("outbox", "waves", "--format", "csv").stdout.splitlines()
    number = waves[1].split(",")[0]
    seen = tmp_path / "seen.csv"
    payloads = [read_payload(line.payload) for line in lines(installation).values() if line.state == "in_doubt"]
    seen.write_text("\n".join([str(each["ordernumber"]) for each in payloads] + ["no-such-order"]))
    word = ("--reason", "looked", "--who", "Eleni")
    answered = call("outbox", "resolve-wave", number, "--seen", str(seen), *word)
    assert f"{len(payloads)} lines are on the floor, 0 are not" in answered.stderr
    assert "1 of the list have no doubt in this wave: no-such-order" in answered.stderr
    assert "no line is in doubt" in call("stores", "settled").stderr


@pytest.mark.usefixtures("installation")
def test_a_wave_is_answered_in_one_way_only(call):
    word = ("--reason", "looked", "--who", "Eleni")
    assert call("outbox", "resolve-wave", "1", *word).returncode == 2
    none = call("outbox", "resolve-wave", "1", "--sent", *word)
    assert none.returncode == 1
    assert "has no line in doubt" in none.stderr


@pytest.mark.usefixtures("installation")
def test_a_backup_is_checked_and_its_damage_named(call, tmp_path):
    backups = tmp_path / "backups"
    call("backup", str(backups))
    assert "is whole" in call("backup", str(backups), "--check").stderr
    next((backups / "files").rglob("*.parquet")).write_bytes(b"")
    damaged = call("backup", str(backups), "--check")
    assert damaged.returncode == 1
    assert "is damaged" in damaged.stderr


@pytest.mark.usefixtures("installation")
def test_a_restore_without_a_backup_says_what_there_is(call, tmp_path):
    refused = call("restore", str(tmp_path))
    assert refused.returncode == 1
    assert "has no finished backup" in refused.stderr


def test_the_receiver_does_not_start_on_a_lost_operations_store(call, sent):
    remove_database(sent.data_dir / "operations.sqlite")
    refused = call("webhooks", "serve")
    assert refused.returncode == 1
    assert "order-pipeline outbox rebuild" in refused.stderr
    assert not (sent.data_dir / "operations.sqlite").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        pytest.param(("locations", "load"), marks=pytest.mark.slow),
        pytest.param(("quarantine", "close", "any", "--reason", "none"), marks=pytest.mark.slow),
        ("backup", "somewhere"),
    ],
    ids=lambda command: command[0],
)
def test_no_command_makes_a_new_lake_in_place_of_a_lost_one(call, sent, command):
    remove_database(sent.data_dir / "catalog.sqlite")
    refused = call(*command)
    assert refused.returncode == 1
    assert "order-pipeline restore BACKUP --only catalog" in refused.stderr
    assert not (sent.data_dir / "catalog.sqlite").exists()


@pytest.mark.costly
def test_half_a_restore_is_neither_accepted_nor_rebuilt(call, installation, tmp_path, monkeypatch):
    backups = str(tmp_path / "backups")
    call("backup", backups)
    with monkeypatch.context() as killed:
        killed.setattr("order_pipeline.recovery.restore.settle", lambda *_, **__: 1 / 0)
        assert call("restore", backups, "--replace").returncode == 1
    for command in (("stores", "accept"), ("outbox", "rebuild")):
        refused = call(*command)
        assert refused.returncode == 1
        assert "order-pipeline restore DIR --replace" in refused.stderr
    assert call("restore", backups, "--replace").returncode == 0
