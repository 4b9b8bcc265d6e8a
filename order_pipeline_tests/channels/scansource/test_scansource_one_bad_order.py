"""Whatever one order says, or makes a call answer, the others of its list arrive and the run goes on."""

import json
from itertools import product

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.http.errors import PermanentError
from order_pipeline_tests.channels.scansource.raw_store import RawStore
from order_pipeline_tests.http.scripted_server import Answer, ScriptedServer
from order_pipeline_tests.robustness.byte_servers import ScanSourceBytes
from order_pipeline_tests.samples import sampled
from order_pipeline_tests.warehouse.poisoned_records import DAY, as_json, scansource_order

pytestmark = pytest.mark.anyio
WINDOW = Window(DAY, DAY.replace(day=DAY.day + 1))
PARTS = {"detail": "order_details", "tracking": "order_tracking", "serials": "order_serials"}
ORDERS = 30


def shop(count=ORDERS, **changes):
    """Orders of which all have shipped; `changes` replace a key of order 7's row."""
    rows, answers = [], {}
    for number in map(str, range(1, count + 1)):
        parts = scansource_order(number)
        line = parts["order_rows"]["SalesOrderLines"][0] | {"Shipped": 2}
        row = parts["order_rows"] | {"SalesOrderLines": [line]} | (changes if number == "7" else {})
        rows.append(as_json(row))
        answers |= {(operation, number): as_json(parts[resource]) for operation, resource in PARTS.items()}
    return ScanSourceBytes(rows, answers)


async def extract(api, store=None, handler=None, **changes):
    store = store or RawStore()
    async with ScriptedServer(handler or api) as server:
        settings = api.settings(server.url).model_copy(update=changes)
        await store.commit_all(build_extraction(settings)(WINDOW, store))
    return store


def ids(*without):
    return {f"1000:{number}" for number in range(1, ORDERS + 1)} - {f"1000:{number}" for number in without}


POISONS = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "not UTF-8": b'"caf\xe9"',
    "half a surrogate": b'"\\ud800"',
    "a huge integer": b"9" * 5_000,
    "a deep list": b"[" * 3_000 + b"]" * 3_000,
    "an open list": b"[",
    "an open object": b"{",
    "an open text": b'"abc',
    "a closed list": b"]",
    "a closed object": b"}",
    "no JSON": b"nothing",
}


@pytest.mark.parametrize(("poison", "page_size"), sampled([*product(POISONS, [10, 100])], 6))
async def test_a_row_that_no_decoder_takes_is_one_reject_and_the_others_arrive(poison, page_size):
    api = shop(Memo="@here@")
    api.rows = [row.replace(b'"@here@"', POISONS[poison]) for row in api.rows]
    store = await extract(api, page_size=page_size)
    assert set(store.records["order_rows"]) == ids(7)
    assert set(store.records["order_details"]) == ids(7)
    (record,) = [record for record in store.dead_letters if record.rule == "bad_json"]
    assert b'"OrderNumber":"7"' in record.payload
    assert store.reports["order_rows"].complete


async def test_a_body_that_is_utf_8_is_utf_8_whatever_its_header_says():
    api = shop(PONumber="Βόλος")

    def latin(request):
        answer = api(request)
        return Answer(body=answer.body, headers={"Content-Type": "application/json; charset=iso-8859-1"})

    store = await extract(api, handler=latin)
    assert "Βόλος".encode() in store.records["order_rows"]["1000:7"][1]


@pytest.mark.parametrize(("operation", "status"), sampled([*product(PARTS, [400, 403, 410, 422, 302])], 5))
async def test_an_order_whose_call_is_refused_is_a_reject_and_the_run_goes_on(operation, status):
    api = shop()
    api.answers[operation, "7"] = Answer(status=status, body=b'{"Message": "no"}')
    store = await extract(api)
    refused = PARTS[operation]
    (record,) = store.dead_letters
    assert (record.rule, record.field, record.record_id) == ("refused_call", refused, "1000:7")
    assert str(status) in record.value
    assert set(store.records["order_rows"]) == ids(), "what the list says of it is kept"
    for resource in PARTS.values():
        assert set(store.records[resource]) == (ids(7) if resource == refused else ids())
    assert "calls of 1 orders were refused or unreadable: 7" in store.reports["order_details"].note


@pytest.mark.parametrize(
    ("operation", "body"),
    sampled([*product(PARTS, [b"<html>no</html>", b'{"a": [1', b'[{"a": "\xe9"}]', b'{"a": "\xe9"}'])], 4),
)
async def test_an_answer_that_cannot_be_read_is_a_reject_with_its_bytes(operation, body):
    api = shop()
    for number in ("7", "8"):
        api.answers[operation, number] = Answer(body=body)
    store = await extract(api)
    assert {record.rule for record in store.dead_letters} == {"bad_json"}
    assert {record.record_id for record in store.dead_letters} == {"1000:7", "1000:8"}
    assert {record.payload for record in store.dead_letters} == {b"7\n" + body, b"8\n" + body}
    assert set(store.records["order_rows"]) == ids()


async def test_an_order_that_was_refused_is_asked_for_again_and_comes():
    api = shop()
    api.answers["detail", "7"] = Answer(status=422)
    store = await extract(api)
    api.answers["detail", "7"] = as_json(scansource_order("7")["order_details"])
    await extract(api, store)
    assert set(store.records["order_details"]) == ids()


@pytest.mark.parametrize("entered", ["1/5/2062", "12/31/9999", "1/1/1999 3:00 PM"])
async def test_an_order_of_a_day_that_cannot_be_meant_is_a_reject_and_not_left_out(entered):
    store = await extract(shop(DateEntered=entered))
    assert set(store.records["order_rows"]) == ids(7)
    (record,) = store.dead_letters
    assert (record.rule, record.field, record.value, record.record_id) == (
        "bad_timestamp",
        "DateEntered",
        entered,
        "1000:7",
    )


@pytest.mark.parametrize("number", ["x" * 3000, "a\0b", "..", "\u200b7"])
async def test_a_number_that_no_call_can_carry_is_a_reject_and_not_sent(number):
    api = shop(OrderNumber=number)
    store = await extract(api)
    assert set(store.records["order_details"]) == ids(7)
    assert {record.rule for record in store.dead_letters} == {"refused_call"}
    note = store.reports["order_details"].note
    assert note.isprintable()
    assert len(note) < 200


async def test_an_odd_item_costs_no_price_of_the_others():
    lines = [{"ItemNumber": item, "Shipped": 1} for item in ("x" * 3000, "a\0b", "SKU-2", "y" * 50, "SKU-3")]
    api = shop(SalesOrderLines=lines)
    store = await extract(api)
    assert api.items_asked == {"SKU-1", "SKU-2", "SKU-3"}
    assert "2 items left out" in store.reports["prices"].note
    refused = [record for record in store.dead_letters if record.rule == "refused_call"]
    assert {record.payload for record in refused} == {b"y" * 50 + b"\n"}


@pytest.mark.parametrize("status", [400, 403])
async def test_when_every_call_is_refused_it_is_the_api_that_refuses(status):
    api = shop()
    api.answers = {key: Answer(status=status) for key in api.answers}
    with pytest.raises(PermanentError, match=str(status)):
        await extract(api)


async def test_a_serial_row_that_is_no_json_is_its_orders_trouble_alone():
    api = shop()
    api.answers["serials", "7"] = b'[{"SerialNumber": NaN}, {"SerialNumber": "S2"}]'
    store = await extract(api)
    assert set(store.records["order_serials"]) == ids()
    with pytest.raises(json.JSONDecodeError):
        json.loads(store.records["order_serials"]["1000:7"][1], parse_constant=lambda _: json.loads(""))
