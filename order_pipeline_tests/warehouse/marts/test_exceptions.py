"""marts.exceptions: each has a key that stays, and a held order says since when."""

from __future__ import annotations

from order_pipeline_tests.warehouse.marts.world import World

NOTED = "2026-01-05 11:00:00+00"


def test_every_exception_has_a_key_and_a_held_one_says_since_when(world: World) -> None:
    order = world.add_order("1", {}, {})
    world.add_ready_shipment(order, lines=2)
    world.add_pick(order, 1, state="held", updated_at=NOTED)
    world.add_pick(order, 2, state="held", updated_at="2026-01-05 12:00:00+00")
    reject = {"source": "kibo", "table_name": "orders", "field": "total", "raw_record_id": "77:2"}
    reject |= {"key": "kibo:77:2", "rule": "bad_number", "first_seen_at": NOTED}
    world.add("quarantine.rejects", reject, {**reject, "field": "subtotal"}, {**reject, "resolved_at": NOTED})
    world.add_fetch("kibo", "orders", 1, complete=False)
    world.add_fetch("kibo", "shipments", 1, complete=False)
    rows = world.mart("exceptions")
    assert sorted(row["kind"] for row in rows) == ["held", "incomplete window", "incomplete window", "reject", "reject"]
    assert len({row["exception_id"] for row in rows}) == len(rows)
    (held,) = (row for row in rows if row["kind"] == "held")
    assert (held["exception_id"], str(held["since"])) == (f"held {order}", NOTED + ":00")


def test_an_order_in_quarantine_is_held_since_its_reject_was_first_seen(world: World) -> None:
    order = world.add_order("1", {})
    world.add_ready_shipment(order)
    world.add("quarantine.rejects", {"order_id": order, "rule": "bad_number", "first_seen_at": NOTED})
    (held,) = (row for row in world.mart("exceptions") if row["kind"] == "held")
    assert (held["reason"], str(held["since"])) == ("quarantined", NOTED + ":00")
