"""What changed during a stop comes with the next run, and what is not settled is asked for again, within bounds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline_tests.channels.scansource.extracting import extract
from order_pipeline_tests.channels.scansource.raw_store import RawStore

pytestmark = pytest.mark.anyio
ORDER_RESOURCES = ("order_rows", "order_details")


def make_older(books, days):
    """Make one order of the fake older than every window, and its last change too; its number."""
    number = next(iter(books.orders))
    past = timedelta(days=days)
    books.orders[number] = replace(
        books.orders[number], entered_at=books.orders[number].entered_at - past, deliveries=(), touched_at=None
    )
    return number


@pytest.mark.costly
async def test_what_changed_during_a_stop_comes_with_the_next_run(distributor, settings, window, books):
    number = make_older(books, 40)
    store = await extract(settings, window)
    record_id = f"{settings.customer_numbers[0]}:{number}"
    assert record_id not in store.records["order_rows"]
    distributor.clock.advance(days=1)
    books.touch(number, distributor.clock.now(), "changed while nobody looked")
    distributor.clock.advance(days=6)
    later = Window(window.start + timedelta(days=7), window.end + timedelta(days=7))

    await extract(settings, later, store)

    assert record_id in store.records["order_details"]
    proof = store.proofs[f"orders of customer {settings.customer_numbers[0]}"]
    assert (proof.window_start.date(), proof.window_end.date()) == (window.end, later.end)
    assert proof.complete


@pytest.mark.costly
async def test_a_stop_that_is_too_long_to_catch_up_is_reported(distributor, settings, window):
    store = await extract(settings, window)
    distributor.clock.advance(days=7)
    later = Window(window.start + timedelta(days=7), window.end + timedelta(days=7))
    await extract(settings.model_copy(update={"catch_up_days": 3}), later, store)
    missed = [
        report
        for group in store.groups
        for report in group.reports
        if "no run for too long" in report.note and report.resource == "order_rows"
    ]
    assert [(report.window_start.date(), report.complete) for report in missed] == [(window.end, False)]


async def test_what_a_quota_left_moves_no_watermark(settings, window):
    store = await extract(settings.model_copy(update={"call_budget": 5}), window)
    assert not any(proof.complete for proof in store.proofs.values())
    assert store.watermarks == {}


async def test_days_of_unsettled_orders_are_listed_again_and_older_ones_in_turn(distributor, settings, window, books):
    young, older = make_older(books, 20), None
    books.orders[young] = replace(books.orders[young], touched_at=None)
    older = next(number for number in books.orders if number != young)
    books.orders[older] = replace(
        books.orders[older], entered_at=books.orders[older].entered_at - timedelta(days=60), deliveries=()
    )
    store = RawStore()
    store.unsettled = {number: books.orders[number].entered_at.date() for number in (young, older)}
    clock = distributor.clock.now

    await store.commit_all(build_extraction(settings, now=clock)(window, store))

    account = settings.customer_numbers[0]
    assert {f"{account}:{young}", f"{account}:{older}"} <= store.records["order_details"].keys()
    assert "1 of 1 days in turn" in store.reports["order_rows"].note
    switched_off = settings.model_copy(update={"reread_unsettled": False, "changed_look_back_days": 0})
    narrow = await extract(switched_off, window)
    assert {f"{account}:{young}", f"{account}:{older}"}.isdisjoint(narrow.records["order_rows"])
