"""Whatever one order says, or makes the API answer, the others of its page and of its search arrive."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from order_pipeline.channels.base import Window
from order_pipeline.http.errors import ApiError, PermanentError
from order_pipeline_tests.channels.kibo.small_kibo import MARCH_1, Known, SmallKibo, extract, extracted, orders_of_day
from order_pipeline_tests.http.scripted_server import Answer, Received

pytestmark = pytest.mark.anyio

EMPTY_DAY = Window(MARCH_1 + timedelta(days=40), MARCH_1 + timedelta(days=41))
"""A day without orders: only the search by ids brings any."""

UNREADABLE = {
    "deep list": b"[" * 3000 + b"]" * 3000,
    "deep object": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a surrogate": b'"\\ud800"',
    "a raw NUL": b'"\0"',
    "two values": b"1, 2",
    "an open list": b"[",
    "an open object": b"{",
    "an open text": b'"abc',
    "a closed list": b"]",
    "a closed object": b"}",
}


@pytest.mark.parametrize("totals", ["right", "absent"])
@pytest.mark.parametrize("poison", UNREADABLE)
async def test_what_no_decoder_takes_is_one_reject_and_the_others_of_the_page_arrive(poison: str, totals: str) -> None:
    orders = orders_of_day(30)
    orders[16]["customData"] = "@here@"
    kibo = SmallKibo(orders, total=totals)
    kibo.spoil = lambda _request, body: Answer(body=body.replace(b'"@here@"', UNREADABLE[poison]))
    got = await extracted(kibo, per_page=10)
    assert set(got.ids) == {str(number) for number in range(1, 31)} - {"17"}
    assert {record.rule for record in got.dead_letters} == {"bad_json"}
    assert b'"orderID": 17,' in got.dead_letters[0].payload
    assert got.report.complete


async def test_a_body_that_is_utf_8_is_utf_8_whatever_its_header_says() -> None:
    orders = [order | {"city": "Βόλος"} for order in orders_of_day(3)]
    kibo = SmallKibo(orders)
    kibo.spoil = lambda _request, body: Answer(
        body=json.dumps(json.loads(body), ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json; charset=iso-8859-1"},
    )
    got = await extracted(kibo)
    assert all("Βόλος".encode() in payload for payload in got.payloads)


def refusing(*refused: str, answer: Answer, count: int = 200) -> SmallKibo:
    """Searches by ids that hold one of these are refused."""
    kibo = SmallKibo(orders_of_day(count))

    def spoil(request: Received, _body: bytes) -> Answer | None:
        asked = request.query.get("orderID", "").split(",")
        return answer if set(asked) & set(refused) else None

    kibo.spoil = spoil
    return kibo


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422, 302])
async def test_an_order_whose_search_is_refused_is_a_reject_and_the_49_beside_it_are_read(status: int) -> None:
    ids = [str(number) for number in range(101, 151)]
    kibo = refusing("117", answer=Answer(status=status, body=b'{"code": 5013}'))
    got = await extracted(kibo, window=EMPTY_DAY, known=Known(*ids))
    assert set(got.ids) == set(ids) - {"117"}
    (record,) = got.dead_letters
    assert (record.rule, record.field, record.payload) == ("refused_call", "orderID", b"117\n")
    assert str(status) in record.value


async def test_an_unreadable_answer_to_a_search_for_one_order_is_a_reject_with_its_bytes() -> None:
    kibo = refusing("117", answer=Answer(body=b"<html>no</html>"))
    got = await extracted(kibo, window=EMPTY_DAY, known=Known("117", "118"))
    assert set(got.ids) == {"118"}
    assert [(record.rule, record.payload) for record in got.dead_letters] == [("bad_json", b"117\n<html>no</html>")]


async def test_ids_that_the_search_does_not_take_are_not_asked_for() -> None:
    odd = ["abc", "1,2", "-1", "0", "9" * 3000, "1\0", "\ud800", "..", "٣"]
    kibo = SmallKibo(orders_of_day(200))
    got = await extracted(kibo, window=EMPTY_DAY, known=Known("117", *odd))
    assert got.ids == ["117"]
    assert [query["orderID"] for query in kibo.asked if "orderID" in query] == ["117"]


@pytest.mark.parametrize("status", [400, 403])
async def test_when_every_search_is_refused_it_is_the_api_that_refuses(status: int) -> None:
    ids = [str(number) for number in range(101, 151)]
    kibo = refusing(*ids, answer=Answer(status=status))
    got = await extract(kibo, window=EMPTY_DAY, known=Known(*ids))
    assert isinstance(got.error, PermanentError)
    assert len([query for query in kibo.asked if "orderID" in query]) < 50


@pytest.mark.parametrize("status", [401, 503])
async def test_trouble_with_the_api_is_not_an_orders_trouble(status: int) -> None:
    kibo = refusing("117", answer=Answer(status=status))
    got = await extract(kibo, window=EMPTY_DAY, known=Known("117", "118"))
    assert isinstance(got.error, ApiError)
    assert not got.dead_letters
