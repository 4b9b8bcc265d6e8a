"""What a run reads from Kibo, what it keeps, and when it may call a window complete (stop rule of section 3.3)."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from order_pipeline.channels.base import Window
from order_pipeline.channels.kibo import extraction as extraction_module
from order_pipeline.channels.kibo.extraction import build_extraction
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.http.errors import NotConfigured, PagingError
from order_pipeline_tests.channels.kibo.small_kibo import (
    DAY,
    MARCH_1,
    Known,
    SmallKibo,
    extract,
    extracted,
    order,
    orders_of_day,
)
from order_pipeline_tests.http.scripted_server import Answer, Received

pytestmark = pytest.mark.anyio


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


async def test_orders_of_neighbouring_days_are_cut_off_and_none_is_missed_or_doubled() -> None:
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


async def test_each_order_comes_with_the_hash_by_which_raw_knows_its_content() -> None:
    got = await extracted(SmallKibo(orders_of_day(30)), per_page=10)
    batches = [batch for group in got.groups for batch in group.batches]
    assert sum(map(len, batches)) == 30
    assert all(batch.hashes == [sha256(payload).hexdigest() for payload in batch.payloads] for batch in batches)


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
    reports = [len(group.reports) for group in got.groups]
    assert reports == [0] * (len(got.groups) - 2) + [1, 1], "a report comes with the last of its own records"


async def test_the_reports_records_are_the_records_yielded() -> None:
    kibo = SmallKibo([*orders_of_day(33), order(0), order(40, "2026-03-01T10:00:00")])
    got = await extracted(kibo, per_page=10)
    assert got.report.records == len(got.ids) + len(got.dead_letters) == 35


@pytest.mark.parametrize("missing", ["api_key", "api_secret", "manufacturer_ids"])
async def test_missing_settings_are_named_before_any_call(missing: str) -> None:
    complete = {"api_key": "k", "api_secret": "s", "manufacturer_ids": ["1"]}
    settings = KiboSettings.model_validate({name: value for name, value in complete.items() if name != missing})
    with pytest.raises(NotConfigured, match=f"ORDER_PIPELINE_KIBO__{missing.upper()}"):
        await anext(aiter(build_extraction(settings)(DAY, Known())))
