"""Tracking alone: of known orders, by its own call, and nothing else is asked or reported."""

from dataclasses import replace

import pytest

from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline_tests.channels.scansource.extracting import extract, fail
from order_pipeline_tests.channels.scansource.raw_store import RawStore

pytestmark = pytest.mark.anyio


async def read_tracking(settings, window, store):
    """Read tracking alone, as if raw had none before."""
    store.records.pop("order_tracking", None)
    store.reports.clear()
    store.proofs.clear()
    store.dead_letters.clear()
    return await store.commit_all(build_extraction(settings, ["tracking"])(window, store))


async def test_tracking_alone_asks_one_call_for_each_known_order(distributor, settings, window):
    store = await extract(settings, window)
    before = dict(store.records["order_tracking"])
    distributor.calls["scansource"].reset()
    await read_tracking(settings, window, store)
    assert before
    assert before.items() <= store.records["order_tracking"].items()
    asked = [call.path for call in distributor.calls["scansource"].recent if "token" not in call.path]
    assert set(asked) == {"/scsc/salesorder/v1/tracking"}
    assert len(before) <= len(asked) <= len(store.records["order_rows"])


async def test_it_reports_on_tracking_alone_and_proves_nothing(settings, window):
    store = await extract(settings, window)
    await read_tracking(settings, window, store)
    assert {name: report.complete for name, report in store.reports.items()} == {"order_tracking": False}
    assert store.reports["order_tracking"].records == len(store.records["order_tracking"])
    assert "that are known" in store.reports["order_tracking"].note
    assert store.proofs == {}


async def test_an_order_that_shipped_since_its_row_was_read_has_tracking(settings, window, books):
    deliveries = {number: order.deliveries for number, order in books.orders.items()}
    for number, order in books.orders.items():
        books.orders[number] = replace(order, deliveries=())
    store = await extract(settings, window)
    assert not store.records.get("order_tracking")
    for number, order in books.orders.items():
        books.orders[number] = replace(order, deliveries=deliveries[number])
    await read_tracking(settings, window, store)
    assert any(b'"TrackingNumber"' in payload for _, payload in store.records["order_tracking"].values())


async def test_without_a_known_order_nothing_is_asked(distributor, settings, window):
    distributor.calls["scansource"].reset()
    store = await read_tracking(settings, window, RawStore())
    assert distributor.calls["scansource"].total("/scsc") == 0
    assert set(store.reports) == {"order_tracking"}


async def test_one_order_whose_tracking_is_refused_is_a_reject_and_the_others_come(distributor, settings, window):
    store = await extract(settings, window)
    asked = len((await read_tracking(settings, window, store)).records["order_tracking"])
    fail(distributor, route="GET /scsc/salesorder/v1/tracking", kind="status", status=422, nth=1)
    await read_tracking(settings, window, store)
    assert [letter.rule for letter in store.dead_letters] == ["refused_call"]
    assert len(store.records["order_tracking"]) == asked - 1
