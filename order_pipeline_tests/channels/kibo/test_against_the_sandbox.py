"""The Kibo extraction against the strict fake: every order of every manufacturer, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from order_pipeline.channels.base import Window
from order_pipeline.channels.kibo.extraction import build_extraction
from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.http.errors import ApiError, PagingError, PermanentError
from order_pipeline.http.settings import RateSettings
from order_pipeline.sandbox.kibo.fake import API_KEY, API_SECRET, KiboChannel
from order_pipeline.sandbox.kibo.orders import MANUFACTURERS
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault, FaultKind
from order_pipeline_tests.channels.kibo.small_kibo import Got, Known

TODAY = date(2026, 1, 15)
WINDOW = Window(TODAY - timedelta(days=2), TODAY)
SEARCH = "GET /api/v2/order/*"
PASSING: list[tuple[FaultKind, dict[str, Any]]] = [
    ("status", {"status": 503}),
    ("status", {"status": 500, "retry_after": "0"}),
    ("status", {"status": 429, "retry_after": "date:+1"}),
    ("truncated_json", {}),
    ("cut_body", {}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("expire_token", {}),
    ("slow_body", {"seconds": 0.05}),
    ("wrong_total", {"shift": -3}),
]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer(orders=40, days=2, channels=["kibo"]) as server:
        yield server


@pytest.fixture
def sandbox(running: SandboxServer) -> SandboxServer:
    running.reset()
    return running


def extract(sandbox: SandboxServer, *, known: Known | None = None, window: Window = WINDOW, **more: Any) -> Got:
    settings = KiboSettings(
        base_url=f"{sandbox.channel_url('kibo')}/api/v2",
        token_url=f"{sandbox.channel_url('kibo')}/oauthserver/oauth2/token",
        api_key=SecretStr(API_KEY),
        api_secret=SecretStr(API_SECRET),
        manufacturer_ids=[str(number) for number in MANUFACTURERS],
        per_page=10,
        ship_date_look_back_days=0,
        rate=RateSettings(attempts=4, backoff_cap_seconds=0.02, max_in_flight=4, read_timeout_seconds=5.0),
    ).model_copy(update=more)
    got = Got()

    async def run() -> None:
        try:
            async for group in build_extraction(settings)(window, known or Known()):
                got.groups.append(group)
        except ApiError as error:
            got.error = error

    asyncio.run(run())
    return got


def expected_ids(sandbox: SandboxServer) -> set[str]:
    channel = sandbox.channel(KiboChannel)
    orders = channel.store.existing(channel.moment())
    return {str(order.order_id) for order in orders if WINDOW.start <= order.created_at.date() < WINDOW.end}


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"total_count": "off"},
        {"total_count": "off", "no_rows": "empty_collection"},
        {"window_end": "exclusive"},
        {"page_cap": 7},
        {"page_cap": 7, "total_count": "off"},
        {"ids": "strings"},
        {"token_refusal": 403},
    ],
    ids=str,
)
def test_every_order_of_the_ledger_arrives_once_and_every_window_is_complete(
    sandbox: SandboxServer, switches: dict[str, Any]
) -> None:
    sandbox.channel(KiboChannel).configure(**switches)
    got = extract(sandbox)
    assert got.error is None
    assert len(got.ids) == len(set(got.ids)) == 80
    assert set(got.ids) == expected_ids(sandbox)
    assert [report.complete for report in got.reports] == [True] * 2 * len(MANUFACTURERS)
    assert sum(report.records for report in got.reports) == 80
    said = got.groups[-1].so_far
    assert said is not None
    assert (said.done, said.of) == (2 * len(MANUFACTURERS),) * 2, "days of all manufacturers, for who waits"
    assert said.calls >= len(got.reports)
    assert not got.dead_letters
    assert all(json.loads(payload)["customer"]["password"] == "[removed]" for payload in got.payloads)


@pytest.mark.parametrize(("kind", "details"), PASSING, ids=[f"{kind}-{details}" for kind, details in PASSING])
def test_passing_faults_cost_tries_but_no_order_and_no_proof(
    sandbox: SandboxServer, kind: FaultKind, details: dict[str, Any]
) -> None:
    sandbox.faults.add(Fault(kind=kind, api="kibo", route=SEARCH, nth=[2, 9, 14], **details))
    got = extract(sandbox)
    assert got.error is None
    assert set(got.ids) == expected_ids(sandbox)
    assert all(report.complete for report in got.reports)
    assert not got.dead_letters


def test_a_total_that_is_too_high_leaves_every_window_open_with_all_orders_there(sandbox: SandboxServer) -> None:
    sandbox.channel(KiboChannel).configure(total_count="wrong")
    got = extract(sandbox)
    assert set(got.ids) == expected_ids(sandbox)
    assert not any(report.complete for report in got.reports)
    assert all("7 of " in report.note for report in got.reports)


def test_a_repeated_page_is_an_error_and_its_window_is_read_whole_the_next_time(sandbox: SandboxServer) -> None:
    sandbox.faults.add(Fault(kind="duplicate_page", api="kibo", route=SEARCH, nth=2))
    got = extract(sandbox)
    assert isinstance(got.error, PagingError)
    assert not got.reports[0].complete
    assert set(extract(sandbox).ids) == expected_ids(sandbox)


@pytest.mark.parametrize("kind", ["insert_record", "shifted_page"])
def test_rows_that_move_while_read_double_nothing_and_none_is_missed_unnoticed(
    sandbox: SandboxServer, kind: FaultKind
) -> None:
    sandbox.faults.add(Fault(kind=kind, api="kibo", route=SEARCH, nth=2, shift=1))
    got = extract(sandbox)
    there = expected_ids(sandbox)
    assert set(got.ids) <= there
    assert all(got.ids.count(each) == 1 for each in set(got.ids))
    if set(got.ids) != there:
        assert not all(report.complete for report in got.reports)
    assert set(extract(sandbox).ids) == there


def test_an_order_that_changes_between_pages_brings_its_latest_version(sandbox: SandboxServer) -> None:
    sandbox.faults.add(Fault(kind="change_record", api="kibo", route=SEARCH, nth=1))
    first = extract(sandbox)
    second = extract(sandbox)
    assert set(first.ids) == set(second.ids) == expected_ids(sandbox)


def test_wrong_credentials_end_the_run_at_the_token_without_showing_them(sandbox: SandboxServer) -> None:
    got = extract(sandbox, api_secret=SecretStr("not-the-secret"))
    assert isinstance(got.error, PermanentError)
    assert got.error.status == 401
    assert "client secret" in str(got.error)
    assert "not-the-secret" not in str(got.error)
    assert not got.ids


def test_an_account_that_may_not_see_a_manufacturer_is_told_the_possible_causes(sandbox: SandboxServer) -> None:
    sandbox.channel(KiboChannel).configure(permitted_manufacturers=(30211,), error_body="html")
    got = extract(sandbox)
    assert got.error is not None
    assert "may not see this manufacturer" in str(got.error)
    assert got.ids


def test_the_gateways_rate_limit_is_waited_out(sandbox: SandboxServer) -> None:
    sandbox.channel(KiboChannel).configure(requests_per_second=40)
    rate = RateSettings(attempts=8, backoff_cap_seconds=0.3, max_in_flight=4)
    got = extract(sandbox, rate=rate)
    assert got.error is None
    assert set(got.ids) == expected_ids(sandbox)


def test_broken_orders_are_set_aside_and_their_page_mates_arrive(sandbox: SandboxServer) -> None:
    no_id, no_json, no_zone = sorted(expected_ids(sandbox), key=int)[:3]
    control = f"{sandbox.url}/control/kibo/orders"
    httpx.patch(f"{control}/{no_id}", json={"orderID": None}).raise_for_status()
    httpx.put(f"{control}/{no_json}", content=b'{"orderID": %s, "manufacturerID": 00000}' % no_json.encode())
    httpx.patch(f"{control}/{no_zone}", json={"orderDate": "2026-01-13T10:00:00"}).raise_for_status()
    got = extract(sandbox)
    assert set(got.ids) == expected_ids(sandbox) - {no_id, no_json, no_zone}
    assert sorted((record.rule, record.field) for record in got.dead_letters) == [
        ("bad_json", "manufacturerID"),
        ("bad_timestamp", "orderDate"),
        ("missing_key", "orderID"),
    ]
    assert all(report.complete for report in got.reports)
    for order_id in (no_id, no_json, no_zone):
        httpx.delete(f"{control}/{order_id}").raise_for_status()
    assert set(extract(sandbox).ids) == expected_ids(sandbox)


def test_shipped_and_unsettled_orders_of_earlier_days_are_read_again(sandbox: SandboxServer) -> None:
    numbers = sorted(expected_ids(sandbox), key=int)
    sandbox.clock.advance(days=3)
    today = Window(sandbox.clock.today, sandbox.clock.today + timedelta(days=1))
    got = extract(sandbox, window=today, known=Known(*numbers[:30]))
    assert set(numbers[:30]) <= set(got.ids)
    before = set(extract(sandbox, window=today).ids)
    with_shipped = extract(sandbox, window=today, ship_date_look_back_days=7)
    assert set(with_shipped.ids) > before
    assert any("by ship date" in report.note and report.records for report in with_shipped.reports)
