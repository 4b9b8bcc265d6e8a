"""Truth by reading again, against the strict fake: silent states, lost events, forged events, refusals, budgets."""

import datetime as dt
import random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from order_pipeline.channels.base import Window
from order_pipeline.channels.skroutz.client import TokenReplacedError
from order_pipeline.channels.skroutz.due import sampled
from order_pipeline.http.errors import NotConfigured
from order_pipeline.sandbox.shared.faults import parse_faults
from order_pipeline.sandbox.skroutz.orders import FILES
from order_pipeline_tests.channels.skroutz.conftest import Road, channel_of, make_event, settings_for

DAYS = Window(dt.date(2026, 1, 12), dt.date(2026, 1, 16))


@pytest.fixture
def road(tmp_path, fake):
    road = Road(tmp_path, settings_for(fake))
    yield road
    road.close()


def truth(fake):
    return {code: order["state"] for code, order in channel_of(fake).book.orders.items()}


def receive_all(road, fake):
    """Deliver every webhook that is due, without HTTP, in no order; returns how many."""
    events = channel_of(fake).book.take_due()
    random.Random(1).shuffle(events)
    address = fake.channel_url("skroutz").encode()
    road.receive(*(event.body.replace(FILES.encode(), address) for event in events))
    return len(events)


@pytest.mark.costly
def test_reading_again_finds_the_states_that_have_no_webhook(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    silent = {
        code for code, state in truth(fake).items() if state in ("delivered", "for_return", "partially_delivered")
    }
    assert silent
    assert {road.current()[code] for code in silent} == {"dispatched"}

    counts, result = road.reread(DAYS)

    assert road.current() == truth(fake)
    assert counts.differed == len(silent)
    assert set(counts.differing_keys) == {"state"}
    assert counts.confirmed > 0
    [report, _] = result.reports
    assert report.complete
    assert f"{len(silent)} differed" in report.note
    assert result.so_far.done == result.so_far.of == report.claimed_total


@pytest.mark.costly
def test_a_second_reading_of_the_same_adds_no_row(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    road.reread(DAYS)
    before = road.one("SELECT count(*) FROM raw.skroutz_orders")
    counts, result = road.reread(DAYS)

    assert result.total.new_versions == 0
    assert road.one("SELECT count(*) FROM raw.skroutz_orders") == before
    assert counts.differed == 0, "also for orders with a one-time password, which raw does not keep"


@pytest.mark.costly
def test_an_event_after_the_reading_counts_and_one_from_before_it_does_not(road, fake):
    code = next(code for code, state in truth(fake).items() if state == "accepted")
    created_at = channel_of(fake).book.orders[code]["created_at"]
    road.reread(DAYS, codes=[code])
    road.receive(make_event(code, state="rejected", at="2026-01-14T23:59:59+00:00", created_at=created_at))
    road.land(build=False)
    assert road.current() == {code: "accepted"}

    road.receive(make_event(code, state="dispatched", at="2026-01-15T00:00:05+00:00", created_at=created_at))
    road.land(build=False)
    assert road.current() == {code: "dispatched"}


@pytest.mark.costly
def test_a_forged_event_is_undone_by_the_next_reading(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    code = next(code for code, state in truth(fake).items() if state == "open")
    road.receive(
        make_event(
            code,
            state="accepted",
            at="2026-01-14T23:59:59+00:00",
            created_at=channel_of(fake).book.orders[code]["created_at"],
        )
    )
    road.land(build=False)
    assert road.current()[code] == "accepted"

    road.reread(DAYS)
    assert road.current()[code] == "open"


@pytest.mark.costly
def test_a_list_of_codes_brings_back_what_an_outage_lost(road, fake):
    channel_of(fake).book.take_due()
    codes = httpx.get(f"{fake.url}/control/skroutz/codes").json()["codes"]

    counts, _ = road.reread(DAYS, codes=[*codes, "000000-0000000"])

    assert road.current() == truth(fake)
    assert (counts.first_seen, counts.not_found) == (len(codes), 1)


@pytest.mark.costly
def test_nobody_fetches_a_voucher_or_any_other_file(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    road.reread(DAYS)
    ledger = channel_of(fake).ledger()
    assert (ledger["voucher_fetches"], ledger["file_fetches"]) == ([], 0)
    assert any(order["courier_voucher"] for order in channel_of(fake).book.orders.values())


@pytest.mark.costly
def test_settled_orders_are_left_alone_and_old_ones_too(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    fake.calls["skroutz"].reset()
    road.skroutz.reread_delivered_days = 0
    road.reread(DAYS)
    asked = {record.path.rpartition("/")[2] for record in fake.calls["skroutz"].recent}
    assert asked == {code for code, state in truth(fake).items() if state in ("open", "accepted")}


@pytest.mark.costly
def test_more_orders_than_a_run_may_read_are_reported_not_forgotten(road, fake):
    receive_all(road, fake)
    road.land(build=False)
    road.skroutz.reread_most_orders = 3
    _, result = road.reread(DAYS)
    [report, _] = result.reports
    assert (report.records, report.complete) == (3, False)
    assert (report.claimed_total or 0) > 3


@pytest.mark.slow
def test_old_orders_are_read_again_in_turn_within_the_limit_of_a_run(road, fake):
    receive_all(road, fake)
    road.land()
    unsettled = {code for code, state in truth(fake).items() if state in ("open", "accepted", "for_return")}
    # A year later, so that every order is older than the age limit.
    later = Window(dt.date(2027, 1, 1), dt.date(2027, 1, 15))
    road.skroutz.reread_older_orders = 2
    asked = set()
    for hour in range(2 * len(truth(fake))):
        fake.calls["skroutz"].reset()
        at = dt.datetime(2027, 1, 14, tzinfo=dt.UTC) + dt.timedelta(hours=hour)
        _, result = road.reread(later, now=lambda at=at: at)
        numbers = {record.path.rpartition("/")[2] for record in fake.calls["skroutz"].recent}
        assert len(numbers) == 2
        assert "0 younger than 60 days, 2 of " in result.reports[0].note
        asked |= numbers
    assert unsettled <= asked


@pytest.mark.costly
def test_after_a_stop_ages_count_from_the_last_run_and_the_report_says_so(road, fake):
    receive_all(road, fake)
    road.land()
    road.reread(DAYS, now=lambda: dt.datetime(2026, 1, 15, 12, tzinfo=dt.UTC))
    still_moving = {code for code, state in truth(fake).items() if state in ("dispatched", "for_return")}
    fake.calls["skroutz"].reset()
    three_weeks = dt.timedelta(days=21)
    window = Window(DAYS.start + three_weeks, DAYS.end + three_weeks)
    _, result = road.reread(window, now=lambda: dt.datetime(2026, 2, 5, 12, tzinfo=dt.UTC))
    asked = {record.path.rpartition("/")[2] for record in fake.calls["skroutz"].recent}
    assert still_moving
    assert still_moving <= asked
    assert "no run for a while" in result.reports[0].note


@given(st.lists(st.lists(st.integers(), unique=True, max_size=8), max_size=4), st.integers(1, 12))
def test_a_run_reads_as_many_as_it_may_and_higher_ranks_first(numbers, most):
    ranks = [[f"{rank}:{number}" for number in codes] for rank, codes in enumerate(numbers)]
    asked = sampled(ranks, most)
    everything = [code for codes in ranks for code in codes]
    assert len(asked) == min(most, len(everything))
    assert len(set(asked)) == len(asked)
    assert [code.partition(":")[0] for code in asked] == [code.partition(":")[0] for code in everything][: len(asked)]


def test_no_order_of_a_rank_is_always_beyond_the_limit():
    codes = [f"A-{number}" for number in range(20)]
    read = {code for _ in range(1000) for code in sampled([["first"], codes], 3)}
    assert read == {"first", *codes}


def test_a_replaced_token_stops_the_run_and_says_what_to_do(road, fake):
    code = next(iter(truth(fake)))
    channel_of(fake).revoke_tokens()
    try:
        with pytest.raises(TokenReplacedError, match="ORDER_PIPELINE_SKROUTZ__TOKEN"):
            road.reread(DAYS, codes=[code])
    finally:
        channel_of(fake)._tokens_made = 1
    assert road.one("SELECT complete, note FROM raw.fetches")[0] is False


def test_passing_trouble_is_retried(road, fake):
    faults = [
        {"kind": "status", "status": 503, "nth": [1, 2]},
        {"kind": "status", "status": 403, "body": '{"message": "API rate limit exceeded"}', "nth": 1},
        {"kind": "truncated_json", "nth": 1},
        {"kind": "drop_after", "nth": 1},
    ]
    codes = list(truth(fake))[: len(faults)]
    for code, fault in zip(codes, faults, strict=True):
        fake.faults.add(*parse_faults({"api": "skroutz", "route": f"GET *{code}", **fault}))
    counts, _ = road.reread(DAYS, codes=codes)
    assert (counts.first_seen, counts.failed) == (len(faults), 0)
    asked = [record.path.rpartition("/")[2] for record in fake.calls["skroutz"].recent]
    assert [asked.count(code) for code in codes] == [3, 2, 2, 2]


def test_an_order_that_cannot_be_read_is_counted_and_the_others_arrive(road, fake):
    bad, *good = list(truth(fake))[:4]
    fake.faults.add(*parse_faults({"api": "skroutz", "route": f"GET *{bad}", "kind": "status", "status": 503}))
    counts, result = road.reread(DAYS, codes=[bad, *good])
    assert (counts.failed, counts.first_seen) == (1, 3)
    assert not result.reports[0].complete
    assert set(road.current()) == set(good)


def test_a_200_without_the_order_is_kept_as_a_reject_and_nothing_is_proved(road, fake):
    bodies = (
        '{"errors": [{"code": "server_error", "messages": ["try again"]}]}',
        '{"message": "API rate limit exceeded"}',
        '{"order": null, "errors": ["no"]}',
        '[{"message": "down"}]',
        "{}",
        '{"data": {}}',
    )
    good, *bad = list(truth(fake))[: 1 + len(bodies)]
    answers = dict(zip(bad, bodies, strict=True))
    for code, body in answers.items():
        fault = {"api": "skroutz", "route": f"GET *{code}", "kind": "status", "status": 200, "body": body}
        fake.faults.add(*parse_faults(fault))
    counts, result = road.reread(DAYS, codes=[good, *bad])
    assert (counts.dead_letters, counts.first_seen) == (len(bad), 1)
    assert not result.reports[0].complete
    assert f"{len(bad)} dead letters" in result.reports[0].note
    letters = road.rows("SELECT rule, record_id, payload FROM raw.dead_letters")
    assert set(letters) == {("bad_json", code, f"{code}\n{body}".encode()) for code, body in answers.items()}


def test_an_error_in_a_200_that_passes_is_tried_again(road, fake):
    code = next(iter(truth(fake)))
    body = '{"errors": [{"code": "server_error"}]}'
    fake.faults.add(*parse_faults({"api": "skroutz", "kind": "status", "status": 200, "body": body, "nth": [1, 2]}))
    counts, result = road.reread(DAYS, codes=[code])
    assert (counts.first_seen, counts.failed, counts.dead_letters) == (1, 0, 0)
    assert result.reports[0].complete


def test_an_answer_with_another_orders_code_is_set_aside(road, fake):
    code, other = list(truth(fake))[:2]
    book = channel_of(fake).book
    book.orders[code] = {**book.orders[code], "code": other}
    counts, _ = road.reread(DAYS, codes=[code])
    assert counts.dead_letters == 1
    assert road.one("SELECT rule, field FROM raw.dead_letters") == ("missing_key", "order.code")


def test_without_a_token_it_says_which_setting(tmp_path, fake):
    road = Road(tmp_path, settings_for(fake, token=None))
    with pytest.raises(NotConfigured, match="ORDER_PIPELINE_SKROUTZ__TOKEN"):
        road.reread(DAYS, codes=["A"])
    road.skroutz.token, road.skroutz.account = SecretStr("x"), "a:b"
    with pytest.raises(NotConfigured, match="ACCOUNT"):
        road.reread(DAYS, codes=["A"])
    road.close()
