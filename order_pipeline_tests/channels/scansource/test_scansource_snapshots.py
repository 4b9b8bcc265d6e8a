"""Prices for the quantity of each line, and stock of several warehouses."""

import json
from collections import Counter

import pytest

from order_pipeline.channels.scansource.listed import OPEN_STATUSES, text_of
from order_pipeline.channels.scansource.questions import Question, batches
from order_pipeline.sandbox.scansource.products import WAREHOUSES
from order_pipeline_tests.channels.scansource.conftest import settings_for
from order_pipeline_tests.channels.scansource.extracting import extract, fail

pytestmark = pytest.mark.anyio
SEVERAL = sorted(WAREHOUSES)[:2]


def open_lines(store):
    rows = [json.loads(payload) for _, payload in store.records["order_rows"].values()]
    return [
        line for row in rows if row["Status"].casefold() in OPEN_STATUSES for line in row.get("SalesOrderLines") or []
    ]


async def test_a_price_is_asked_for_the_quantity_of_each_line(settings, window):
    store = await extract(settings, window)
    wanted = {(text_of(line["ItemNumber"]), str(int(float(line["Ordered"])))) for line in open_lines(store)}
    asked = {(key.split(":", 7)[7], key.split(":")[5]) for key in store.records["prices"]}
    assert asked == wanted
    assert {quantity for _, quantity in asked} > {"1"}
    report = store.reports["prices"]
    assert (report.complete, report.claimed_total) == (True, len(wanted))


async def test_a_listed_item_is_priced_for_the_quantity_of_the_settings(settings, window, books):
    item = next(iter(books.items.values())).item_number
    priced = settings.model_copy(update={"priced_items": [item], "priced_quantity": 250})
    store = await extract(priced, window)
    assert [key for key in store.records["prices"] if key.endswith(f":250::{item}")]


def test_two_quantities_of_an_item_go_in_two_calls():
    questions = [Question("A", 1), Question("A", 5), Question("a", 7), Question("B", 1), Question("C", 2)]
    calls = batches(questions, 2)
    assert sorted(question for call in calls for question in call) == sorted(questions)
    assert all(len(call) <= 2 for call in calls)
    assert all(max(Counter(question.item.casefold() for question in call).values()) == 1 for call in calls)
    assert [len(call) for call in calls] == [2, 2, 1]


async def test_stock_of_several_warehouses_is_a_row_each(distributor, window):
    store = await extract(settings_for(distributor, stock_warehouses=[*SEVERAL, SEVERAL[0]]), window)
    rows = [key.split(":") for key in store.records["availability"]]
    assert {warehouse for _, _, warehouse, _ in rows} == set(SEVERAL)
    per_warehouse = Counter(warehouse for _, _, warehouse, _ in rows)
    assert len(set(per_warehouse.values())) == 1
    report = store.reports["availability"]
    assert (report.complete, report.claimed_total) == (True, len(rows))


async def test_one_warehouse_is_asked_where_none_is_listed(settings, window):
    store = await extract(settings, window)
    assert {key.split(":")[2] for key in store.records["availability"]} == {settings.warehouse}


async def test_a_row_of_one_warehouse_that_is_missing_is_counted(distributor, window, books):
    [item, *_] = [item for item in books.items.values() if not item.pricing_error]
    row = {"Warehouse": SEVERAL[0], "MaterialNumber": item.material_number, "QuantityAvailable": 3, "ErrorFlag": False}
    fail(
        distributor,
        route="POST /scsc/product/v2/availability",
        kind="status",
        status=200,
        body=json.dumps({"items": [row]}),
    )
    store = await extract(settings_for(distributor, stock_warehouses=SEVERAL), window)
    report = store.reports["availability"]
    assert not report.complete
    wanted, came = report.claimed_total or 0, report.calls  # the same row, by every call
    assert f"{wanted - came} of {wanted} answers missing" in report.note


@pytest.mark.parametrize("named", [{}, {"Warehouse": "9999"}])
async def test_a_row_of_a_warehouse_that_was_not_asked_for_is_a_reject(distributor, window, named):
    row = named | {"MaterialNumber": "000000000000000001", "QuantityAvailable": 3, "ErrorFlag": False}
    fail(
        distributor,
        route="POST /scsc/product/v2/availability",
        kind="status",
        status=200,
        body=json.dumps({"items": [row]}),
    )
    store = await extract(settings_for(distributor, stock_warehouses=SEVERAL), window)
    assert not store.records["availability"]
    assert {(record.rule, record.field) for record in store.dead_letters if record.field == "Warehouse"} == {
        ("missing_key", "Warehouse")
    }


async def test_stock_that_is_refused_is_a_reject_of_each_warehouse(distributor, window):
    fail(distributor, route="POST /scsc/product/v2/availability", kind="status", status=400, nth=1)
    only = settings_for(distributor, stock_warehouses=SEVERAL, pricing_batch_size=1)
    store = await extract(only, window)
    refused = [record for record in store.dead_letters if record.rule == "refused_call"]
    assert [str(record.record_id).split(":")[2] for record in refused] == SEVERAL
    report = store.reports["availability"]
    assert (report.complete, report.note) == (True, "1 items refused")


@pytest.mark.parametrize("warehouse", ["17:10", "", "17 10"])
def test_a_warehouse_that_no_record_id_can_hold_is_refused(distributor, warehouse):
    with pytest.raises(ValueError, match="stock_warehouses"):
        settings_for(distributor, stock_warehouses=[warehouse])
