"""A store that somebody else has locked: a bounded wait that is said, then the file and what to do, no traceback."""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from order_pipeline.operations import locked, store
from order_pipeline.warehouse.lake import catalog, operations_attachment
from order_pipeline_tests.shared_demo import run_command

pytestmark = pytest.mark.costly

HOLDER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
if len(sys.argv) > 2:
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
other.execute("BEGIN EXCLUSIVE")
if len(sys.argv) > 2:
    other.execute("CREATE TABLE of_another_program (a)")
print("held", flush=True)
sys.stdin.read()
"""
CATALOG, OPERATIONS = "catalog.sqlite", "operations.sqlite"


@pytest.fixture
def impatient(monkeypatch):
    """Waits of the product are seconds here, and are said at once."""
    for module in (store, operations_attachment, catalog):
        monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(locked, "SECONDS_UNTIL_SAID", 0.05)


@pytest.fixture
def directory(demo, tmp_path):
    """A copy of the shared demo's stores."""
    shutil.copytree(demo, tmp_path / "data", ignore=shutil.ignore_patterns("dagster_home", "tmp", "sandbox"))
    return tmp_path / "data"


@contextmanager
def held(file, *, from_readers):
    """The lock of another process; with `from_readers`, as a backup tool takes it."""
    command = [sys.executable, "-c", HOLDER, str(file), *(["from readers"] if from_readers else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        yield
        other.communicate()


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        (CATALOG, ("sql", "select 1")),
        pytest.param(CATALOG, ("quarantine", "list"), marks=pytest.mark.slow),
        pytest.param(CATALOG, ("trace", "1"), marks=pytest.mark.slow),
        (OPERATIONS, ("outbox", "list")),
        (OPERATIONS, ("sql", "select count(*) from ops.pick_outbox")),
        pytest.param(OPERATIONS, ("trace", "1"), marks=pytest.mark.slow),
    ],
)
def test_a_locked_store_is_waited_for_and_then_named(impatient, directory, caplog, file, arguments):
    with held(directory / file, from_readers=True):
        done = run_command(directory, *arguments)
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert f"{directory / file} is locked by another process" in told
    assert "next: Let that process end" in told
    assert "Traceback" not in told
    assert "sqlalche.me" not in told
    assert f"Waiting for {directory / file}" in caplog.text


@pytest.mark.parametrize(
    ("file", "finding"), [pytest.param(CATALOG, "lake", marks=pytest.mark.slow), (OPERATIONS, "operations store")]
)
def test_doctor_names_a_locked_store_among_its_other_findings(impatient, directory, file, finding):
    with held(directory / file, from_readers=True):
        done = run_command(directory, "doctor", "--no-online", "--format", "csv")
    assert done.returncode == 1
    assert any(line.startswith(f"{finding},failed") and file in line for line in done.stdout.splitlines())
    assert "scanorders login" in done.stdout


@pytest.mark.parametrize("arguments", [("sql", "select 1"), ("outbox", "list"), ("quarantine", "list")])
def test_who_only_reads_does_not_wait_for_a_writer(impatient, directory, arguments):
    with held(directory / CATALOG, from_readers=False), held(directory / OPERATIONS, from_readers=False):
        assert run_command(directory, *arguments).returncode == 0


def test_a_command_that_writes_waits_for_the_lock_and_then_names_it(impatient, directory):
    with held(directory / OPERATIONS, from_readers=False):
        done = run_command(directory, "outbox", "close-task", "1", "--reason", "done", "--who", "me")
    assert done.returncode == 1
    assert "is locked by another process" in done.stderr
