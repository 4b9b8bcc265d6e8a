"""kill -9 in the middle of a run, at several places, then the same run again: no order lost, none twice.

Everything is real: the fakes in a process of their own, the run in another, SIGKILL, then the same command.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import httpx
import pytest

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, as_environment
from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake, LakeError
from order_pipeline_tests.demo_locations import with_demo_locations
from order_pipeline_tests.shared_demo import run_command

pytestmark = pytest.mark.costly

PROJECT = Path(__file__).resolve().parents[2]
DAYS, ORDERS = 2, 25
WORLD = DemoWorld(days=DAYS, orders=ORDERS, seed=7, port=0)


@pytest.fixture
def sandbox():
    with SandboxProcess(days=DAYS, orders=ORDERS, channels=["kibo", "scanorders", "skroutz"]) as process:
        yield RunningSandbox(process.url)


@pytest.fixture
def start(sandbox, tmp_path):
    """Start `order-pipeline run` over all days, Kibo only, sending for real to the fake."""
    groups = sandbox.settings_groups(WORLD)
    groups["scanorders"]["rate"] = {"requests_per_second": None, "max_in_flight": 2}
    groups["picking"] |= {"lease_seconds": 3}  # the dead emitter's lease has ended when the second run gets there
    environment = as_environment(groups, with_demo_locations(tmp_path)) | {"PYTHONPATH": str(PROJECT)}
    window = ["--from", WORLD.window.start.isoformat(), "--to", "2026-01-14"]
    command = [sys.executable, "-m", "order_pipeline", "run", "--source", "kibo", *window]

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    return started


def wait_until(reached, process):
    """Ask until it is so; a run that ends before is a failure of the test's own plan."""
    while not reached():
        assert process.poll() is None, process.communicate()[0].decode()


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def stalled(sandbox, fault):
    """A call that never ends, so that the run is known to be in the middle of it."""
    httpx.post(f"{sandbox.url}/control/faults", json={"kind": "stall", "seconds": 3600, "times": 1, **fault})
    return lambda: httpx.get(f"{sandbox.url}/control/faults").json()[0]["hits"] > 0


def raw_is_there(data_dir):
    """What a reader sees at this moment."""

    def look():
        try:
            return rows(data_dir, "select count(*) as n from raw.kibo_orders")[0][0] > 0
        except (LakeError, duckdb.Error):
            return False

    return look


def rows(data_dir, sql):
    return Lake(Settings(data_dir=data_dir)).query(sql).rows


def counted(payloads):
    return Counter(json.dumps(payload, sort_keys=True) for payload in payloads)


MOMENTS = {
    "while pages are fetched": {"api": "kibo", "route": "GET /api/v2/order*", "nth": [4]},
    "while picks are sent": {
        "api": "scanorders",
        "route": "* /api/1.1/wf/neworders",
        "nth": [20],
        "kind": "stall_after",
    },
    "when raw was just committed": None,
}


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("while pages are fetched", marks=pytest.mark.slow),
        "while picks are sent",
        pytest.param("when raw was just committed", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_is_finished_by_the_next_one(moment, sandbox, start, tmp_path):
    fault = MOMENTS[moment]
    reached = stalled(sandbox, fault) if fault else raw_is_there(tmp_path)
    first = start()
    wait_until(reached, first)
    if fault:
        asked = run_command(tmp_path, "sql", "select count(*) as n from core.orders", "--format", "json")
        assert asked.returncode == 0, "a reader gets its answer in the middle of a run"
        assert json.loads(asked.stdout)[0]["n"] == (DAYS * ORDERS if "sent" in moment else 0)
    kill(first)
    httpx.delete(f"{sandbox.url}/control/faults")

    second = start()
    said = second.communicate()[0].decode()
    assert second.returncode == 0, said

    everything = "select count(*), count(distinct record_id), count(distinct content_sha256) from raw.kibo_orders"
    assert rows(tmp_path, everything) == [(DAYS * ORDERS,) * 3], "each order is in raw, once"
    rejected = rows(tmp_path, "select count(distinct order_id) from quarantine.rejects where table_name = 'orders'")
    orders = rows(tmp_path, "select count(*), count(distinct order_id) from core.orders")
    assert orders == [(DAYS * ORDERS - rejected[0][0],) * 2], "each order is in core, once"

    states = rows(tmp_path, "select state, payload from ops.pick_outbox")
    sent = counted(json.loads(payload) for state, payload in states if state == "sent")
    doubtful = counted(json.loads(payload) for state, payload in states if state == "in_doubt")
    accepted = counted(sandbox.accepted_payloads())
    assert sent <= accepted, "nothing counts as sent that the picking app does not have"
    assert accepted <= sent + doubtful, "nothing was sent twice"
    assert {state for state, _ in states} <= {"sent", "held", "in_doubt"}
    assert doubtful.total() <= (2 if "sent" in moment else 0), "at most what was in flight is in doubt"
