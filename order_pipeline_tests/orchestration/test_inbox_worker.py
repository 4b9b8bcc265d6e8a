"""The process that waits for webhooks: when it runs, when it ends, and that the sensor sees to it."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import psutil
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus

from order_pipeline.operations import inbox
from order_pipeline.operations.store import open_store
from order_pipeline.orchestration import inbox_worker
from order_pipeline.orchestration.inbox_sensor import WorkerProcess
from order_pipeline.orchestration.inbox_worker import PAUSES_AFTER_FAILURES, SECONDS_BETWEEN_LOOKS, Wanted, watch
from order_pipeline.settings import Settings
from order_pipeline_tests.waiting import wait_until


def look_by_look(*looks, on=True):
    """Watch through the looks; how many runs were started, and how long each pause was."""
    left, pauses, runs = list(looks), [], []

    def wait(seconds):
        pauses.append(seconds)
        left.pop(0)

    def run():
        runs.append(left[0])
        return left[0][1]

    watch(lambda: bool(left), wait, lambda: left[0][0], lambda: on, run)
    return len(runs), pauses


NOTHING, GOOD, BAD = (False, True), (True, True), (True, False)


def test_a_webhook_is_run_at_the_next_look_and_an_empty_inbox_costs_no_run():
    assert look_by_look(NOTHING, GOOD, NOTHING) == (1, [SECONDS_BETWEEN_LOOKS] * 3)


def test_what_failed_is_tried_again_with_growing_pauses_even_if_it_landed():
    landed_but_failing = (False, False)
    runs, pauses = look_by_look(BAD, *[landed_but_failing] * 4, NOTHING, NOTHING)
    assert runs == 6
    assert pauses == [*PAUSES_AFTER_FAILURES, PAUSES_AFTER_FAILURES[-1], SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LOOKS]


def test_it_ends_without_a_run_when_the_sensor_is_switched_off():
    assert look_by_look(NOTHING, GOOD, GOOD, on=False) == (0, [SECONDS_BETWEEN_LOOKS])


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def pipe():
    """A pipe whose writing end the test may close."""
    source, target = os.pipe()
    open_ends = {source, target}

    def close(end):
        if end in open_ends:
            open_ends.remove(end)
            os.close(end)

    yield source, target, close
    close(target)
    close(source)


def test_it_is_wanted_while_it_hears_of_the_sensor(pipe):
    source, target, _ = pipe
    clock = Clock()
    wanted = Wanted(source, clock)
    clock.now = inbox_worker.WANTED_SECONDS - 1
    assert wanted
    os.write(target, b".")
    wait_until(lambda: wanted.heard == clock.now)
    clock.now += inbox_worker.WANTED_SECONDS - 1
    assert wanted
    clock.now += 1
    assert not wanted


def test_it_is_not_wanted_once_the_sensors_process_has_ended(pipe):
    source, target, close = pipe
    wanted = Wanted(source)
    assert wanted
    close(target)
    wait_until(lambda: not wanted)


def test_the_sensor_keeps_one_process_and_replaces_one_that_ended(monkeypatch):
    worker = WorkerProcess("skroutz")
    monkeypatch.setattr(worker, "command", [sys.executable, "-c", "import sys; sys.stdin.read()"])
    first = worker.keep()
    assert worker.keep() == first
    psutil.Process(first).kill()
    wait_until(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE)
    second = worker.keep()
    assert second != first
    psutil.Process(second).kill()


@pytest.mark.costly
def test_the_process_ends_by_itself_when_nobody_holds_its_input(tmp_path):
    command = [sys.executable, "-m", "order_pipeline", "webhooks", "watch", "skroutz"]
    environment = {**os.environ, "ORDER_PIPELINE_DATA_DIR": str(tmp_path), "ORDER_PIPELINE_WITNESS_DIR": "none"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("said", "by_default", "is_on"),
    [
        (None, True, True),
        (None, False, False),
        (InstigatorStatus.STOPPED, True, False),
        (InstigatorStatus.RUNNING, False, True),
    ],
)
def test_a_persons_word_in_the_ui_goes_before_the_setting(said, by_default, is_on):
    states = [Mock(status=said)] if said else []
    for state in states:
        state.name = "skroutz_inbox"
    instance = Mock(all_instigator_state=Mock(return_value=states))
    assert inbox_worker.is_switched_on(instance, "skroutz_inbox", by_default=by_default) is is_on


def test_while_it_watches_it_holds_a_lease_and_gives_it_back(tmp_path, pipe):
    with open_store(Settings(data_dir=tmp_path).resolved_operations_url) as store:
        assert not inbox.is_watched(store, "skroutz", datetime.now(UTC))
        with inbox_worker.watching(store, "skroutz", Wanted(pipe[0])) as still_watching:
            assert still_watching()
            assert still_watching()
            assert inbox.is_watched(store, "skroutz", datetime.now(UTC))
            assert not inbox.is_watched(store, "skroutz", datetime.now(UTC) + timedelta(minutes=5))
        assert not inbox.is_watched(store, "skroutz", datetime.now(UTC))
