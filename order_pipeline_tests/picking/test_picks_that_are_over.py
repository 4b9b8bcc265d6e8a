"""Which sent picks are followed no more, and that nothing is concluded from their absence nor sent a second time."""

from datetime import timedelta

import pytest

from order_pipeline.picking.outbox.states import ON_THE_FLOOR, PERHAPS_ON_THE_FLOOR
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.picking.planning.upstream import FOLLOWED_AFTER_LEAVING, UpstreamStatus, is_over
from order_pipeline_tests.picking.picks import MORNING, pick_row
from order_pipeline_tests.picking.test_plan import FLOORS, PICK, known, moves

LATER = MORNING + FOLLOWED_AFTER_LEAVING + timedelta(seconds=1)
AGAIN = f"{PICK}:11"


def plan_of(rows, outbox, followed, upstream=()):
    picks = PickList(rows=rows, upstream=upstream, followed=frozenset(followed))
    return make_plan(picks, outbox, FLOORS, wave=2)


@pytest.mark.parametrize(
    ("state", "upstream_status", "at", "over"),
    [
        ("sent", "shipped", LATER, True),
        ("resolved_sent", "delivered", LATER, True),
        ("sent", "shipped", MORNING + FOLLOWED_AFTER_LEAVING, False),
        ("sent", None, LATER, False),
        ("sent", "accepted", LATER, False),
        ("sent", "partially_shipped", LATER, False),
        ("sent", "partially_delivered", LATER, False),
        ("sent", "unknown", LATER, False),
        ("sent", "cancelled", LATER, False),
    ],
)
def test_a_pick_is_over_thirty_days_after_its_goods_left(state, upstream_status, at, over):
    assert is_over(known(state, upstream_status=upstream_status), at) is over


@pytest.mark.parametrize("state", sorted((ON_THE_FLOOR | PERHAPS_ON_THE_FLOOR) - {"sent", "resolved_sent"}))
def test_a_pick_with_a_task_or_in_doubt_is_never_over(state):
    assert not is_over(known(state, upstream_status="shipped"), LATER)


def test_of_a_pick_that_is_not_followed_nothing_is_concluded():
    over = known("sent", upstream_status="shipped")
    assert moves(plan_of([], [over], followed=[])) == []
    assert moves(plan_of([], [over], followed=[PICK])) == [("sent", "cancelled_after_send")]


@pytest.mark.parametrize("quantity", [2, 5])
def test_a_pick_that_is_over_and_listed_again_is_never_sent_again(quantity):
    over = known("sent", upstream_status="shipped")
    plan = plan_of([pick_row(quantity=quantity)], [over], followed=[PICK])
    assert plan.new_lines == []
    assert {after for _, after in moves(plan)} <= {"changed_after_send"}


def test_a_pick_after_one_that_is_over_is_no_remake():
    over = known("sent", upstream_status="shipped")
    (row,) = plan_of([pick_row(pick_id=AGAIN)], [over], followed=[]).new_lines
    assert (row["pick_id"], row["state"]) == (AGAIN, "planned")
    still_here = UpstreamStatus(pick_id=PICK, order_status="accepted")
    (row,) = plan_of([pick_row(pick_id=AGAIN)], [over], followed=[PICK], upstream=[still_here]).new_lines
    assert (row["pick_id"], row["state"], row["reason"]) == (AGAIN, "held", "remade_after_send")


@pytest.mark.parametrize("state", ["planned", "held", "rejected", "resolved_not_sent"])
def test_a_line_that_was_never_sent_is_always_looked_at(state):
    assert moves(plan_of([], [known(state)], followed=[])) == [(state, "held")]
