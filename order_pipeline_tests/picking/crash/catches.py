"""Which cell of the crash matrix catches which breakage. Any one is enough; most are caught by many."""

from __future__ import annotations

from dataclasses import replace

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.cells import Accounts, Cell, examine
from order_pipeline_tests.picking.crash.rivals import SPECIAL_CELLS

CAUGHT_BY: dict[str, Cell | str] = {
    "send_before_intent": Cell(outcome="accepted", boundary="after_post", hit=2),
    "answer_not_durable": Cell(outcome="accepted", boundary="after_post", hit=3),
    "lease_ignored": "two emitters at once",
    "retry_after_timeout": Cell(outcome="reply dropped"),
    "identity_without_line": Cell(outcome="accepted"),
    "hopeful_recovery": Cell(outcome="accepted", boundary="after_post", hit=2),
    "server_error_means_refused": Cell(outcome="500 after"),
    "change_is_a_new_pick": "changed afterwards",
    "all_intents_at_once": Cell(outcome="accepted", boundary="after_intent"),
    "frozen_means_dead": "two emitters at once",
}
"""The name of a special cell, or a cell of the table."""


def examine_place(place: Cell | str, sandbox: SandboxServer, number: int, mutant: str | None = None) -> Accounts:
    """The accounts of a cell, with a breakage built in or without."""
    if isinstance(place, str):
        return SPECIAL_CELLS[place](sandbox, number, mutant)
    return examine(replace(place, mutant=mutant), sandbox, number)
