"""The crash matrix holds, and would not hold for an emitter with any of the shipped breakages."""

import random

import pytest

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.cells import Cell, all_cells, examine
from order_pipeline_tests.picking.crash.mutants import BREAKAGES
from order_pipeline_tests.picking.crash.rivals import SPECIAL_CELLS

CELLS = all_cells()
SAMPLE = random.Random(5).sample(range(len(CELLS)), 10)

CAUGHT_BY = {
    "send_before_intent": Cell(outcome="accepted", boundary="after_post", hit=2),
    "answer_not_durable": Cell(outcome="accepted", boundary="after_post", hit=3),
    "lease_ignored": "two emitters at once",
    "retry_after_timeout": Cell(outcome="reply dropped"),
    "identity_without_line": Cell(outcome="accepted"),
    "hopeful_recovery": Cell(outcome="accepted", boundary="after_post", hit=2),
    "server_error_means_refused": Cell(outcome="500 after"),
    "change_is_a_new_pick": "changed afterwards",
    "all_intents_at_once": Cell(outcome="accepted", boundary="after_intent"),
}


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.mark.parametrize("number", SAMPLE, ids=lambda number: str(CELLS[number]))
def test_a_sample_of_the_matrix(sandbox, number):
    assert examine(CELLS[number], sandbox, number).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CELLS)), ids=lambda number: str(CELLS[number]))
def test_the_whole_matrix(sandbox, number):
    assert examine(CELLS[number], sandbox, number).wrong == []


@pytest.mark.parametrize("name", SPECIAL_CELLS)
def test_with_more_than_one_emitter_or_a_moving_order(sandbox, name):
    number = 2000 + list(SPECIAL_CELLS).index(name)
    assert SPECIAL_CELLS[name](sandbox, number, None).wrong == []


@pytest.mark.parametrize("mutant", BREAKAGES)
def test_the_matrix_catches(sandbox, mutant):
    """The same cell that passes with the true emitter fails with the breakage."""
    cell = CAUGHT_BY[mutant]
    number = 3000 + list(BREAKAGES).index(mutant)
    if isinstance(cell, str):
        assert SPECIAL_CELLS[cell](sandbox, number, mutant).wrong != []
        return
    broken = Cell(outcome=cell.outcome, boundary=cell.boundary, hit=cell.hit, mutant=mutant)
    assert examine(cell, sandbox, number).wrong == []
    assert examine(broken, sandbox, number + 500).wrong != []
