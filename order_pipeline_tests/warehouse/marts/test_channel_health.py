"""marts.channel_health: how far behind a channel is, what is not proved complete, and what it cost in calls."""

from __future__ import annotations

from typing import Any

from order_pipeline_tests.warehouse.marts.world import World, make_world


def health(world: World) -> dict[str, Any]:
    (row,) = world.mart("channel_health")
    return row


def test_the_lag_counts_from_the_last_reading_that_was_proved_complete(world: World) -> None:
    world.add_fetch("kibo", "orders", 5, watermark="77")
    world.add_fetch("kibo", "orders", 2, watermark="77")
    world.add_fetch("kibo", "orders", 1, watermark="77", complete=False, calls=7)
    found = health(world)
    assert (found["lag_minutes"], found["readings"], found["calls_of_a_week"]) == (120, 3, 9)
    assert found["last_tried_at"] > found["last_proved_at"]


def test_a_reading_of_old_days_brings_nobody_up_to_date(world: World) -> None:
    old = {"window_start": "2026-01-01 00:00:00+00", "window_end": "2026-01-02 00:00:00+00"}
    world.add_fetch("kibo", "orders", 1, watermark="77", **old)
    found = health(world)
    assert (found["last_proved_at"], found["lag_minutes"], found["unproved_windows"]) == (None, None, 0)


def test_a_window_is_unproved_until_a_later_reading_covers_it(world: World) -> None:
    window = {"window_start": "2026-01-01 00:00:00+00", "window_end": "2026-01-03 00:00:00+00", "watermark": "77"}
    world.add_fetch("kibo", "orders", 3, complete=False, **window)
    world.add_fetch("kibo", "orders", 2, **{**window, "window_end": "2026-01-02 00:00:00+00"})
    assert health(world)["unproved_windows"] == 1
    world.add_fetch("kibo", "orders", 0.5, **{**window, "window_start": "2025-12-31 00:00:00+00"})
    assert health(world)["unproved_windows"] == 0


def test_each_account_has_a_lag_of_its_own(world: World) -> None:
    world.add_fetch("kibo", "orders", 30, watermark="77")
    world.add_fetch("kibo", "orders", 1, watermark="78")
    found = {row["watermark"]: row["lag_minutes"] for row in world.mart("channel_health")}
    assert found == {"77": 30 * 60, "78": 60}


def test_days_and_weeks_end_now_and_a_run_is_the_channels(world: World) -> None:
    for hours, run in ((1, "r1"), (30, "r2"), (24 * 8, "r3")):
        world.add_fetch("kibo", "orders", hours, calls=10, run_id=run, watermark="77")
    world.add_fetch("kibo", "shipments", 1, calls=5, run_id="r1")
    orders = next(row for row in world.mart("channel_health") if row["resource"] == "orders")
    assert (orders["calls_of_a_day"], orders["calls_of_a_week"], orders["most_calls_of_a_run"]) == (10, 20, 15)
    assert orders["call_budget"] is None


def test_a_budget_that_settings_give_stands_beside_the_calls() -> None:
    with make_world({"call_budgets": {"kibo": 500, "skroutz": None}}) as connection:
        world = World(connection)
        world.add_fetch("kibo", "orders", 1)
        world.add_fetch("skroutz", "orders", 1)
        assert {row["source"]: row["call_budget"] for row in world.mart("channel_health")} == {
            "kibo": 500,
            "skroutz": None,
        }
