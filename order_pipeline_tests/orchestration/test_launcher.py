"""Whether a run's process still lives, asked as Dagster's monitoring asks: a wrong yes blocks a channel for ever."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, cast

import dagster as dg
import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionResult
from dagster._serdes import serialize_value

from order_pipeline.operations.processes import this_machine
from order_pipeline.orchestration import launcher
from order_pipeline.orchestration.instance import open_instance
from order_pipeline.orchestration.launch import run_job
from order_pipeline.settings import Settings

pytestmark = pytest.mark.skipif(this_machine() is None, reason="this system does not tell its machine from others")

NAME, BOOT, TABLE_OF_PROCESSES = range(3)
SERVER_ELSEWHERE = {GRPC_INFO_TAG: json.dumps({"host": "code.invalid", "port": 4000})}


@dg.job
def a_job():
    """Nothing: only its runs' records matter."""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(Settings(data_dir=tmp_path)) as opened:
        yield opened


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def started_run(instance, process_id=None, tags=None, differs=None):
    """A run in state `Started`, as Dagster records one whose process has this id; its machine may differ from ours."""
    machine = str(this_machine()).split()
    if differs is not None:
        machine[differs] = "different"
    tags = {launcher.MACHINE_TAG: " ".join(machine), **(tags or {})}
    run = instance.create_run_for_job(a_job, tags=tags, status=DagsterRunStatus.STARTED)
    instance.report_engine_event("Something without a process.", run)
    if process_id is not None:
        instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(process_id))
        instance.report_engine_event("Another's.", run, EngineEventData.in_process(os.getpid()))
    return run


def status_of(instance, run):
    return instance.run_launcher.check_run_worker_health(run).status


def server_at(socket):
    return {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(socket)})}


def killed(child):
    child.kill()
    child.wait()
    return child.pid


def test_a_run_lives_as_long_as_its_process(instance, child):
    run = started_run(instance, child.pid)
    assert status_of(instance, run) == WorkerStatus.RUNNING
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert status_of(instance, run) == WorkerStatus.FAILED, "also before its parent has asked for the exit code"
    child.wait()
    assert status_of(instance, run) == WorkerStatus.FAILED


def test_a_younger_process_with_the_same_number_is_not_the_runs(instance, child, monkeypatch):
    run = started_run(instance, child.pid)
    monkeypatch.setattr(launcher, "CLOCK_SECONDS", -(time.time() - psutil.Process(child.pid).create_time()) - 1)
    assert status_of(instance, run) == WorkerStatus.FAILED


def test_after_a_restart_of_the_machine_its_runs_have_ended(instance):
    assert status_of(instance, started_run(instance, os.getpid(), differs=BOOT)) == WorkerStatus.FAILED


@pytest.mark.parametrize(
    ("tags", "differs"),
    [
        ({}, NAME),
        ({}, TABLE_OF_PROCESSES),
        ({launcher.MACHINE_TAG: ""}, None),
        ({launcher.MACHINE_TAG: "unreadable"}, None),
        (SERVER_ELSEWHERE, None),
        (SERVER_ELSEWHERE, BOOT),
    ],
    ids=["machine", "container", "none noted", "unreadable note", "server elsewhere", "that, and a restart here"],
)
def test_a_run_counts_as_alive_where_nobody_can_know(instance, child, tags, differs):
    assert status_of(instance, started_run(instance, killed(child), tags, differs)) == WorkerStatus.RUNNING


def test_a_run_of_a_machine_that_stays_off_is_dead_after_a_long_silence(instance, child, monkeypatch):
    elsewhere, here = started_run(instance, killed(child), differs=NAME), started_run(instance, os.getpid())
    monkeypatch.setattr(launcher, "SILENT_SECONDS", -1)
    assert status_of(instance, elsewhere) == WorkerStatus.FAILED
    assert status_of(instance, here) == WorkerStatus.RUNNING, "it is seen, so it may be silent"


def test_a_run_that_has_not_yet_said_its_process_counts_as_alive(instance):
    assert status_of(instance, started_run(instance)) == WorkerStatus.RUNNING


def test_without_its_code_server_the_process_itself_decides(instance, child, tmp_path):
    run = started_run(instance, child.pid, server_at(tmp_path / "gone"))
    assert status_of(instance, run) == WorkerStatus.RUNNING, "a killed server's runs go on"
    killed(child)
    assert status_of(instance, run) == WorkerStatus.FAILED


def test_a_process_that_the_system_hides_counts_as_alive(instance, child, monkeypatch):
    run = started_run(instance, child.pid)
    monkeypatch.setattr(psutil, "Process", _hidden)
    assert status_of(instance, run) == WorkerStatus.RUNNING


def _hidden(process_id):
    raise psutil.NoSuchProcess(process_id)


@pytest.mark.costly
def test_a_code_server_that_does_not_know_a_run_has_lost_it(instance, child, tmp_path):
    socket, code = tmp_path / "server", tmp_path / "code.py"
    code.write_text("import dagster\n\ndefinitions = dagster.Definitions()\n")  # whose code it serves is all the same
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket), "--python-file", str(code)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            client = DagsterGrpcClient(socket=str(socket))
            answers_within(server, client)
            run = started_run(instance, killed(child), server_at(socket), NAME)
            assert status_of(instance, run) == WorkerStatus.FAILED
        finally:
            server.send_signal(signal.SIGKILL)
    assert status_of(instance, run) == WorkerStatus.RUNNING, "without an answer nobody knows"


def answers_within(server, client):
    while server.poll() is None:
        try:
            return client.ping("")
        except DagsterUserCodeUnreachableError:
            continue
    raise AssertionError(f"the code server ended with {server.returncode}")


def test_its_code_server_is_believed_whatever_the_processes_look_like(instance, child, monkeypatch, tmp_path):
    yes = serialize_value(CanCancelExecutionResult(can_cancel=True))
    monkeypatch.setattr(DagsterGrpcClient, "can_cancel_execution", lambda *_, **__: yes)
    run = started_run(instance, killed(child), server_at(tmp_path / "server"))
    assert status_of(instance, run) == WorkerStatus.RUNNING


def test_a_run_of_the_command_line_says_on_which_machine(instance):
    outcome = run_job(dg.Definitions(jobs=[a_job]), instance, "a_job")
    assert instance.get_run_by_id(outcome.run_id).tags[launcher.MACHINE_TAG] == this_machine()


@pytest.mark.costly
def test_dagsters_monitoring_fails_the_killed_run_and_leaves_the_living_one(instance, child):
    living, dead = started_run(instance, os.getpid()), started_run(instance, killed(child))
    for run in (living, dead):
        record = instance.get_run_record_by_id(run.run_id)
        monitor_started_run(instance, cast("Any", None), record, dg.get_dagster_logger())
    states = {run.run_id: instance.get_run_by_id(run.run_id).status for run in (living, dead)}
    assert states == {living.run_id: DagsterRunStatus.STARTED, dead.run_id: DagsterRunStatus.FAILURE}
