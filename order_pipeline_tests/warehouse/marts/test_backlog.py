"""marts.backlog: what is open, what it waits for, and since when. What left, or was called off, is not there."""

from __future__ import annotations

from typing import Any

import pytest

from order_pipeline_tests.warehouse.marts.world import ORDER, World

NOTED = "2026-01-05 11:00:00+00"


def only_row(world: World) -> dict[str, Any]:
    (row,) = world.mart("backlog")
    return row


def reason(world: World) -> tuple[str, str]:
    row = only_row(world)
    return row["stage"], row["reason"]


@pytest.mark.parametrize("status", ["open", "on_hold", "backordered", "partially_shipped", "unknown"])
def test_a_line_of_an_unfinished_order_waits(world: World, status: str) -> None:
    world.add_order("1", {}, order_status=status)
    row = only_row(world)
    assert (row["backlog_id"], row["stage"], row["reason"]) == ("kibo:77:1:1", "at_the_channel", status)
    assert row["age_hours"] > 0


def test_an_accepted_order_of_which_nothing_is_to_be_picked_waits_for_that(world: World) -> None:
    world.add_order("1", {})
    assert reason(world) == ("nothing_to_pick", "nothing_to_pick")


@pytest.mark.parametrize(
    "order",
    [
        {"order_status": "cancelled"},
        {"order_status": "shipped"},
        {"order_status": "quoted"},
        {"order_status": "returned"},
        {"is_test": True},
    ],
    ids=str,
)
def test_an_order_that_is_done_or_a_test_does_not_wait(world: World, order: dict[str, Any]) -> None:
    world.add_order("1", {}, **order)
    assert world.mart("backlog") == []


def test_of_an_order_only_the_open_lines_wait(world: World) -> None:
    lines = [{"line_status": status} for status in ("shipped", "cancelled", "backordered")]
    world.add_order("1", *lines, order_status="backordered")
    row = only_row(world)
    assert (row["line_id"], row["reason"]) == ("kibo:77:1:3", "backordered")


def test_an_order_without_lines_waits_as_a_whole(world: World) -> None:
    order = world.add_order("1", order_status="open")
    row = only_row(world)
    assert (row["backlog_id"], row["line_id"], row["quantity_ordered"]) == (order, None, None)


@pytest.mark.parametrize(("tracking", "waits"), [("1Z9", False), (None, True)])
def test_a_line_whose_parcels_have_tracking_numbers_has_left(world: World, tracking: str | None, waits: bool) -> None:
    order = world.add_order("1", {})
    shipped = {"source": "kibo", "order_day": ORDER["order_day"], "order_id": order, "shipment_id": f"{order}:9"}
    world.add("core.shipments", {**shipped, "shipment_status": "unknown"})
    world.add("core.shipment_lines", {**shipped, "line_id": f"{order}:1", "line_status": "open", "quantity_ordered": 2})
    world.add("core.parcels", {**shipped, "tracking_number": tracking})
    assert bool(world.mart("backlog")) is waits


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("sent", "on_the_floor"),
        ("changed_after_send", "on_the_floor"),
        ("in_doubt", "in_doubt"),
        ("planned", "to_be_sent"),
        ("held", "held"),
        ("rejected", "held"),
    ],
)
def test_the_outbox_says_where_a_line_is(world: World, state: str, stage: str) -> None:
    world.add_pick(world.add_order("1", {}, order_status="backordered"), state=state, updated_at=NOTED)
    assert reason(world) == (stage, state)


def test_a_hold_that_only_the_outbox_knows_says_its_reason(world: World) -> None:
    order = world.add_order("1", {}, order_status="backordered")
    world.add_pick(order, state="held", reason="remade_after_send")
    assert reason(world) == ("held", "remade_after_send")


def test_a_hold_that_the_planner_has_not_seen_yet_has_no_time(world: World) -> None:
    order = world.add_order("1", {})
    world.add_ready_shipment(order)
    world.add_pick(order, state="planned", updated_at=NOTED)
    row = only_row(world)
    assert (row["stage"], row["reason"], row["since"]) == ("held", "unknown_item", None)


def test_of_several_picks_of_a_line_the_one_that_needs_a_person_counts(world: World) -> None:
    order = world.add_order("1", {})
    for number, state in enumerate(("sent", "in_doubt", "planned")):
        world.add_pick(order, pick_id=f"p{number}", state=state)
    assert reason(world) == ("in_doubt", "in_doubt")


def test_what_waits_on_the_floor_waits_since_it_was_sent(world: World) -> None:
    world.add_pick(world.add_order("1", {}), sent_at=NOTED)
    assert str(only_row(world)["since"]) == NOTED + ":00"


def test_a_quarantined_order_is_held_since_its_reject_was_first_seen(world: World) -> None:
    order = world.add_order("1", {})
    world.add("quarantine.rejects", {"order_id": order, "rule": "bad_number", "first_seen_at": NOTED})
    row = only_row(world)
    assert (row["stage"], row["reason"], str(row["since"])) == ("held", "quarantined", NOTED + ":00")


def test_a_held_pick_says_why_and_since_when(world: World) -> None:
    order = world.add_order("1", {})
    world.add_ready_shipment(order)
    assert reason(world) == ("held", "unknown_item")
    assert only_row(world)["since"] is None
    world.add_pick(order, state="held", updated_at=NOTED)
    row = only_row(world)
    assert (row["reason"], str(row["since"])) == ("unknown_item", NOTED + ":00")
    assert "is not in reference.item_locations" in row["detail"]


def test_what_the_marketplace_sends_itself_waits_with_others(world: World) -> None:
    world.add_order("1", {}, source="skroutz", fulfilled_by="marketplace")
    assert reason(world) == ("with_others", "fulfilled_by_marketplace")


@pytest.mark.parametrize(
    ("ship_by_at", "is_overdue"), [("2026-01-06 00:00:00+00", True), ("2999-01-01 00:00:00+00", False), (None, None)]
)
def test_only_a_time_to_ship_by_makes_overdue(world: World, ship_by_at: str | None, is_overdue: bool | None) -> None:
    world.add_order("1", {}, ship_by_at=ship_by_at)
    assert only_row(world)["is_overdue"] is is_overdue
