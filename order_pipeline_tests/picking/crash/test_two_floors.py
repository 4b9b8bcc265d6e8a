"""An emitter that dies while it sends to two floors: each floor has its own picks, each at most once, none lost."""

from collections import Counter

import pytest

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.picking.crash.cells import Accounts, check_accounts
from order_pipeline_tests.picking.crash.children import IN_FLIGHT, Job, run
from order_pipeline_tests.picking.picks import pick_row

FLOORS = ("main", "north")
DEATHS = [("after_plan", 1), ("after_intent", 2), ("before_post", 3), ("after_post", 3), ("after_answer", 2)]


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


@pytest.mark.parametrize(("boundary", "hit"), DEATHS)
def test_a_death_doubles_nothing_and_loses_nothing_at_either_floor(sandbox, tmp_path, boundary, hit):
    sandbox.reset()
    channel = sandbox.channels["scanorders"]
    # Every order has lines at both floors, so each floor waits for the other.
    rows = [
        pick_row(order * 4 + line, order=f"K{order}", line=str(line), floor=FLOORS[(order + line) % 2])
        for order in range(3)
        for line in range(4)
    ]

    def job(run_id, **death):
        tokens = {"token": channel.issue_token(), "north_token": channel.issue_token(account="north")}
        url = sandbox.channel_url("scanorders")
        return Job(folder=str(tmp_path), base_url=url, rows=rows, run_id=run_id, **tokens, **death)

    assert run(job("dies", kill_at=boundary, hit=hit)).killed
    assert [run(job(run_id)).error for run_id in ("resumes", "resumes again")] == [None, None]
    ledger = channel.ledger()
    ledgers = {"main": ledger, **ledger["accounts"]}
    fulfilments = [each for of_floor in ledgers.values() for each in of_floor["fulfilments"]]
    accounts = Accounts()
    check_accounts(accounts, rows, job("accounts"), {"fulfilments": fulfilments}, interrupted=2 * IN_FLIGHT)
    assert accounts.wrong == []
    floor_of = {row["barcode"]: row["floor"] for row in rows}
    seen = Counter(
        (floor, floor_of[each["values"]["barcode"]]) for floor in FLOORS for each in ledgers[floor]["fulfilments"]
    )
    assert seen[("main", "north")] == seen[("north", "main")] == 0
