"""What is said about a measured process is about that process."""

import pytest

from benchmarks.measuring import measure

STEP = "import json; print(json.dumps({'seconds': 0.5, 'orders': 3}))"


def test_the_peak_memory_is_the_steps_own_and_not_that_of_who_measures():
    held = bytes(200_000_000)
    measured = measure("a small step", ["-c", STEP])
    assert measured.peak_megabytes < 100, f"beside {len(held)} bytes here"


def test_what_the_step_says_is_kept():
    measured = measure("a small step", ["-c", STEP])
    assert (measured.name, measured.seconds, measured.facts) == ("a small step", 0.5, {"orders": 3})
    assert measured.process_seconds > 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('half a file'); raise SystemExit(3)", "'a step' ended with 3: half a file"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "'a step' ended with 137"),
        ("pass", "'a step' ended with 0"),
    ],
)
def test_a_step_that_fails_or_says_nothing_is_no_measurement(code, said):
    with pytest.raises(RuntimeError, match=said):
        measure("a step", ["-c", code])
