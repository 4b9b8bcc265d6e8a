"""A 200 that carries an error, or what nobody knows, proves nothing; one that passes costs a try."""

import json
from itertools import product

import pytest

from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.http.errors import ApiError
from order_pipeline.sandbox.shared.faults import parse_faults
from order_pipeline_tests.channels.scansource.raw_store import RawStore
from order_pipeline_tests.samples import sampled

pytestmark = pytest.mark.anyio

ERRORS = {
    "message": '{"statusCode": 500, "message": "Internal server error"}',
    "errors": '{"Errors": [{"Code": "E1", "Message": "backend away"}]}',
    "array": '[{"Message": "An error has occurred."}]',
    "wrapper and error": '{"items": [], "Errors": ["backend away"]}',
    "refusal": '{"statusCode": 401, "message": "Unauthorized"}',
}
UNKNOWN = {
    "text row": '["Internal error"]',
    "null row": "[null]",
    "unknown row": '[{"foo": 1}]',
    "object": '{"data": []}',
}
LISTS = {"order_rows": "GET /scsc/salesorder/v1/list", "invoice_summaries": "GET /scsc/invoice/v1/summary"}
DETAILS = {
    "order_details": "GET /scsc/salesorder/v1/detail",
    "order_tracking": "GET /scsc/salesorder/v1/tracking",
    "order_serials": "GET /scsc/salesorder/v1/serials",
    "invoice_details": "GET /scsc/invoice/v1/detail",
    "prices": "POST /scsc/product/v2/pricing",
    "availability": "POST /scsc/product/v2/availability",
}


async def extract(distributor, settings, window, **fault):
    """The store after a run with the fault, whether the run ended in an error or not."""
    distributor.faults.add(*parse_faults([{"api": "scansource", "kind": "status", "status": 200, **fault}]))
    store = RawStore()
    try:
        await store.commit_all(build_extraction(settings)(window, store))
    except ApiError:
        return store
    return store


@pytest.mark.parametrize(("resource", "body", "page"), sampled([*product(LISTS, ERRORS | UNKNOWN, [1, 2])], 8))
async def test_a_list_that_answers_something_else_is_not_complete(  # noqa: PLR0917
    distributor, settings, window, resource, body, page
):
    paged = settings.model_copy(update={"page_size": 3, "changed_look_back_days": 0})
    text = (ERRORS | UNKNOWN)[body]
    # From that page on: a server that is unwell answers the same on every page that follows.
    store = await extract(distributor, paged, window, route=LISTS[resource], body=text, nth=list(range(page, 60)))
    report = store.reports[resource]
    assert not report.complete
    assert report.note
    kind = "orders" if resource == "order_rows" else "invoices"
    assert not any(proof.complete for name, proof in store.proofs.items() if name.startswith(kind))


@pytest.mark.parametrize(("resource", "body"), sampled([*product(DETAILS, ERRORS | UNKNOWN)], 10))
async def test_a_call_that_answers_something_else_is_not_complete(distributor, settings, window, resource, body):
    text = (ERRORS | UNKNOWN)[body]
    store = await extract(distributor, settings, window, route=DETAILS[resource], body=text)
    assert not store.reports[resource].complete
    assert store.reports[resource].note


@pytest.mark.parametrize("resource", ["prices", "availability"])
@pytest.mark.parametrize("body", ["", "[]", '{"items": []}'])
async def test_items_without_an_answer_are_counted(distributor, settings, window, resource, body):
    store = await extract(distributor, settings, window, route=DETAILS[resource], body=body)
    report = store.reports[resource]
    assert not report.complete
    assert f"{report.claimed_total} of {report.claimed_total} answers missing" in report.note


@pytest.mark.parametrize(
    ("route", "body"), sampled([*product([*LISTS.values(), *DETAILS.values()], ["message", "errors", "array"])], 6)
)
async def test_an_error_in_a_200_that_passes_costs_a_try_and_nothing_else(distributor, settings, window, route, body):
    store = await extract(distributor, settings, window, route=route, body=ERRORS[body], nth=1)
    assert all(report.complete for report in store.reports.values())
    assert len(store.records["order_details"]) == distributor.channels["scansource"].ledger()["orders"]


async def test_rows_that_come_with_an_error_row_are_kept_and_prove_no_list(distributor, settings, window):
    whole = RawStore()
    await whole.commit_all(build_extraction(settings)(window, whole))
    rows = [json.loads(payload) for _, payload in whole.records["order_rows"].values()]
    body = json.dumps([*rows, "one partition timed out"])
    narrow = settings.model_copy(update={"changed_look_back_days": 0})
    store = await extract(distributor, narrow, window, route=LISTS["order_rows"], body=body, nth=1)
    assert store.records["order_rows"].keys() == whole.records["order_rows"].keys()
    assert not store.reports["order_rows"].complete
    assert "page 1: 1 rows are no records" in store.reports["order_rows"].note
