"""The crash matrix holds, and would not hold for an emitter with any of the shipped breakages."""

import random

import pytest

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.catches import CAUGHT_BY, examine_place
from order_pipeline_tests.picking.crash.cells import all_cells, examine
from order_pipeline_tests.picking.crash.mutants import BREAKAGES
from order_pipeline_tests.picking.crash.rivals import SPECIAL_CELLS

CELLS = all_cells()
SAMPLE = random.Random(5).sample(range(len(CELLS)), 10)


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.mark.parametrize("number", SAMPLE, ids=lambda number: str(CELLS[number]))
def test_a_sample_of_the_matrix(sandbox, number):
    # Orders of its own: where the whole matrix runs too, the same ones would reach the same app a second time.
    assert examine(CELLS[number], sandbox, 1000 + number).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CELLS)), ids=lambda number: str(CELLS[number]))
def test_the_whole_matrix(sandbox, number):
    assert examine(CELLS[number], sandbox, number).wrong == []


@pytest.mark.parametrize("name", SPECIAL_CELLS)
def test_with_more_than_one_emitter_or_a_moving_order(sandbox, name):
    number = 2000 + list(SPECIAL_CELLS).index(name)
    assert SPECIAL_CELLS[name](sandbox, number, None).wrong == []


@pytest.mark.costly
@pytest.mark.parametrize("mutant", BREAKAGES)
def test_the_matrix_catches(sandbox, mutant):
    """The same cell that passes with the true emitter fails with the breakage."""
    place = CAUGHT_BY[mutant]
    number = 3000 + list(BREAKAGES).index(mutant)
    assert examine_place(place, sandbox, number).wrong == []
    assert examine_place(place, sandbox, number + 500, mutant).wrong != []
