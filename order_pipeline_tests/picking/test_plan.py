"""Planning, without any I/O: what the order says now against what the outbox knows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from order_pipeline.destinations.settings import ScanOrdersSettings
from order_pipeline.picking.outbox.payload import payload_sha256, payload_text
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.picking.planning.pick_lines import build_payload, pick_line_from_row
from order_pipeline.picking.planning.pick_list import PickList
from order_pipeline.picking.planning.plan import make_plan
from order_pipeline.picking.planning.upstream import UpstreamStatus
from order_pipeline.settings import PickingSettings
from order_pipeline_tests.picking.picks import MORNING, pick_row

SETTINGS = ScanOrdersSettings()
FLOORS = {"main": SETTINGS, "north": ScanOrdersSettings()}
PICK = "kibo:acme:K1:1"


def known(state, row=None, **changes):
    """The outbox's line for a row, in a state."""
    line = pick_line_from_row(row or pick_row())
    text = payload_text(build_payload(line, SETTINGS))
    stored = OutboxLine(
        pick_id=line.pick_id,
        source=line.source,
        account=line.account,
        order_id=line.order_id,
        order_number=line.order_number,
        line_id=line.line_id,
        shipment_id=None,
        state=PickState(state),
        reason=None,
        detail=None,
        wave=1,
        position=0,
        payload=text,
        payload_sha256=payload_sha256(text),
        seen_payload=None,
        seen_sha256=None,
        attempt=1,
        run_id="before",
        snapshot_id=None,
        fence=1,
        http_status=None,
        reply=None,
        fulfilment_id="7600001",
        pushed_status=None,
        upstream_status=None,
        planned_at=MORNING,
        sent_at=None,
        updated_at=MORNING,
    )
    return replace(stored, **changes)


def plan_of(rows, outbox=(), upstream=(), covered=None):
    return make_plan(PickList(rows=rows, upstream=upstream), outbox, FLOORS, wave=2, covered=covered)


def moves(plan):
    return [(each.before.value, each.after.value) for each in plan.transitions]


def test_an_order_with_one_line_that_cannot_go_is_held_whole():
    plan = plan_of([pick_row(0, line="1"), pick_row(1, line="2", bin_location=" ")])
    assert [(row["line_id"], row["state"], row["reason"]) for row in plan.new_lines] == [
        ("1", "held", "order_held"),
        ("2", "held", "missing_bin_location"),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"barcode": None}, "missing_barcode"),
        ({"customer_name": ""}, "missing_customer_name"),
        ({"quantity": Decimal("1.5")}, "quantity_not_pickable"),
        ({"quantity": 0}, "quantity_not_pickable"),
        ({"quantity": None}, "quantity_not_pickable"),
        ({"hold_reason": "fraud_lock", "hold_detail": "locked"}, "fraud_lock"),
    ],
)
def test_a_line_that_scanorders_would_refuse_is_held_with_its_reason(changes, reason):
    (row,) = plan_of([pick_row(**changes)]).new_lines
    assert (row["state"], row["reason"]) == ("held", reason)


def test_two_different_lines_with_one_identity_are_held_and_identical_ones_are_one():
    (held,) = plan_of([pick_row(quantity=1), pick_row(quantity=2)]).new_lines
    (planned,) = plan_of([pick_row(), pick_row()]).new_lines
    assert (held["reason"], planned["state"]) == ("duplicate_line", "planned")


def test_orders_queue_oldest_first_with_their_lines_together():
    rows = [pick_row(5, order="young"), pick_row(1, order="old", line="1"), pick_row(1, order="old", line="2")]
    assert [row["order_id"] for row in plan_of(rows).new_lines] == ["old", "old", "young"]


NOT_TO_BE_SENT = ["sent", "resolved_sent", "in_doubt", "changed_after_send", "cancelled_after_send", "sending"]


@pytest.mark.parametrize("state", NOT_TO_BE_SENT)
@pytest.mark.parametrize("quantity", [2, 5])
def test_a_known_identity_on_the_floor_or_in_doubt_never_enters_the_queue_again(state, quantity):
    plan = plan_of([pick_row(quantity=quantity)], [known(state)])
    assert plan.new_lines == []
    assert PickState.PLANNED not in {each.after for each in plan.transitions}


def test_another_payload_after_sending_opens_a_task_that_hides_the_customer():
    plan = plan_of([pick_row(quantity=5, customer_name="Grace Hopper")], [known("sent")])
    (task,) = plan.tasks
    assert moves(plan) == [("sent", "changed_after_send")]
    assert "qtytopick: 2 -> 5" in task.detail
    assert "Grace" not in task.detail
    assert "Lovelace" not in task.detail


def test_the_same_change_seen_again_changes_nothing():
    changed = pick_row(quantity=5)
    text = payload_text(build_payload(pick_line_from_row(changed), SETTINGS))
    line = known("changed_after_send", seen_payload=text, seen_sha256=payload_sha256(text))
    plan = plan_of([changed], [line])
    assert (plan.transitions, plan.tasks) == ([], [])


def test_another_payload_before_sending_replaces_the_queued_one():
    plan = plan_of([pick_row(quantity=5)], [known("planned")])
    (transition,) = plan.transitions
    assert (transition.after, '"qtytopick":5' in transition.changes["payload"]) == (PickState.PLANNED, True)


def test_a_line_said_not_to_be_on_the_floor_is_planned_again():
    assert moves(plan_of([pick_row()], [known("resolved_not_sent")])) == [("resolved_not_sent", "planned")]


GONE = [
    ("planned", None, [("planned", "held")], 0),
    ("sent", "shipped", [], 0),
    ("sent", "delivered", [], 0),
    ("sent", "cancelled", [("sent", "cancelled_after_send")], 1),
    ("sent", "accepted", [("sent", "cancelled_after_send")], 1),
    ("sent", None, [("sent", "cancelled_after_send")], 1),
    ("sent", "unknown", [], 0),
    ("resolved_sent", "cancelled", [("resolved_sent", "cancelled_after_send")], 1),
    ("in_doubt", "cancelled", [], 1),
    ("cancelled_after_send", "cancelled", [], 0),
]


@pytest.mark.parametrize(("state", "status", "expected", "tasks"), GONE)
def test_a_line_that_left_the_list_of_picks(state, status, expected, tasks):
    upstream = [UpstreamStatus(pick_id=PICK, order_status=status)] if status else []
    plan = plan_of([], [known(state)], upstream)
    assert (moves(plan), len(plan.tasks)) == (expected, tasks)


def test_lines_of_a_source_that_was_not_read_are_left_alone():
    assert plan_of([], [known("sent"), known("planned")], covered=frozenset({"skroutz"})).transitions == []


def test_a_hold_after_sending_calls_the_pick_back_but_a_gap_in_our_item_data_does_not():
    held = plan_of([pick_row(hold_reason="fraud_lock")], [known("sent")])
    gap = plan_of([pick_row(hold_reason="no_location", bin_location=None)], [known("sent")])
    assert moves(held) == [("sent", "cancelled_after_send")]
    assert moves(gap) == []


STATUSES = [
    ({"order_status": "accepted", "shipment_status": "unknown", "line_status": "open"}, "unknown"),
    ({"order_status": "accepted", "shipment_status": "shipped"}, "shipped"),
    ({"order_status": "shipped", "line_status": "cancelled"}, "cancelled"),
    ({"order_status": "accepted", "shipment_status": "backordered"}, "backordered"),
    ({"order_status": "shipped", "line_status": "open"}, "shipped"),
    ({"order_status": "partially_shipped", "line_status": "open"}, "open"),
    ({"order_status": "partially_shipped", "line_status": "shipped"}, "shipped"),
    ({"order_status": "partially_shipped"}, "partially_shipped"),
    ({}, None),
]


@pytest.mark.parametrize(("statuses", "telling"), STATUSES)
def test_the_most_telling_of_three_statuses_counts(statuses, telling):
    assert UpstreamStatus(pick_id=PICK, **statuses).status == telling


def test_a_quantity_that_shrank_by_what_was_shipped_is_no_change():
    shipped = UpstreamStatus(pick_id=PICK, order_status="partially_shipped", quantity_shipped=Decimal(1))
    assert moves(plan_of([pick_row(quantity=1)], [known("sent")], [shipped])) == []
    assert moves(plan_of([pick_row(quantity=1)], [known("sent")])) == [("sent", "changed_after_send")]


def test_a_new_line_that_cannot_go_makes_an_order_on_the_floor_an_exception():
    rows = [pick_row(0, line="1"), pick_row(1, line="2", barcode=None)]
    (task,) = plan_of(rows, [known("sent", rows[0])]).tasks
    assert task.detail == "on the floor: 1; in doubt: none; not on the floor: 2 (missing_barcode)"


def test_what_keeps_the_rest_of_an_order_calls_no_sent_line_off():
    row = pick_row(hold_reason="line_not_ready", hold_scope="order")
    plan = plan_of([row], [known("sent")])
    assert (moves(plan), plan.tasks) == ([], [])


def test_levels_that_contradict_each_other_after_sending_are_a_task_with_the_values():
    detail = "order CANCELED, shipment 10 READY, item A NORMAL"
    row = pick_row(hold_reason="contradictory_levels", hold_detail=detail, hold_scope="line")
    (task,) = plan_of([row], [known("sent")]).tasks
    assert (task.kind, detail in task.detail) == ("cancelled_after_send", True)


@pytest.mark.parametrize(
    ("wave_order", "orders"),
    [("urgent", ["express", "soon", "later", "old"]), ("oldest", ["old", "later", "soon", "express"])],
)
def test_express_and_what_must_leave_first_is_first_in_a_wave(wave_order, orders):
    rows = [
        pick_row(0, order="old"),
        pick_row(1, order="later", ship_by_at=MORNING + timedelta(days=2)),
        pick_row(2, order="soon", ship_by_at=MORNING + timedelta(days=1)),
        pick_row(3, order="express", is_express=True),
    ]
    plan = make_plan(PickList(rows=rows), (), FLOORS, wave=1, rules=PickingSettings(wave_order=wave_order))
    assert [row["order_number"] for row in plan.new_lines] == orders


def test_the_payload_shows_the_day_on_the_channel_s_own_clock():
    line = pick_line_from_row(pick_row(ordered_on=MORNING.date() + timedelta(days=1)))
    assert build_payload(line, SETTINGS)["orderdate"] == "2026-03-02"
