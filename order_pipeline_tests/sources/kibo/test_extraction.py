"""What a run reads from Kibo, what it keeps, and when it may call a window complete (stop rule of section 3.3)."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from order_pipeline.http import ApiError, NotConfigured, PagingError, PermanentError, TransientError, UnreadableBody
from order_pipeline.settings import KiboSettings
from order_pipeline.sources.kibo import build_extraction
from order_pipeline.sources.kibo import extraction as extraction_module
from order_pipeline.sources.records import Window
from order_pipeline_tests.http.scripted_server import Answer, Received, ScriptedServer
from order_pipeline_tests.sources.kibo.small_kibo import (
    MARCH_1,
    Got,
    Known,
    SmallKibo,
    order,
    orders_of_day,
    settings_for,
)

pytestmark = pytest.mark.anyio
DAY = Window(MARCH_1, MARCH_1 + timedelta(days=1))


async def extract(kibo: SmallKibo, *, window: Window = DAY, known: Known | None = None, **more: Any) -> Got:
    async with ScriptedServer(kibo) as server:
        got = Got()
        try:
            async for group in build_extraction(settings_for(server, **more))(window, known or Known()):
                got.groups.append(group)
        except ApiError as error:
            got.error = error
        return got


async def extracted(kibo: SmallKibo, **more: Any) -> Got:
    got = await extract(kibo, **more)
    if got.error:
        raise got.error
    return got


@given(
    count=st.integers(0, 45),
    total=st.sampled_from(["right", "absent"]),
    page_cap=st.integers(4, 12),
    empty_body=st.booleans(),
    ahead=st.integers(1, 5),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_order_arrives_once_and_the_window_is_complete(
    count: int, total: str, page_cap: int, empty_body: bool, ahead: int
) -> None:
    kibo = SmallKibo(orders_of_day(count), total, page_cap, empty_body)
    got = await extracted(kibo, per_page=10)
    assert got.ids == [str(number) for number in range(1, count + 1)]
    assert set(got.days) <= {MARCH_1}
    assert (got.report.complete, got.report.records) == (True, count)
    assert got.report.claimed_total == (count if total == "right" and not (empty_body and count == 0) else None)
    assert (got.report.pages, got.report.calls) == (len(kibo.asked),) * 2
    assert kibo.tokens == 1


async def test_a_search_names_the_manufacturer_sorts_and_asks_for_an_overlapping_window() -> None:
    kibo = SmallKibo([])
    await extracted(kibo)
    assert kibo.asked == [
        {
            "manufacturerID": "77",
            "orderDateStart": "2026-02-28T23:55:00Z",
            "orderDateEnd": "2026-03-02T00:00:00Z",
            "page": "1",
            "perPage": "100",
            "sortBy": "orderDate",
        }
    ]


async def test_orders_of_the_neighbouring_days_are_cut_off_and_no_day_misses_or_doubles_one() -> None:
    orders = [
        order(1, "2026-02-28T23:59:59+0000"),
        order(2, "2026-03-01T00:00:00Z"),
        order(3, "2026-03-02T01:30:00+02:00"),
        order(4, "2026-03-02T00:00:00+00:00"),
        order(5, "2026-03-02T23:59:59.999+00:00"),
        order(6, "2026-03-03T00:00:00Z"),
    ]
    got = await extracted(SmallKibo(orders), window=Window(MARCH_1, date(2026, 3, 3)))
    assert list(zip(got.ids, got.days, strict=True)) == [
        ("2", MARCH_1),
        ("3", MARCH_1),
        ("4", date(2026, 3, 2)),
        ("5", date(2026, 3, 2)),
    ]
    first, second = got.reports
    assert (first.records, second.records) == (2, 2)
    assert (first.window_end, second.window_start) == (second.window_start, first.window_end)
    assert first.complete
    assert "2 of other days left out" in first.note


async def test_passwords_are_gone_and_every_other_byte_is_as_received() -> None:
    received = json.dumps(order(1, note='keep "password" here')).encode()
    got = await extracted(
        SmallKibo(
            [order(1)], spoil=lambda _request, _body: Answer(body=b'{"collection":[%s],"totalCount":1}' % received)
        )
    )
    (payload,) = got.payloads
    assert b"hunter2" not in payload
    assert payload == received.replace(b'"hunter2"', b'"[removed]"').replace(
        b'"password": null', b'"password": "[removed]"'
    )


async def test_an_empty_page_before_the_claimed_total_leaves_the_window_open() -> None:
    got = await extracted(SmallKibo(orders_of_day(25), total=40), per_page=10)
    assert len(got.ids) == 25
    assert not got.report.complete
    assert "15 of 40 promised items never came" in got.report.note


async def test_a_claimed_total_that_is_too_low_hides_no_order() -> None:
    got = await extracted(SmallKibo(orders_of_day(25), total=3), per_page=10)
    assert (len(got.ids), got.report.complete, got.report.claimed_total) == (25, True, 3)


@pytest.mark.parametrize("total", ["right", "absent", 1000])
async def test_a_server_that_repeats_a_page_is_an_error_and_not_a_complete_window(total: str | int) -> None:
    kibo = SmallKibo(orders_of_day(25), total)
    first_page: list[bytes] = []

    def repeat(_request: Received, body: bytes) -> Answer:
        first_page.append(body)
        return Answer(body=first_page[0])

    kibo.spoil = repeat
    got = await extract(kibo, per_page=10)
    assert isinstance(got.error, PagingError)
    assert len(got.ids) == 10
    assert not got.report.complete
    assert "page 2 brought nothing new" in got.report.note


async def test_a_contradiction_on_one_day_does_not_keep_the_other_days_from_being_read() -> None:
    kibo = SmallKibo(orders_of_day(15) + orders_of_day(5, date(2026, 3, 2), first=100))
    page_of_day_1 = SmallKibo(orders_of_day(15))

    def repeat(request: Received, _body: bytes) -> Answer | None:
        if request.query["orderDateEnd"] != "2026-03-02T00:00:00Z":
            return None
        return Answer(body=page_of_day_1._page({**request.query, "page": "1"}))

    kibo.spoil = repeat
    got = await extract(kibo, window=Window(MARCH_1, date(2026, 3, 3)), per_page=10)
    assert isinstance(got.error, PagingError)
    assert [report.complete for report in got.reports] == [False, True]
    assert "104" in got.ids


async def test_more_pages_than_allowed_are_an_error_and_the_last_page_is_still_kept() -> None:
    got = await extract(SmallKibo(orders_of_day(50), total="absent"), per_page=10, max_pages=3)
    assert isinstance(got.error, PagingError)
    assert (len(got.ids), got.report.complete) == (30, False)


async def test_an_order_that_slides_onto_two_pages_is_kept_once_and_twice_if_it_changed() -> None:
    orders = orders_of_day(20)
    pages = {
        "1": orders[:10],
        "2": [orders[8], {**orders[9], "orderStatus": "CANCELED"}, *orders[10:18]],
        "3": orders[18:],
    }
    kibo = SmallKibo(orders)
    kibo.spoil = lambda request, _body: Answer(
        body=json.dumps({"collection": pages.get(request.query["page"], []), "totalCount": 20}).encode()
    )
    got = await extracted(kibo, per_page=10)
    assert sorted(map(int, got.ids)) == sorted([*range(1, 21), 10])
    assert [
        b"CANCELED" in payload for record_id, payload in zip(got.ids, got.payloads, strict=True) if record_id == "10"
    ] == [
        False,
        True,
    ]
    assert got.report.complete


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
    (record,) = got.unusable
    assert (record.rule, record.field, record.value) == (rule, field, value)
    assert (record.payload, record.day) == (broken, MARCH_1)
    assert (got.report.complete, got.report.records) == (True, 4)


async def test_a_page_that_stays_cut_gives_what_it_has_and_the_window_stays_open() -> None:
    kibo = SmallKibo(orders_of_day(30))
    kibo.spoil = lambda request, body: Answer(body=body[:-60]) if request.query["page"] == "2" else None
    got = await extracted(kibo, per_page=10)
    assert got.ids == [str(number) for number in range(1, 31) if number != 20]
    (record,) = got.unusable
    assert record.rule == "bad_json"
    assert not got.report.complete
    assert "page 2 was cut after 3 tries" in got.report.note
    assert b"hunter2" not in record.payload


@pytest.mark.parametrize("trouble", ["cut json", "cut body", "dropped", "503", "rate 403", "expired token"])
async def test_a_passing_trouble_is_overcome(trouble: str) -> None:
    kibo = SmallKibo(orders_of_day(30))
    answers = {
        "cut json": Answer(body=b'{"collection": [{"orderID": 1'),
        "cut body": Answer(body=b'{"collection": []}', cut=9),
        "dropped": Answer(drop=True),
        "503": Answer(status=503, body=b"<html>"),
        "rate 403": Answer(status=403, body=b"<h1>Developer Over Queries Per Second</h1>"),
        "expired token": Answer(status=403),
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
        (Answer(body=b'{"code": 5006}'), UnreadableBody, "no list of orders"),
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


async def test_orders_that_shipped_lately_are_read_whatever_their_order_date() -> None:
    old = order(1, "2025-12-24T10:00:00Z", shipped="2026-02-27T09:00:00Z")
    kibo = SmallKibo([old, order(2, shipped="2026-01-01T00:00:00Z"), order(3)])
    got = await extracted(kibo, ship_date_look_back_days=7)
    assert list(zip(got.ids, got.days, strict=True)) == [("2", MARCH_1), ("3", MARCH_1), ("1", date(2025, 12, 24))]
    by_ship_date = got.reports[1]
    assert "by ship date" in by_ship_date.note
    assert (by_ship_date.window_start.date(), by_ship_date.window_end.date()) == (date(2026, 2, 23), date(2026, 3, 2))
    assert (by_ship_date.records, by_ship_date.complete) == (1, True)


async def test_unsettled_orders_are_read_again_in_lists_of_50_unless_the_run_has_just_seen_them() -> None:
    old = orders_of_day(120, date(2026, 1, 5), first=1000)
    today = orders_of_day(30)
    kibo = SmallKibo([*today, *old], total="absent")
    numbers = [str(each["orderID"]) for each in (*today, *old)]
    got = await extracted(kibo, known=Known(*numbers))
    assert got.ids == [str(each["orderID"]) for each in (*today, *old)]
    again = [query for query in kibo.asked if "orderID" in query]
    assert [len(query["orderID"].split(",")) for query in again] == [50, 50, 20]
    assert all(query["manufacturerID"] == "77" for query in again)
    reports = got.reports[1:]
    assert [report.calls for report in reports] == [1, 1, 1]
    assert all(report.complete for report in reports)
    assert sum(report.calls_saved for report in reports) == 0


async def test_calls_that_were_not_needed_are_reported() -> None:
    kibo = SmallKibo([*orders_of_day(60), order(5000, "2026-01-01T00:00:00Z")])
    numbers = [str(each["orderID"]) for each in kibo.orders]
    got = await extracted(kibo, known=Known(*numbers))
    assert [report.calls_saved for report in got.reports] == [0, 1]


async def test_an_unsettled_order_that_the_api_no_longer_knows_is_reported() -> None:
    got = await extracted(SmallKibo([order(1, "2026-01-01T00:00:00Z")]), known=Known("1", "2"))
    assert got.ids == ["1"]
    assert not got.reports[1].complete
    assert "1 of 2 promised items never came" in got.reports[1].note


async def test_an_unsettled_order_of_the_overlap_is_read_again() -> None:
    kibo = SmallKibo([order(1, "2026-02-28T23:58:00Z")])
    assert (await extracted(kibo, known=Known("1"))).ids == ["1"]


async def test_the_second_and_third_read_can_be_switched_off() -> None:
    kibo = SmallKibo(orders_of_day(3))
    await extracted(kibo, known=Known("99"), reread_unsettled=False, ship_date_look_back_days=0)
    assert len(kibo.asked) == 1


async def test_each_manufacturer_is_asked_separately() -> None:
    kibo = SmallKibo([])
    got = await extracted(kibo, manufacturer_ids=["77", "78"])
    assert [query["manufacturerID"] for query in kibo.asked] == ["77", "78"]
    assert ["manufacturer 77" in report.note for report in got.reports] == [True, False]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (Answer(status=403, body=b"Forbidden"), {"77", "78"}),
        (Answer(status=400), {"77", "78"}),
        (Answer(status=503), {"77"}),
    ],
    ids=["not allowed", "refused", "down"],
)
async def test_a_manufacturer_that_is_refused_does_not_keep_the_next_one_from_being_read(
    answer: Answer, asked: set[str]
) -> None:
    kibo = SmallKibo(orders_of_day(3))
    kibo.spoil = lambda request, _body: answer if request.query["manufacturerID"] == "77" else None
    got = await extract(kibo, manufacturer_ids=["77", "78"])
    assert got.error is not None
    assert {query["manufacturerID"] for query in kibo.asked} == asked
    assert len(got.ids) == (3 if "78" in asked else 0)
    assert [report.complete for report in got.reports] == [False, True][: len(asked)]


async def test_groups_stay_near_their_size_whatever_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction_module, "GROUP_BYTES", 10_000)
    got = await extracted(SmallKibo(orders_of_day(200)), per_page=10)
    sizes = [sum(map(len, batch.payloads)) for batch in got.batches]
    assert len(got.ids) == 200
    assert len(sizes) > 3
    assert max(sizes) < 10_000 + 10 * 300
    assert [len(group.reports) for group in got.groups] == [0] * (len(got.groups) - 1) + [1]


async def test_the_reports_records_are_the_records_yielded() -> None:
    kibo = SmallKibo([*orders_of_day(33), order(0), order(40, "2026-03-01T10:00:00")])
    got = await extracted(kibo, per_page=10)
    assert got.report.records == len(got.ids) + len(got.unusable) == 35


@pytest.mark.parametrize("missing", ["api_key", "api_secret", "manufacturer_ids"])
async def test_missing_settings_are_named_before_any_call(missing: str) -> None:
    complete = {"api_key": "k", "api_secret": "s", "manufacturer_ids": ["1"]}
    settings = KiboSettings.model_validate({name: value for name, value in complete.items() if name != missing})
    with pytest.raises(NotConfigured, match=f"ORDER_PIPELINE_KIBO__{missing.upper()}"):
        await anext(aiter(build_extraction(settings)(DAY, Known())))
