"""Whether a process certainly ended: its id alone proves nothing."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from order_pipeline.operations.processes import has_ended, has_restarted, is_near, this_machine, this_process

pytestmark = pytest.mark.every_python


@pytest.fixture
def own():
    mark = this_process()
    if mark is None:
        pytest.skip("this system does not tell when a process started")
    return mark


def test_a_process_is_alive_to_itself_and_to_its_threads(own):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(this_process()))
    thread.start()
    thread.join()
    assert seen == [own]
    assert is_near(own)
    assert not has_ended(own)


def test_an_id_that_is_used_again_is_not_the_same_process(own):
    assert has_ended(replace(own, started=own.started - 1))


def test_the_first_process_of_the_machine_is_alive(own):
    """Often another user's: its existence can be asked for, but no signal sent."""
    assert not has_ended(replace(own, process_id=1, started=started(1)))


def test_of_another_machines_process_nothing_is_concluded(own):
    elsewhere = replace(own, machine="elsewhere", started=own.started - 1)
    assert not is_near(elsewhere)
    assert not has_ended(elsewhere)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("differs", "restarted"), [((), False), ((0,), False), ((1,), True), ((1, 2), True), ((0, 1), False)]
)
def test_a_machine_of_the_same_name_and_another_boot_was_started_anew(differs, restarted):
    parts = str(this_machine()).split()
    machine = " ".join("different" if number in differs else part for number, part in enumerate(parts))
    assert has_restarted(machine) == restarted


def test_a_finished_child_has_ended_before_and_after_its_parent_asked(own):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = replace(own, process_id=child.pid, started=started(child.pid))
        alive = has_ended(mark)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        zombie = has_ended(mark)
    assert (alive, zombie, has_ended(mark)) == (False, True, True)


def started(process_id):
    return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19])
