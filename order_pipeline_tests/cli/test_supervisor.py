"""Several services as one: who dies is named and started again, who dies too often stops all, and nobody is left."""

import os
import signal
import subprocess
import sys

import pytest

from order_pipeline_tests.cli.test_process_group import is_left
from order_pipeline_tests.shared_demo import PROJECT

pytestmark = pytest.mark.costly

SECONDS = 60
STAYS = "import signal; signal.pause()"
PARENT = """
import os, signal, sys
from pathlib import Path
from order_pipeline.cli.process_group import stop_signals_interrupt
from order_pipeline.cli.supervisor import RestartRule, Service, keep_running
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # what started the tests may hand on that they are blocked or ignored
for number in STOPS:
    signal.signal(number, signal.default_int_handler)
codes = dict(zip(sys.argv[1::2], sys.argv[2::2]))
services = [Service(name, [sys.executable, "-c", code]) for name, code in codes.items()]
def say(text):
    print(text, *(each.guardian_id for each in services if each.guardian_id), sep="|", flush=True)
rule = RestartRule(most_ends=3, first_wait_seconds=0.01)
with stop_signals_interrupt():
    sys.exit(keep_running(services, Path("."), os.environ, say, rule))
"""


@pytest.fixture
def supervise():
    """Start a supervisor of services given by name and code."""
    started = []

    def start(**codes):
        arguments = [text for pair in codes.items() for text in pair]
        process = subprocess.Popen(
            [sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE, text=True, cwd=PROJECT
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def read_until(process, words):
    """The lines up to the first with these words; the ids of guardians that it names."""
    lines = []
    for line in process.stdout:
        said, *guardians = line.rstrip("\n").split("|")
        lines.append(said)
        if words in said:
            return lines, [int(each) for each in guardians]
    pytest.fail(f"never said {words!r}: {lines}")


def end_of(process):
    return process.wait(SECONDS)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGHUP))],
    ids=lambda number: number.name,
)
def test_a_signal_to_stop_ends_all_of_them_and_counts_as_success(supervise, number):
    process = supervise(first=STAYS, second=STAYS)
    _, guardians = read_until(process, "second: started")
    process.send_signal(number)
    assert end_of(process) == 0
    assert len(guardians) == 2
    assert not any(is_left(each) for each in guardians)


def test_one_that_dies_is_named_and_started_again_while_the_others_go_on(supervise):
    process = supervise(stays=STAYS, dies=f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    _, (stays, _) = read_until(process, "dies: started")
    said, guardians = read_until(process, "dies: started again")
    assert "dies: ended (killed by signal 9); starts again in 0.01 s" in said
    assert stays in guardians


def test_one_that_dies_too_often_stops_all_and_is_told(supervise):
    process = supervise(stays=STAYS, dies="import sys; sys.exit(7)")
    _, (stays, _) = read_until(process, "dies: started")
    read_until(process, "dies: ended (exit code 7) 3 times; everything is stopped")
    assert end_of(process) == 1
    assert not is_left(stays)


def test_one_that_waits_for_its_next_start_keeps_nobody_from_stopping(supervise):
    process = supervise(dies="import sys; sys.exit(7)")
    read_until(process, "starts again")
    os.kill(process.pid, signal.SIGTERM)
    assert end_of(process) in {0, 1}, "1 when the last end was faster than the signal"
