"""Whatever one order says, or answers when it is read, the other orders of the run arrive."""

import asyncio
import datetime as dt
import json
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from order_pipeline.channels.base import Window
from order_pipeline.channels.skroutz.client import TokenReplacedError
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations import inbox
from order_pipeline_tests.channels.skroutz.conftest import as_bytes, make_event
from order_pipeline_tests.http.scripted_server import Answer, ScriptedServer

WINDOW = Window(dt.date(2026, 1, 1), dt.date(2026, 2, 1))
DEEP = 700  # a decoder follows it from a shallow place, not from within a run


class Known:
    """What a run knows: payloads by code."""

    def __init__(self, **payloads):
        self.payloads = payloads

    def awaiting_read(self, account):
        return {}

    def unsettled_orders(self, account):
        return dict.fromkeys(self.payloads, WINDOW.start)

    def watermark(self, name):
        return None

    def latest_payloads(self, resource, record_ids):
        return {code: self.payloads[code] for code in record_ids if code in self.payloads}

    def latest_hashes(self, resource, window):
        return {}


def read(answers, *, known=None, codes=None):
    """The groups that reading these codes yields; `answers`: what the server says to each, 200 and the order if none.

    Returns the records by code, the dead letters, the report and the paths asked for.
    """
    paths = []

    def handler(request):
        paths.append(request.path)
        code = unquote(request.path.rsplit("/", 1)[1])
        body = json.dumps({"order": make_event(code)["order"]}).encode()
        return answers.get(code, Answer(body=body))

    async def run():
        async with ScriptedServer(handler) as server:
            rate = RateSettings(attempts=2, backoff_cap_seconds=0.01, max_in_flight=4)
            settings = SkroutzSettings(base_url=server.url, token=SecretStr("t"), rate=rate)
            extraction = RereadExtraction(settings, codes=codes)
            return [group async for group in extraction(WINDOW, known or Known())]

    groups = asyncio.run(run())
    batches = [batch for group in groups for batch in group.batches]
    records = {code for batch in batches for code in batch.record_ids}
    dead_letters = [record for batch in batches for record in batch.dead_letters]
    (report,) = [report for group in groups for report in group.reports if not report.watermark]
    return records, dead_letters, report, paths


@pytest.mark.parametrize("status", [400, 403, 410, 422, 302])
def test_an_order_whose_read_is_refused_is_a_reject_and_the_others_are_read(status):
    records, dead_letters, report, _ = read({"C2": Answer(status=status, body=b"{}")}, codes=["C1", "C2", "C3"])
    assert records == {"C1", "C3"}
    (record,) = dead_letters
    assert (record.rule, record.field, record.payload) == ("refused_call", "order.code", b"C2\n")
    assert str(status) in record.value
    assert not report.complete


def test_an_order_that_may_be_picked_and_is_not_found_any_more_is_a_reject_and_a_delivered_one_is_counted():
    known = Known(C1=as_bytes(make_event("C1")), C2=as_bytes(make_event("C2", state="delivered")))
    gone = Answer(status=404, body=b'{"errors": []}')
    _, dead_letters, report, paths = read({"C1": gone, "C2": gone}, known=known, codes=["C1", "C2"])
    assert len(paths) == 2
    assert [(record.rule, record.record_id) for record in dead_letters] == [("refused_call", "C1")]
    assert "2 not found" in report.note


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b"",
        b"{} {}",
        b'{"order": NaN}',
        b'{"order": {"code": "\\ud800"}}',
        b'{"order": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"order": {"x": "\\u0041", "y": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
        b'{"order": {"code": "\xe9"}}',
        b'{"order"',
    ],
)
def test_an_answer_that_cannot_be_read_is_a_reject_with_its_bytes_whatever_else_it_breaks(body):
    answers = {code: Answer(body=body) for code in ("C2", "C3")}
    records, dead_letters, report, _ = read(answers, codes=["C1", "C2", "C3"])
    assert records == {"C1"}
    assert [record.payload for record in dead_letters] == [b"C2\n" + body, b"C3\n" + body]
    assert not report.complete


def test_codes_that_no_url_carries_are_left_out_and_counted():
    odd = ["..", "a\0b", "x" * 3000, "\ud800", " ", "a/../../b", "C1/accept", "C1%2Faccept"]
    usual = ["a b", "50%", "#1?x=y", "Ελλάδα-1"]
    records, _, report, paths = read({}, codes=[*odd, *usual])
    assert len(records) == len(usual)
    assert "8 left out for their codes" in report.note
    assert all(path.startswith("/merchants/ecommerce/orders/") and path.count("/") == 4 for path in paths)


def test_when_every_read_is_refused_it_is_skroutz_that_refuses():
    codes = [f"C{number}" for number in range(40)]
    records, dead_letters, report, _ = read({code: Answer(status=403) for code in codes}, codes=codes)
    assert not records
    assert not dead_letters
    assert "40 failed" in report.note


def test_a_refused_token_is_no_orders_trouble():
    with pytest.raises(TokenReplacedError):
        read({"C2": Answer(status=401)}, codes=["C1", "C2"])


def test_a_stored_observation_that_cannot_be_followed_from_here_is_read_again():
    deep = b'{"order": {"code": "C1", "state": "returned", "x": ' + b"[" * 3000 + b"]" * 3000 + b"}}"
    records, dead_letters, _, _ = read({}, known=Known(C1=deep, C2=as_bytes(make_event("C2", state="returned"))))
    assert records == {"C1"}
    assert not dead_letters


def call_deeper(levels, act):
    return act() if levels == 0 else call_deeper(levels - 1, act)


@pytest.mark.parametrize("more", [{}, {"note": "\\u0041"}, {"otp": "1"}])
def test_a_webhook_that_only_the_receiver_could_follow_is_a_reject_and_the_others_land(road, more):
    """The decoder's room is what the stack has left, and a run calls from deeper down than the receiver does."""
    deep = as_bytes(make_event("DEEP", **more)).replace(
        b'"customer":', b'"deep":' + b"[" * DEEP + b"]" * DEEP + b',"customer":'
    )
    deep = deep.replace(b"\\\\u0041", b"\\u0041")
    road.receive(make_event("C1"), deep, make_event("C2"))
    assert inbox.counts(road.store, "skroutz").pending == 3

    async def land():
        return [group async for group in InboxExtraction(road.store, take_all=True)(WINDOW, Known())]

    groups = call_deeper(400, lambda: asyncio.run(land()))
    batches = [batch for group in groups for batch in group.batches]
    assert {code for batch in batches for code in batch.record_ids} == {"C1", "C2"}
    assert [record.rule for batch in batches for record in batch.dead_letters] == ["bad_json"]


@pytest.mark.costly
def test_an_order_of_a_day_that_cannot_be_meant_waits_for_no_such_day_and_is_a_reject(road):
    days = ("9999-12-31T23:59:59-14:00", "2062-01-05T10:00:00+02:00", "0001-01-01T00:00:00Z")
    odd = [
        make_event(f"{code}{number}", created_at=created_at)
        for code in ("C2", "a\0b", "x" * 3000)
        for number, created_at in enumerate(days)
    ]
    road.receive(make_event("C1"), *odd, make_event("C3"))
    assert set(inbox.pending_days(road.store, "skroutz")) == {dt.date(2026, 1, 15), None}
    road.land()
    assert set(road.states()) == {"C1", "C3"}
    rejects = road.rows("SELECT rule, field FROM quarantine.rejects")
    assert rejects == [("bad_timestamp", "order.created_at")] * len(odd)
