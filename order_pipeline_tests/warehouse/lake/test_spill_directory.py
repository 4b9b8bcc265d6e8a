"""Rows that memory has no room for: no instance reads another's, and a killed process's are removed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.lake.spill_directory import instance_directory
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

# Each of two processes fills ten times the memory it may take, then reads everything back. Sharing a directory, they
# read each other's blocks: other numbers, or a crash.
_SPILLS = """
import sys
from pathlib import Path
from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

lake = Lake(settings_in(Path({directory!r}), LakeSettings(memory_limit="30MB", query_memory_limit="30MB")))
connection = lake.connect(read_only={read_only})
text = "md5(number || '{seed}')"
connection.execute(f"CREATE TEMP TABLE numbers AS SELECT number, {{text}} AS text FROM range(2000000) AS t (number)")
print("spilled", flush=True)
sys.stdin.readline()
print(connection.execute(f"SELECT count(*), sum(number), count(*) FILTER (text <> {{text}}) FROM numbers").fetchall())
"""


def spilling(directory: Path, seed: int, *, read_only: bool = False) -> subprocess.Popen[str]:
    """A process that has spilled a table and waits for a line to read it back."""
    script = directory / f"spilling_{seed}.py"  # a script: DuckDB shows the progress of what is run with -c
    script.write_text(_SPILLS.format(directory=str(directory), seed=seed, read_only=read_only), encoding="utf-8")
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "spilled\n"
    return child


def spilled_files(directory: Path) -> list[Path]:
    return list((directory / "tmp").rglob("duckdb_temp*"))


@pytest.mark.costly
@pytest.mark.parametrize("read_only", [pytest.param(False, marks=pytest.mark.slow), True])
def test_processes_that_spill_at_once_read_their_own_rows_back(lake: Lake, tmp_path: Path, read_only: bool) -> None:
    children = [spilling(tmp_path, seed, read_only=read_only and seed == 1) for seed in range(2)]
    assert spilled_files(tmp_path)
    answers = [child.communicate("\n", timeout=60)[0] for child in children]
    assert answers == ["[(2000000, 1999999000000, 0)]\n"] * 2
    assert spilled_files(tmp_path) == []


@pytest.mark.costly
def test_what_a_killed_process_spilled_is_removed_by_the_next_one(lake: Lake, tmp_path: Path) -> None:
    with spilling(tmp_path, 1) as killed, spilling(tmp_path, 2) as living:
        before = spilled_files(tmp_path)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with lake.connect() as connection:
            connection.execute("SELECT 1")
        left = spilled_files(tmp_path)
        assert 0 < len(left) < len(before)
        assert living.communicate("\n", timeout=60)[0] == "[(2000000, 1999999000000, 0)]\n"


# Run in a process of its own: one forked from the tests' process has DuckDB's locks in its memory, not their threads,
# and may wait for them for ever.
_FORKS = """
import os, sys
from pathlib import Path
from order_pipeline.warehouse.lake.spill_directory import spill_directory

own = spill_directory(Path(sys.argv[1]))
if (child := os.fork()) == 0:
    print(spill_directory(Path(sys.argv[1])), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(own)
print(own.is_dir())
"""


def run_script(script: str, directory: Path) -> list[str]:
    command = [sys.executable, "-c", script, str(directory)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def test_a_forked_process_has_a_spill_directory_of_its_own(tmp_path: Path) -> None:
    forked, own, is_there = run_script(_FORKS, tmp_path)
    assert Path(forked).parent == Path(own).parent
    assert forked != own
    assert is_there == "True"


def test_the_instances_of_one_process_share_no_directory_either(lake: Lake, tmp_path: Path) -> None:
    other = Lake(settings_in(tmp_path))
    with lake.connect() as first, lake.connect(read_only=True) as second, other.connect() as third:
        setting = "SELECT current_setting('temp_directory')"
        assert len({connection.execute(setting).fetchall()[0][0] for connection in (first, second, third)}) == 3
    other.close()


_MAY_ONLY_READ = """
import os, sys, tempfile
from pathlib import Path
from order_pipeline.warehouse.lake.spill_directory import instance_directory

if os.getuid() == 0:  # Root may write anywhere.
    os.setuid(65534)
elsewhere = instance_directory(Path(sys.argv[1])).parent
print(elsewhere.parent == Path(tempfile.gettempdir()) and os.access(elsewhere, os.W_OK))
"""


def test_who_may_only_read_the_lake_spills_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert run_script(_MAY_ONLY_READ, tmp_path) == ["True"]


def test_other_trouble_with_the_directory_is_an_error(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(FileExistsError):
        instance_directory(taken)
