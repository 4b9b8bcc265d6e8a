"""Samples for the fast run: what is not in them has the mark `slow`, and runs with `make test-all` alone.

A matrix of like cases is sampled by `sampled`. Tests that take half a second or more each, because they make a run, a
lake or a demo, have the mark `costly`: the fast run takes those of one file in eight, `make test TEST_SEED=8` those of
others. Whole files are taken, since the tests of a file share what they make.
"""

import os
import random
import zlib
from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet

SEED = int(os.environ.get("TEST_SEED", "7"))
ONE_IN = 8
"""Of so many files with costly tests the fast run takes one."""


def sampled(cases: Collection[Any], size: int) -> list[ParameterSet]:
    """The cases for `pytest.mark.parametrize`: all but `size` of them are slow.

    Args:
        cases: a tuple is one value for each argument's name; anything else is the one value.
        size: how many cases run without the mark; the same ones in every process.
    """
    chosen = set(random.Random(SEED).sample(range(len(cases)), size))
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if place in chosen else pytest.mark.slow)
        for place, case in enumerate(cases)
    ]


def mark_unsampled(items: Iterable[pytest.Item]) -> None:
    """Mark the costly tests of the files that are not in the sample as slow; the same ones in every process."""
    for item in items:
        if item.get_closest_marker("costly") and not is_sampled(item.nodeid.split("::", maxsplit=1)[0]):
            item.add_marker("slow")


def is_sampled(file: str, seed: int = SEED) -> bool:
    """Whether the file's costly tests run: of `ONE_IN` seeds in a row, exactly one takes them."""
    return zlib.crc32(file.encode()) % ONE_IN == seed % ONE_IN
