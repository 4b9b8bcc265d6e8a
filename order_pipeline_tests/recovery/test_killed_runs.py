"""A run that is killed after any write leaves stores that belong together: the next run goes on without a word."""

import os
import signal
import subprocess
import sys

import pytest

from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR
from order_pipeline_tests.recovery.installations import new_installation
from order_pipeline_tests.recovery.test_settling import on_the_floor
from order_pipeline_tests.shared_demo import PROJECT

SAMPLE = (7,)
"""After how many writes an emission is killed without the mark `slow`."""


def up_to(writes, sample=()):
    """After each of so many writes; all but the sample are slow."""
    return [pytest.param(n, marks=() if n in sample else pytest.mark.slow) for n in range(1, writes + 1)]


def killed(installation, run, writes):
    """Whether the run was killed; False: it ended before that many writes."""
    arguments = [str(installation.data_dir), str(installation.witness_dir), installation.server.url, run, str(writes)]
    command = [sys.executable, "-m", "order_pipeline_tests.recovery.killed_child", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("writes", up_to(19))
def test_a_first_run_that_is_killed_locks_nobody_out(tmp_path, running_fakes, writes):
    running_fakes.reset()
    installation = new_installation(tmp_path, running_fakes)
    if not killed(installation, "read", writes):
        pytest.skip("the run has fewer writes")
    installation.read()
    assert installation.emit().sent > 0
    assert installation.accepted() == on_the_floor(installation)


@pytest.mark.costly
@pytest.mark.parametrize("writes", up_to(36, SAMPLE))
def test_an_emission_that_is_killed_locks_nobody_out_and_sends_nothing_twice(installation, writes):
    if not killed(installation, "emit", writes):
        pytest.skip("the run has fewer writes")
    installation.emit()
    assert not installation.accepted() - on_the_floor(installation, ON_THE_FLOOR | PERHAPS_ON_THE_FLOOR)
    assert not on_the_floor(installation) - installation.accepted()
