"""What an order is now: the latest that was told about it, in whatever order it was told, once."""

import datetime as dt
import itertools
import json

import pytest

from order_pipeline.channels.base import CommitGroup, RecordBatch, Window
from order_pipeline.channels.skroutz.observations import add_observation
from order_pipeline.operations import inbox
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.channels.skroutz.conftest import Road, channel_of, make_event

pytestmark = pytest.mark.costly

NOON = dt.datetime(2026, 1, 15, 12, 0, tzinfo=dt.UTC)
STORY = (
    ("open", "2026-01-15T10:00:00+02:00"),
    ("accepted", "2026-01-15T10:05:00+02:00"),
    ("dispatched", "2026-01-15T12:00:00+02:00"),
)


def story(code, *numbers):
    return [make_event(code, state=STORY[number][0], at=STORY[number][1]) for number in numbers]


# name -> (what comes before the first run, what comes before the second run, the state afterwards)
SCENARIOS = {
    **{
        f"arrival {''.join(map(str, numbers))}": (
            lambda code, numbers=numbers: story(code, *numbers),
            None,
            "dispatched",
        )
        for numbers in itertools.permutations(range(3))
    },
    "late by a run": (lambda code: story(code, 2), lambda code: story(code, 1, 0), "dispatched"),
    "in order, by runs": (lambda code: story(code, 0), lambda code: story(code, 1), "accepted"),
    "same second": (
        lambda code: [*story(code, 0), make_event(code, state="cancelled", at=STORY[0][1])],
        None,
        "cancelled",
    ),
    "first seen in an update": (lambda code: story(code, 1), None, "accepted"),
    "bare body": (lambda code: [{"order": make_event(code, state="accepted")["order"]}], None, "accepted"),
    "bare body after an event": (
        lambda code: story(code, 0),
        lambda code: [{"order": make_event(code, state="accepted")["order"]}],
        "accepted",
    ),
    "offsets are times": (
        lambda code: [
            make_event(code, state="accepted", at="2026-01-15T09:30:00Z"),
            make_event(code, state="open", at="2026-01-15T11:00:00+02:00"),
        ],
        None,
        "accepted",
    ),
    "cancelled after dispatch": (
        lambda code: story(code, 2),
        lambda code: [make_event(code, state="cancelled", at="2026-01-15T13:00:00+02:00")],
        "cancelled",
    ),
}


@pytest.fixture(scope="module")
def after_two_runs(tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("road"))
    for number in (0, 1):
        for name, scenario in SCENARIOS.items():
            bodies = scenario[number]
            road.receive(*(bodies(name) if bodies else ()))
        road.land()
    road.deploy_views()
    yield road
    road.close()


def test_the_state_is_the_latest_that_was_told(after_two_runs):
    assert after_two_runs.states() == {name: state for name, (_, _, state) in sorted(SCENARIOS.items())}


def test_a_build_and_the_views_agree(after_two_runs):
    staged = after_two_runs.rows("SELECT order_number, source_status FROM staging.stg_skroutz__orders")
    assert dict(staged) == after_two_runs.states()


def test_every_event_is_in_raw_once(after_two_runs):
    told = sum(len(bodies(name)) for name, (*rounds, _) in SCENARIOS.items() for bodies in rounds if bodies)
    assert after_two_runs.one("SELECT count(*) FROM raw.skroutz_orders") == told


def test_the_history_tells_what_came_late(after_two_runs):
    history = after_two_runs.rows(
        "SELECT state, is_current, came_late FROM staging.stg_skroutz__events"
        " WHERE order_number = 'late by a run' ORDER BY effective_at"
    )
    assert history == [("open", False, True), ("accepted", False, True), ("dispatched", True, False)]


def test_an_omission_clears_neither_commission_nor_fees_nor_the_replaced_order(road):
    road.receive(make_event(commission=1.73, fees={"handling_fee": 1.5, "plus_user_fee": 0.25}, replaced="A-0"))
    road.receive(make_event(state="accepted", at="2026-01-15T10:05:00+02:00"))
    road.land()
    row = road.one(
        "SELECT commission_amount, platform_fee_amount, replaces_order_number, order_status FROM core.orders"
    )
    assert [str(value) for value in row] == ["1.7300", "1.7500", "A-0", "accepted"]


def test_a_run_takes_the_events_of_its_days_and_leaves_the_others_waiting(road):
    road.receive(make_event("A-1"), make_event("A-2", created_at="2026-01-17T09:00:00+02:00"), {"order": {}})
    road.land(window=Window(dt.date(2026, 1, 15), dt.date(2026, 1, 16)), build=False)

    assert road.rows("SELECT record_id FROM raw.skroutz_orders") == [("A-1",)]
    assert inbox.pending_days(road.store, "skroutz") == {dt.date(2026, 1, 17): 1}
    assert road.one("SELECT rule FROM raw.dead_letters") == "missing_key", "an event without a day lands with any run"


def test_a_restart_with_500_events_in_the_inbox_lands_all_exactly_once(road):
    road.receive(*(make_event(f"A-{number % 200}", comments=f"{number}") for number in range(500)))

    road.land(confirm=False)  # the run died after the lake's commit, before it could say so
    assert inbox.counts(road.store, "skroutz").pending == 500
    result = road.land()

    assert (result.total.new_versions, result.total.unchanged + result.total.reappeared) == (0, 500)
    assert road.one("SELECT count(*), count(DISTINCT content_sha256) FROM raw.skroutz_orders") == (500, 500)
    assert road.one("SELECT count(*) FROM core.orders") == 200
    assert inbox.counts(road.store, "skroutz").pending == 0


def test_a_resend_after_pruning_does_not_bring_an_old_state_back(road):
    road.receive(*story("A-1", 0, 1, 2))
    road.land(build=False)
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert inbox.prune(road.store, landed_before=future, unparsable_before=future) == 3
    road.receive(*story("A-1", 0))
    road.land()

    assert road.states() == {"A-1": "dispatched"}
    assert road.one("SELECT count(*) FROM raw.skroutz_orders") == 3


def test_keys_that_the_contract_does_not_know_are_kept_and_reported_once(road):
    line = {"id": "l1", "shop_uid": "SK-4001", "quantity": 1, "warranty_months": 24}
    road.receive(make_event("A-1", loyalty_tier="gold"), make_event("A-2", loyalty_tier="none", line_items=[line]))
    road.land()
    road.deploy_views()
    drift = road.rows("SELECT container, key_name, observations FROM staging.stg_skroutz__unknown_keys ORDER BY ALL")
    assert drift == [("$.order", "loyalty_tier", 2), ("$.order.line_items[*]", "warranty_months", 1)]
    assert road.one("SELECT count(*) FROM raw.skroutz_orders WHERE contains(payload, 'loyalty_tier')") == 2
    assert set(road.states()) == {"A-1", "A-2"}


def test_the_fakes_picks_are_those_of_the_policy(road, fake):
    book = channel_of(fake).book
    for code in ("DEMO-ACCEPTED", "DEMO-OPEN"):
        book.record(code, {}, dt.datetime(2026, 1, 15, tzinfo=dt.UTC), "new_order")
    road.receive(*(event.body for event in book.take_due()))
    road.land()
    road.deploy_views()

    picked = road.rows("SELECT DISTINCT order_number FROM marts.pick_lines WHERE source = 'skroutz'")
    # What a webhook told: the states that come without one still look dispatched, not accepted.
    wanted = {
        (code,)
        for code, order in book.orders.items()
        if order["state"] == "accepted" and not order["fulfilled_by_skroutz"]
    }
    assert wanted
    assert set(picked) == wanted
    [row] = road.rows(
        "SELECT pick_id = line_id, shipment_id, marketplace_order_id = order_number FROM marts.pick_lines LIMIT 1"
    )
    assert row == (True, None, True)


AHEAD = {
    "by a thousand years": "2999-01-01T00:00:00+00:00",
    "by a day": "2026-01-16T12:00:00+00:00",
    "by a minute": "2026-01-15T12:01:00+00:00",
}


def read_as(road, code, state, at):
    """A run in which we read the order at that time."""

    async def read(_window, _known):
        batch = RecordBatch("orders")
        add_observation(batch, json.dumps({"order": make_event(code, state=state)["order"]}).encode(), at, "read")
        yield CommitGroup(batches=[batch])

    return road.ingest(read, None)


def test_an_event_that_is_stamped_ahead_counts_no_later_than_its_arrival(road):
    road.receive(*(make_event(code, state="accepted", at=at) for code, at in AHEAD.items()), at=NOON)
    road.land()
    assert road.states() == dict.fromkeys(AHEAD, "accepted"), "none is a reject"
    assert road.one("SELECT bool_and(updated_at <= now()) FROM core.orders")
    *_, last = [read_as(road, code, "open", NOON + dt.timedelta(seconds=30)) for code in AHEAD]
    road.build(last)
    assert road.states() == dict.fromkeys(AHEAD, "open"), "our own read came after it"


def test_a_true_cancellation_beats_an_event_that_was_stamped_ahead(road):
    road.receive(*(make_event(code, state="accepted", at=at) for code, at in AHEAD.items()), at=NOON)
    cancelled = [make_event(code, state="cancelled", at="2026-01-15T12:00:20+00:00") for code in AHEAD]
    road.receive(*cancelled, at=NOON + dt.timedelta(seconds=30))
    road.land()
    assert road.states() == dict.fromkeys(AHEAD, "cancelled")


def test_an_event_can_not_say_itself_when_it_arrived(road):
    forged = make_event("A-1", state="accepted", at=AHEAD["by a day"]) | {"received_at": "2999-01-01T00:00:00Z"}
    road.receive(forged, at=NOON)
    road.land(build=False)
    read_as(road, "A-1", "open", NOON + dt.timedelta(seconds=30))
    assert road.current() == {"A-1": "open"}


def test_a_read_after_the_clock_stood_a_day_ahead_beats_what_was_stored_then(road):
    tomorrow = NOON + dt.timedelta(days=1)
    read_as(road, "A-1", "open", tomorrow)
    road.receive(make_event("A-1", state="accepted", at=AHEAD["by a thousand years"]), at=tomorrow)
    road.land(build=False)
    read_as(road, "A-1", "cancelled", NOON)
    assert road.current() == {"A-1": "cancelled"}


def test_an_event_that_waited_in_the_inbox_does_not_move_a_read_back(road):
    read_as(road, "A-1", "cancelled", NOON)
    waited = NOON - dt.timedelta(hours=20)
    road.receive(make_event("A-1", state="accepted", at=waited.isoformat()), at=waited)
    road.land(build=False)
    assert road.current() == {"A-1": "cancelled"}


@pytest.mark.slow
def test_a_week_of_a_busy_shop_fits_into_the_lakes_memory(road):
    book = channel_of(SandboxServer(seed=7, orders=600, days=7, channels=["skroutz"])).book
    events = book.take_due()
    assert len(events) > 14_000
    road.receive(*(event.body for event in events))
    road.land()
    assert len(road.states()) == len(book.orders) == 4200
