"""A matrix of like cases in the fast run: some of them, by a seed; the others have the mark `slow`."""

import random
from collections.abc import Collection
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def sampled(cases: Collection[Any], size: int) -> list[ParameterSet]:
    """The cases for `pytest.mark.parametrize`: all but `size` of them are slow.

    Args:
        cases: a tuple is one value for each argument's name; anything else is the one value.
        size: how many cases run without the mark; the same ones in every process.
    """
    chosen = set(random.Random(7).sample(range(len(cases)), size))
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if place in chosen else pytest.mark.slow)
        for place, case in enumerate(cases)
    ]
