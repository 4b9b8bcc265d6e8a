"""Whatever stops the UI, none of its processes is left, and a new data directory starts clean."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from order_pipeline.cli.demo_world import free_port
from order_pipeline.cli.process_group import STOP_SIGNALS
from order_pipeline_tests.shared_demo import PROJECT
from order_pipeline_tests.waiting import wait_until

SECONDS = 60
CHILD = """
import os, signal, subprocess, sys
stubborn = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
grandchild = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, text=True)
grandchild.stdout.readline()
print(os.getpid(), grandchild.pid, flush=True)
{ending}
"""
PARENT = """
import os, sys
from pathlib import Path
from order_pipeline.cli.process_group import run_process_group, stop_signals_interrupt
with stop_signals_interrupt():
    sys.exit(run_process_group([sys.executable, "-c", sys.argv[1]], Path("."), os.environ, patience=0.2))
"""


@pytest.fixture(autouse=True)
def _stop_signals_are_heard():
    """Tests that are run by `nohup`, or in the background, would hand on that they ignore them."""
    ignored = [number for number in STOP_SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def start_group(ending):
    """A parent, a child, and a grandchild that does not care for SIGTERM; with the ids of the latter two."""
    command = [sys.executable, "-c", PARENT, CHILD.format(ending=ending)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert parent.stdout is not None
    return parent, [int(number) for number in parent.stdout.readline().split()]


def is_left(process_id):
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.costly
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGHUP))],
    ids=lambda number: number.name,
)
def test_a_signal_to_stop_ends_the_whole_group_and_counts_as_success(number):
    parent, descendants = start_group("signal.pause()")
    assert all(is_left(each) for each in descendants)
    parent.send_signal(number)
    assert parent.wait(SECONDS) == 0
    assert not any(is_left(each) for each in descendants)


@pytest.mark.costly
def test_a_child_that_ends_by_itself_leaves_nobody_either_and_its_exit_code_is_ours():
    parent, descendants = start_group("sys.exit(7)")
    assert parent.wait(SECONDS) == 7
    assert not any(is_left(each) for each in descendants)


@pytest.mark.costly
def test_a_killed_parent_leaves_nobody():
    parent, descendants = start_group("signal.pause()")
    with parent:
        parent.kill()
        wait_until(lambda: not any(is_left(each) for each in descendants))


def processes_with(text):
    """Process ids of whoever has the text in its command line or its environment."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            shown = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in shown and is_left(folder.name):
            found.add(int(folder.name))
    return found - {os.getpid()}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_ui_starts_clean_on_a_new_directory_and_ends_without_a_trace(tmp_path, number):
    data_dir, port = tmp_path / "data-of-the-ui-test", free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        ui = subprocess.Popen(
            [sys.executable, "-m", "order_pipeline", "ui", "--port", str(port)],
            cwd=PROJECT,
            env={**inherited, "ORDER_PIPELINE_DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)},
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(transport=httpx.HTTPTransport(retries=12), timeout=60) as client:  # waits grow up to a minute
        asked = {"query": "{ assetNodes { assetKey { path } } }"}
        loaded = client.post(f"{url}/graphql", json=asked, headers={"Origin": url}).json()
    assert len(loaded["data"]["assetNodes"]) > 10
    assert len(processes_with(str(data_dir))) > 3
    ui.send_signal(number)
    assert ui.wait() == 0
    assert processes_with(str(data_dir)) == set()
    said = log.read_text().splitlines()
    desk = f"What waits for a person, and any order's story: {url}/desk"
    assert said == [f"Dagster UI: {url}   (Ctrl-C ends it)", desk], "the addresses and how to stop, and nothing else"
