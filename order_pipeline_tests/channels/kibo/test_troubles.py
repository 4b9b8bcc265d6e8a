"""What trouble costs: a broken order itself, a passing trouble nothing, a lasting one what had not come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from order_pipeline.http.errors import ApiError, PermanentError, TransientError, UnreadableBody
from order_pipeline_tests.channels.kibo.small_kibo import MARCH_1, SmallKibo, extract, extracted, orders_of_day
from order_pipeline_tests.http.scripted_server import Answer, Received

pytestmark = pytest.mark.anyio


BROKEN_ORDERS: list[tuple[Any, str, str, str]] = [
    (b'{"orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", "absent"),
    (b'{"orderID":null,"orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", "null"),
    (b'{"orderID":" ","orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", '" "'),
    (b'{"orderID":0,"orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", "0"),
    (b'{"orderID":1.5,"orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", "1.5"),
    (b'{"orderID":true,"orderDate":"2026-03-01T00:00:00Z"}', "missing_key", "orderID", "true"),
    (b'{"orderID":5}', "bad_timestamp", "orderDate", "absent"),
    (b'{"orderID":5,"orderDate":"yesterday"}', "bad_timestamp", "orderDate", '"yesterday"'),
    (b'{"orderID":5,"orderDate":"2026-03-01T00:00:00"}', "bad_timestamp", "orderDate", '"2026-03-01T00:00:00"'),
    (
        b'{"orderID":5,"orderDate":"0001-01-01T00:00:00+09:00"}',
        "bad_timestamp",
        "orderDate",
        '"0001-01-01T00:00:00+09:00"',
    ),
    (b'{"orderID":5,"orderDate":"2062-01-05T10:00:00Z"}', "bad_timestamp", "orderDate", '"2062-01-05T10:00:00Z"'),
    (b'{"orderID":5,"orderDate":"1999-12-31T23:59:59Z"}', "bad_timestamp", "orderDate", '"1999-12-31T23:59:59Z"'),
    (b'{"orderID":5,"orderDate":1772323200}', "bad_timestamp", "orderDate", "1772323200"),
    (b"[1]", "bad_json", "order", "list instead of an object"),
    (b"null", "bad_json", "order", "NoneType instead of an object"),
    (
        b'{"orderID":5,"manufacturerID":00000}',
        "bad_json",
        "manufacturerID",
        "00000: JSON is malformed: invalid number (byte 31)",
    ),
    (
        b'{"orderID":5,"orderDate":"2026-03-01T00:00:00Z",}',
        "bad_json",
        "orderDate",
        "JSON is malformed: trailing comma in object (byte 48)",
    ),
]


@pytest.mark.parametrize(("broken", "rule", "field", "value"), BROKEN_ORDERS)
async def test_a_broken_order_is_set_aside_with_rule_field_and_value_and_the_others_arrive(
    broken: bytes, rule: str, field: str, value: str
) -> None:
    good = [json.dumps(each).encode() for each in orders_of_day(3)]
    body = b'{"totalCount": 4, "collection": [%s, %s, %s, %s]}' % (good[0], broken, good[1], good[2])
    got = await extracted(SmallKibo([], spoil=lambda _request, _body: Answer(body=body)))
    assert got.ids == ["1", "2", "3"]
    (record,) = got.dead_letters
    assert (record.rule, record.field, record.value) == (rule, field, value)
    assert (record.payload, record.day) == (broken, MARCH_1)
    assert (got.report.complete, got.report.records) == (True, 4)


async def test_a_page_that_stays_cut_gives_what_it_has_and_the_window_stays_open() -> None:
    kibo = SmallKibo(orders_of_day(30))
    kibo.spoil = lambda request, body: Answer(body=body[:-60]) if request.query["page"] == "2" else None
    got = await extracted(kibo, per_page=10)
    assert got.ids == [str(number) for number in range(1, 31) if number != 20]
    (record,) = got.dead_letters
    assert record.rule == "bad_json"
    assert not got.report.complete
    assert "page 2 was cut after 3 tries" in got.report.note
    assert b"hunter2" not in record.payload


@pytest.mark.parametrize(
    "trouble", ["cut json", "cut body", "dropped", "503", "rate 403", "expired token", "200 error"]
)
async def test_a_passing_trouble_is_overcome(trouble: str) -> None:
    kibo = SmallKibo(orders_of_day(30))
    answers = {
        "cut json": Answer(body=b'{"collection": [{"orderID": 1'),
        "cut body": Answer(body=b'{"collection": []}', cut=9),
        "dropped": Answer(drop=True),
        "503": Answer(status=503, body=b"<html>"),
        "rate 403": Answer(status=403, body=b"<h1>Developer Over Queries Per Second</h1>"),
        "expired token": Answer(status=403),
        "200 error": Answer(body=b'{"message": "Service temporarily unavailable", "code": 5001}'),
    }
    left = [3 if trouble == "rate 403" else 1]

    def spoil(request: Received, _body: bytes) -> Answer | None:
        if request.query["page"] == "2" and left[0]:
            left[0] -= 1
            return answers[trouble]
        return None

    kibo.spoil = spoil
    got = await extracted(kibo, per_page=10)
    assert (len(got.ids), got.report.complete) == (30, True)
    assert kibo.tokens == (2 if trouble in ("rate 403", "expired token") else 1)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(status=400, body=b'{"code": 5014}'), PermanentError, "5014"),
        (Answer(status=401), PermanentError, "credentials"),
        (Answer(status=403, body=b"Forbidden"), PermanentError, "One of three"),
        (
            Answer(status=403, headers={"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS"}),
            TransientError,
            "rate limit",
        ),
        (Answer(status=503), TransientError, "after 3 tries"),
        (Answer(body=b"<html>maintenance</html>"), UnreadableBody, "HTML"),
        (Answer(body=b'{"code": 5006}'), TransientError, "error in place of records"),
        (Answer(body=b'{"collection": [], "errors": ["down"]}'), TransientError, "error in place of records"),
        (Answer(body=b'{"collection": null, "errorCode": "5001"}'), TransientError, "after 3 tries"),
        (Answer(body=b'[{"message": "try later"}]'), TransientError, "after 3 tries"),
        (Answer(body=b'{"fault": {"code": 5014}}'), UnreadableBody, "error in place of records"),
        (Answer(body=b'{"orders": []}'), UnreadableBody, "no list of orders"),
        (Answer(body=b'{"collection": {"orderID": 1}}'), UnreadableBody, "no list of orders"),
        (Answer(body=b"0000"), UnreadableBody, "neither JSON"),
    ],
)
async def test_a_lasting_trouble_ends_the_run_clearly_and_keeps_what_came_before(
    answer: Answer, error: type[ApiError], text: str
) -> None:
    kibo = SmallKibo(orders_of_day(30))
    kibo.spoil = lambda request, _body: answer if request.query["page"] == "3" else None
    got = await extract(kibo, per_page=10)
    assert type(got.error) is error
    assert text in str(got.error)
    assert "the-key" not in str(got.error)
    assert set(got.ids) >= {str(number) for number in range(1, 21)}
    assert not got.report.complete
    assert got.report.note.startswith("manufacturer 77, by order date; GET http")


@pytest.mark.parametrize("total", ["right", "absent"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    "envelope",
    [
        {"collection": None},
        {"collection": [], "status": "degraded"},
        {"collection": [], "message": "the index is being rebuilt"},
        {"collection": [], "totalCount": 0},
    ],
)
async def test_an_empty_page_that_the_contract_does_not_know_proves_no_window(
    envelope: dict[str, object], number: int, total: str
) -> None:
    kibo = SmallKibo(orders_of_day(30), total=total)
    body = json.dumps(envelope).encode()
    kibo.spoil = lambda request, _body: Answer(body=body) if request.query["page"] == str(number) else None
    got = await extracted(kibo, per_page=10)
    assert len(got.ids) == (number - 1) * 10
    is_no_result = "totalCount" in envelope and number == 1
    assert got.report.complete == is_no_result
    assert is_no_result or "page 2" in got.report.note or "page 1" in got.report.note or "never came" in got.report.note


async def test_orders_that_come_with_an_error_are_kept_and_prove_no_window() -> None:
    kibo = SmallKibo(orders_of_day(30), total="absent")

    def spoil(request: Received, body: bytes) -> Answer | None:
        return Answer(body=body[:-1] + b', "error": "one shard failed"}') if request.query["page"] == "2" else None

    kibo.spoil = spoil
    got = await extracted(kibo, per_page=10)
    assert len(got.ids) == 30
    assert not got.report.complete
    assert "page 2: 10 orders came with error" in got.report.note
