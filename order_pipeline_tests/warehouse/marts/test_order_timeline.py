"""marts.order_timeline and marts.order_cycle_time: when an order came how far, and what that knowledge rests on."""

from __future__ import annotations

from typing import Any

import pytest

from order_pipeline_tests.warehouse.marts.world import World

FIRST, THEN, LAST = "2026-01-05 10:05:00+00", "2026-01-06 09:00:00+00", "2026-01-08 12:00:00+00"
SKROUTZ = {"source": "skroutz", "account": "shop"}


def at(text: str) -> str:
    """A time as DuckDB's rows print it."""
    return text + ":00"


def row(world: World, mart: str = "order_timeline") -> dict[str, Any]:
    (found,) = world.mart(mart)
    return found


def kibo_version(world: World, fetched_at: str, status: str, tracking: str | None = None) -> None:
    parcels = [{"trackingNumber": tracking}] if tracking else []
    shipment = {"shipmentStatus": status, "trackingInformation": parcels}
    payload = {"orderID": "1", "manufacturerID": "77", "orderStatus": status, "shipments": [shipment]}
    world.add_version("kibo_orders", "77:1", fetched_at, payload)


def skroutz_version(world: World, fetched_at: str, state: str, event_time: str | None = None) -> None:
    payload = {"event_time": event_time, "order": {"code": "1", "state": state}}
    world.add_version("skroutz_orders", "1", fetched_at, payload)


def test_an_order_with_one_version_was_first_seen_when_that_was_fetched(world: World) -> None:
    world.add_order("1", {}, fetched_at=FIRST)
    found = row(world)
    assert (str(found["first_seen_at"]), found["versions"]) == (at(FIRST), 1)
    assert str(found["accepted_first_seen_at"]) == at(FIRST)
    assert (found["shipped_first_seen_at"], found["first_sent_at"], found["pick_lines"]) == (None, None, 0)


def test_each_status_was_first_seen_in_the_first_version_that_has_it(world: World) -> None:
    for fetched_at, status in ((FIRST, "AVAILABLE"), (THEN, "READY"), (LAST, "CANCELED")):
        kibo_version(world, fetched_at, status)
    world.add_order("1", order_status="cancelled", fetched_at=LAST)
    found = row(world)
    assert [str(found[name]) for name in ("first_seen_at", "accepted_first_seen_at", "cancelled_first_seen_at")] == [
        at(FIRST),
        at(THEN),
        at(LAST),
    ]
    assert found["versions"] == 3


def test_a_kibo_order_has_left_when_every_shipment_has_a_tracking_number(world: World) -> None:
    kibo_version(world, FIRST, "READY")
    kibo_version(world, THEN, "FULFILLED", tracking="1Z9")
    kibo_version(world, LAST, "FULFILLED", tracking="1Z9, later")
    world.add_order("1", order_status="unknown", fetched_at=LAST)
    assert str(row(world)["shipped_first_seen_at"]) == at(THEN)


def test_a_tracked_shipment_in_core_shows_that_the_only_version_had_left(world: World) -> None:
    order = world.add_order("1", {}, order_status="unknown", fetched_at=FIRST)
    shipment = {"source": "kibo", "order_day": "2026-01-05", "order_id": order, "shipment_id": "s"}
    world.add("core.shipments", {**shipment, "shipment_status": "unknown"})
    assert row(world)["shipped_first_seen_at"] is None
    world.add("core.parcels", {**shipment, "tracking_number": "1Z9"})
    assert str(row(world)["shipped_first_seen_at"]) == at(FIRST)


def test_an_event_of_the_channel_states_its_time(world: World) -> None:
    skroutz_version(world, FIRST, "accepted")
    skroutz_version(world, LAST, "dispatched", event_time="2026-01-06T11:00:00+02:00")
    world.add_order("1", **SKROUTZ, order_status="shipped", fetched_at=LAST)
    found = row(world)
    assert (str(found["shipped_at"]), str(found["shipped_first_seen_at"])) == (at(THEN), at(LAST))
    assert (found["accepted_at"], str(found["accepted_first_seen_at"])) == (None, at(FIRST))


def test_an_event_that_is_stamped_ahead_counts_no_later_than_its_arrival(world: World) -> None:
    skroutz_version(world, FIRST, "accepted")
    skroutz_version(world, THEN, "dispatched", event_time="2026-01-20T11:00:00+02:00")
    world.add_order("1", **SKROUTZ, order_status="shipped", fetched_at=THEN)
    assert str(row(world)["shipped_at"]) == at(THEN)


def test_the_list_and_the_detail_of_scansource_both_tell_of_a_status(world: World) -> None:
    for resource, fetched_at, status in (
        ("order_rows", FIRST, "Open"),
        ("order_rows", LAST, "Completely Shipped"),
        ("order_details", FIRST, "Open"),
        ("order_details", THEN, "Completely Shipped"),
    ):
        world.add_version(f"scansource_{resource}", "77:1", fetched_at, {"Status": status})
    world.add_order("1", source="scansource", order_status="shipped", fetched_at=LAST)
    assert str(row(world)["shipped_first_seen_at"]) == at(THEN)


def test_a_channel_without_a_history_says_nothing_of_first_sights(world: World) -> None:
    world.add_order("1", {}, source="cornershop", order_status="shipped")
    found = row(world)
    assert [found[name] for name in ("versions", "first_seen_at", "shipped_first_seen_at")] == [None, None, None]


def test_sending_and_picking_come_from_the_outbox(world: World) -> None:
    order = world.add_order("1", {}, {})
    world.add_pick(order, 1, sent_at=FIRST, pushed_status="Picked", updated_at=LAST)
    world.add_pick(order, 2, sent_at=THEN)
    found = row(world)
    assert (str(found["first_sent_at"]), str(found["last_sent_at"])) == (at(FIRST), at(THEN))
    assert (found["pick_lines"], found["pick_lines_sent"], found["picked_seen_at"]) == (2, 2, None)
    world.connection.execute("UPDATE core.pick_status SET pushed_status = 'Picked', updated_at = sent_at")
    assert str(row(world)["picked_seen_at"]) == at(THEN)


def test_test_orders_have_no_timeline(world: World) -> None:
    world.add_order("1", is_test=True)
    assert world.mart("order_timeline") == []


def test_cycle_times_say_what_they_rest_on(world: World) -> None:
    skroutz_version(world, FIRST, "accepted")
    skroutz_version(world, LAST, "dispatched", event_time="2026-01-06T11:00:00+02:00")
    order = world.add_order("1", {}, **SKROUTZ, order_status="shipped", fetched_at=LAST)
    world.add_pick(order, sent_at="2026-01-05 10:30:30+00")
    found = row(world, "order_cycle_time")
    assert (found["minutes_to_first_seen"], found["minutes_to_sent"]) == (5, 30)
    assert (found["shipped_basis"], found["minutes_to_shipped"], found["days_to_shipped"]) == ("stated", 23 * 60, 0)


def test_a_stated_day_gives_days_and_no_minutes(world: World) -> None:
    world.add_order("1", {}, source="scansource", order_status="shipped", last_shipped_on="2026-01-07", fetched_at=LAST)
    found = row(world, "order_cycle_time")
    assert (found["shipped_basis"], found["minutes_to_shipped"], found["days_to_shipped"]) == ("stated_day", None, 2)


@pytest.mark.parametrize(
    ("status", "seen", "ship_by_at", "is_on_time"),
    [
        ("shipped", THEN, LAST, True),
        ("shipped", LAST, THEN, None),
        ("accepted", FIRST, THEN, False),
        ("accepted", FIRST, "2999-01-01 00:00:00+00", None),
        ("cancelled", FIRST, THEN, None),
        ("shipped", THEN, None, None),
    ],
    ids=["seen in time", "seen too late", "overdue", "still in time", "called off", "no time to ship by"],
)
def test_on_time_is_known_only_where_it_can_be(
    world: World, status: str, seen: str, ship_by_at: str | None, is_on_time: bool | None
) -> None:
    world.add_order("1", {}, order_status=status, fetched_at=seen, ship_by_at=ship_by_at)
    found = row(world, "order_cycle_time")
    assert found["is_on_time"] is is_on_time
    assert found["on_time_basis"] == (None if is_on_time is None else "ship_by_at")


@pytest.mark.parametrize(("is_late", "is_on_time"), [(True, False), (False, True), (None, None)])
def test_where_no_time_is_stated_the_channels_own_word_on_lateness_counts(
    world: World, is_late: bool | None, is_on_time: bool | None
) -> None:
    order = world.add_order("1", {}, order_status="shipped")
    shipment = {"source": "kibo", "order_day": "2026-01-05", "order_id": order, "shipment_id": "s"}
    world.add("core.shipments", {**shipment, "shipment_status": "shipped", "is_late": is_late})
    assert row(world, "order_cycle_time")["is_on_time"] is is_on_time
