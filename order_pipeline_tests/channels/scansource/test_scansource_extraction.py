"""The extraction plan against the fake: complete, frugal, resumable, and one bad record stops no other."""

import json
from datetime import date, timedelta

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.http.errors import NotSent, PermanentError
from order_pipeline_tests.channels.scansource.conftest import settings_for
from order_pipeline_tests.channels.scansource.extracting import detail_calls, extract, fail
from order_pipeline_tests.channels.scansource.raw_store import RawStore

pytestmark = pytest.mark.anyio
ORDER_RESOURCES = ("order_rows", "order_details")


async def test_a_first_run_brings_everything_and_proves_what_it_can(distributor, settings, window, books):
    store = await extract(settings, window)
    ledger = distributor.channels["scansource"].ledger()
    assert len(store.records["order_rows"]) == len(store.records["order_details"]) == ledger["orders"]
    assert len(store.records["invoice_details"]) == ledger["invoices"]
    assert store.records["prices"]
    assert store.records["availability"]
    assert all(report.complete for report in store.reports.values())
    for resource, report in store.reports.items():
        dead_letters = sum(
            len(batch.dead_letters) for group in store.groups for batch in group.batches if batch.resource == resource
        )
        assert report.records == len(store.records[resource]) + dead_letters
    assert "ended by an empty page" in store.reports["order_rows"].note
    calls = sum(report.calls for report in store.reports.values())
    told = store.groups[-1].so_far
    assert told is not None
    assert calls == distributor.calls["scansource"].total("/scsc/") == told.calls


async def test_a_record_is_kept_under_the_utc_day_of_its_order(settings, window, books):
    store = await extract(settings, window)
    for record_id, (day, _) in store.records["order_details"].items():
        assert day == books.orders[record_id.split(":")[1]].entered_at.date()


async def test_an_unchanged_window_costs_lists_only(distributor, settings, window):
    store = await extract(settings, window)
    distributor.calls["scansource"].reset()
    await extract(settings, window, store)
    assert detail_calls(distributor) == []
    assert distributor.calls["scansource"].total("invoice/v1/detail") == 0
    report = store.reports["order_details"]
    assert (report.records, report.calls, report.complete) == (0, 0, True)
    saved = [store.reports[name].calls_saved for name in ("order_details", "order_tracking", "order_serials")]
    assert saved == [len(store.records["order_rows"])] * 3


async def test_only_what_changed_is_fetched_again(distributor, settings, window, books):
    store = await extract(settings, window)
    number = next(iter(store.records["order_rows"])).split(":")[1]
    distributor.clock.advance(minutes=2)
    books.touch(number, distributor.clock.now(), "changed")
    distributor.calls["scansource"].reset()
    before = dict(store.records["order_details"])
    await extract(settings, window, store)
    assert number in detail_calls(distributor)
    changed = [key for key, record in store.records["order_details"].items() if before.get(key) != record]
    assert changed == [f"{settings.customer_numbers[0]}:{number}"]


async def test_nothing_shipped_means_a_detail_and_no_more(settings, window):
    store = await extract(settings, window)
    for record_id, (_, payload) in store.records["order_rows"].items():
        shipped = any(line["Shipped"] for line in json.loads(payload)["SalesOrderLines"])
        assert (record_id in store.records["order_tracking"]) == shipped
        assert (record_id in store.records["order_serials"]) == shipped


async def test_an_order_that_changed_lately_comes_though_its_day_is_not_in_the_window(
    distributor, settings, window, books
):
    last_day = Window(window.end - timedelta(days=1), window.end)
    store = await extract(settings, last_day)
    older = {record_id for record_id, (day, _) in store.records["order_rows"].items() if day < last_day.start}
    lately = {
        f"{order.customer_number}:{order.number}"
        for order in books.orders.values()
        if order.entered_at.date() < last_day.start
        and order.last_changed(distributor.clock.now()).date() >= last_day.start
    }
    assert lately
    assert lately <= older
    switched_off = settings.model_copy(update={"changed_look_back_days": 0})
    store = await extract(switched_off, last_day)
    assert {day for day, _ in store.records["order_rows"].values()} == {last_day.start}


@pytest.mark.parametrize("quota", [1, 5, 20, 30])
async def test_a_quota_stop_keeps_what_came_and_the_next_run_fetches_only_the_rest(
    distributor, settings, window, quota
):
    channel = distributor.channels["scansource"]
    whole = await extract(settings, window)
    distributor.calls["scansource"].reset()
    channel.gate.reset()
    channel.configure(quota_calls=quota)
    store = await extract(settings, window)
    report = store.reports["order_details"]
    assert not report.complete
    assert "call quota used up: go on after " in report.note
    assert not store.reports["prices"].complete
    assert store.records["order_rows"].keys() == store.records["order_details"].keys()
    first = {record_id.split(":")[1] for record_id in store.records["order_rows"]}
    if store.reports["order_rows"].complete:
        missing = len(whole.records["order_rows"]) - len(first)
        assert f"{missing} orders remain on 2026-01-" in report.note

    channel.configure(quota_calls=None)
    distributor.calls["scansource"].reset()
    await extract(settings, window, store)
    assert store.reports["order_details"].complete
    assert not first & set(detail_calls(distributor))
    for resource in (*ORDER_RESOURCES, "order_tracking", "order_serials", "invoice_summaries", "invoice_details"):
        assert store.records[resource] == whole.records[resource]


@pytest.mark.costly
async def test_a_run_killed_after_any_commit_is_resumed_by_comparing_list_rows(distributor, settings, window):
    whole = await extract(settings, window)
    for groups in range(1, len(whole.groups)):
        store = await extract(settings, window, at_most=groups)
        assert store.records["order_rows"].keys() == store.records.get("order_details", {}).keys()
        had = {record_id.split(":")[1] for record_id in store.records["order_rows"]}
        distributor.calls["scansource"].reset()
        await extract(settings, window, store)
        assert not had & set(detail_calls(distributor))
        assert {name: store.records[name] for name in ORDER_RESOURCES} == {
            name: whole.records[name] for name in ORDER_RESOURCES
        }


async def test_an_order_whose_detail_fails_stays_for_the_next_run_and_the_others_arrive(
    distributor, settings, window, books
):
    fail(distributor, kind="status", status=500, route="GET /scsc/salesorder/v1/detail", nth=[1, 2, 3, 4, 5, 6])
    quick = settings.model_copy(update={"rate": settings.rate.model_copy(update={"attempts": 1})})
    store = await extract(quick, window)
    report = store.reports["order_details"]
    assert not report.complete
    assert "6 orders remain" in report.note
    assert "6 calls failed" in report.note
    assert len(store.records["order_details"]) == len(store.records["order_rows"]) > 10
    await extract(settings, window, store)
    assert store.reports["order_details"].complete


async def test_an_outage_is_an_error_after_what_came_before_it_was_kept(distributor, settings, window):
    fail(distributor, kind="status", status=503, route="GET /scsc/salesorder/v1/detail", rate=1.0)
    quick = settings.model_copy(update={"rate": settings.rate.model_copy(update={"attempts": 1})})
    store = RawStore()
    with pytest.raises(Exception, match="503"):
        await store.commit_all(build_extraction(quick)(window, store))
    assert not store.reports["order_details"].complete


async def test_a_refused_connection_is_an_error_that_says_so(distributor, window):
    settings = settings_for(distributor, base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token")
    with pytest.raises(NotSent):
        await extract(settings, window)


async def test_invoices_that_cannot_be_read_are_an_error_after_all_orders_came(distributor, settings, window):
    wrong_path = settings.model_copy(update={"paths": {"invoice_summary": "/scsc/invoice/v9/summary"}})
    store = RawStore()
    with pytest.raises(PermanentError, match="no such path"):
        await store.commit_all(build_extraction(wrong_path)(window, store))
    assert store.reports["order_details"].complete
    assert len(store.records["order_details"]) == distributor.channels["scansource"].ledger()["orders"]
    assert not store.reports["invoice_summaries"].complete


async def test_a_list_that_breaks_off_keeps_the_orders_of_its_first_pages(distributor, settings, window):
    paged = settings.model_copy(update={"page_size": 10, "changed_look_back_days": 0})
    fail(distributor, kind="status", status=400, route="GET /scsc/salesorder/v1/list", nth=2)
    store = RawStore()
    with pytest.raises(PermanentError, match="400"):
        await store.commit_all(build_extraction(paged)(window, store))
    assert store.records["order_rows"].keys() == store.records["order_details"].keys()
    assert not store.reports["order_rows"].complete


@pytest.mark.parametrize("budget", [4, 17])
async def test_a_budget_of_calls_is_kept_to_the_call_however_many_are_under_way(distributor, settings, window, budget):
    await extract(settings.model_copy(update={"call_budget": budget}), window)
    assert distributor.calls["scansource"].total("/scsc/") == budget


async def test_a_quota_goes_to_the_orders_first(distributor, settings, window):
    orders = distributor.channels["scansource"].ledger()["orders"]
    one_at_a_time = settings.rate.model_copy(update={"max_in_flight": 1})
    frugal = settings.model_copy(update={"call_budget": orders, "rate": one_at_a_time})
    await extract(frugal, window)
    calls = distributor.calls["scansource"]
    assert calls.total("salesorder/v1/detail") > 0
    assert calls.total("invoice/v1/detail") == calls.total("product/v2") == 0


async def test_a_permission_that_is_missing_is_an_error_not_a_stop(distributor, window):
    with pytest.raises(PermanentError, match="403"):
        await extract(settings_for(distributor, customer_numbers=["999"]), window)


async def test_an_order_that_changes_between_two_pages_comes_as_it_is_last(distributor, settings, window, books):
    paged = settings.model_copy(update={"page_size": 10})
    fail(distributor, kind="insert_record", route="GET /scsc/salesorder/v1/list", nth=[1, 2])
    store = await extract(paged, window)
    assert len(store.records["order_rows"]) >= distributor.channels["scansource"].ledger()["orders"] - 2
    await extract(paged, window, store)
    assert len(store.records["order_rows"]) == distributor.channels["scansource"].ledger()["orders"]


async def test_a_last_row_that_moves_to_a_page_of_its_own_is_no_endless_walk(distributor, settings, window):
    rows = distributor.channels["scansource"].ledger()["orders"]
    paged = settings.model_copy(update={"page_size": rows // 2, "changed_look_back_days": 0})
    fail(distributor, kind="insert_record", route="GET /scsc/salesorder/v1/list", nth=1)
    store = await extract(paged, window)
    assert len(store.records["order_rows"]) == rows


async def test_a_stop_for_one_customer_makes_no_call_for_the_next(distributor, settings, window):
    both = [*settings.customer_numbers, "2000000000"]
    store = await extract(settings.model_copy(update={"customer_numbers": both, "call_budget": 3}), window)
    assert distributor.calls["scansource"].total("/scsc/") == 3
    assert not store.reports["order_rows"].complete


@pytest.mark.costly
async def test_a_server_that_ignores_the_date_filter_is_noticed_and_filtered_here(distributor, settings, window):
    distributor.channels["scansource"].configure(date_filter_ignored=True)
    day = Window(window.start, window.start + timedelta(days=1))
    store = await extract(settings.model_copy(update={"changed_look_back_days": 0}), day)
    assert {kept for kept, _ in store.records["order_rows"].values()} == {window.start}
    distant = Window(date(2025, 1, 1), date(2025, 1, 2))
    store = await extract(settings, distant)
    assert not store.records["order_rows"]
    assert "ignored the date filter" in store.reports["order_rows"].note


@pytest.mark.parametrize("end", [{"to_date_excluded": True}, {"to_date_excluded": False}])
async def test_windows_side_by_side_leave_no_gap_whether_the_last_day_is_meant_or_not(
    distributor, settings, window, end
):
    distributor.channels["scansource"].configure(**end)
    narrow = settings.model_copy(update={"changed_look_back_days": 0})
    store = RawStore()
    for offset in range((window.end - window.start).days):
        day = window.start + timedelta(days=offset)
        await extract(narrow, Window(day, day + timedelta(days=1)), store)
    assert len(store.records["order_rows"]) == distributor.channels["scansource"].ledger()["orders"]


async def test_an_error_inside_a_200_is_quarantined_with_its_text_and_the_others_arrive(settings, window, books):
    bad = next(item for item in books.items.values() if item.pricing_error)
    good = next(item for item in books.items.values() if not item.pricing_error)
    priced = settings.model_copy(update={"priced_items": [bad.item_number, good.item_number, "NO-SUCH-ITEM"]})
    store = await extract(priced, window)
    found = {record.rule: record for record in store.dead_letters if bad.item_number in record.value}
    assert found.keys() == {"pricing_error"}
    assert "not sold in this sales area" in found["pricing_error"].value
    unknown = {record.rule: record.field for record in store.dead_letters if "NO-SUCH-ITEM" in record.value}
    assert unknown == {"pricing_error": "PricingErrorDesc", "availability_error": "ErrorDescription"}
    observed = {record_id.rsplit(":", 1)[1] for record_id in store.records["prices"]}
    assert {good.item_number, bad.item_number, "NO-SUCH-ITEM"} <= observed


async def test_numbers_that_differ_by_leading_zeros_are_the_same_order(distributor, settings, window):
    distributor.channels["scansource"].configure(detail_without_leading_zeros=True)
    store = await extract(settings, window)
    assert len(store.records["order_details"]) == distributor.channels["scansource"].ledger()["orders"]
    assert not [record for record in store.dead_letters if record.rule not in {"pricing_error", "availability_error"}]
