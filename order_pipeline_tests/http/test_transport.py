"""What the transport does with each kind of reply and transport error, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from order_pipeline.http.auth import BearerToken
from order_pipeline.http.errors import (
    ApiError,
    CallsUsedUp,
    CutBody,
    NotSent,
    OutcomeUnknown,
    PermanentError,
    TransientError,
    UnreadableBody,
)
from order_pipeline.http.reply import Reply, json_problem
from order_pipeline.http.settings import RateSettings
from order_pipeline.http.transport import Transport
from order_pipeline_tests.http.scripted_server import Answer, Received, ScriptedServer, in_turn

pytestmark = pytest.mark.anyio

FAST = RateSettings(attempts=3, read_timeout_seconds=0.2, backoff_cap_seconds=20.0)


class Waits(list[float]):
    """Takes the place of sleeping: remembers the waits."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def transport_to(
    server: ScriptedServer | str,
    *,
    rate: RateSettings = FAST,
    waits: Waits | None = None,
    classify: Callable[[Reply], ApiError | None] | None = None,
    max_body_bytes: int = 1_000_000,
    most_calls: int | None = None,
) -> Transport:
    return Transport(
        "test",
        server if isinstance(server, str) else f"{server.url}/base",
        auth=BearerToken("tok-123456789"),
        rate=rate,
        headers={"API-Key": "the-api-key"},
        classify=classify,
        max_body_bytes=max_body_bytes,
        most_calls=most_calls,
        sleep=waits if waits is not None else Waits(),
    )


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_reply_brings_bytes_json_and_status_over_one_kept_connection() -> None:
    async with ScriptedServer(in_turn(Answer(body=b'{"a": [1, 2]}'))) as server, transport_to(server) as transport:
        for page in range(4):
            await transport.request("GET", "order/", params={"page": page, "absent": None})
        reply = await transport.request("GET", "order/", params={"page": 4, "absent": None, "of": "1,2"})
        assert reply.json() == {"a": [1, 2]}
        assert reply.json(dict[str, list[int]]) == {"a": [1, 2]}
        assert (reply.status, reply.attempts, transport.calls, server.connections) == (200, 1, 5, 1)
        last = server.received[-1]
        assert (last.path, last.query) == ("/base/order/", {"page": "4", "of": "1,2"})
        assert last.headers["authorization"] == "Bearer tok-123456789"
        assert last.headers["api-key"] == "the-api-key"


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=408),
        Answer(status=429),
        Answer(status=500),
        Answer(status=503, body=b"<html>busy</html>"),
        Answer(drop=True),
        Answer(stall=True),
        Answer(body=b'{"orders": 12345}', cut=7),
    ],
    ids=["408", "429", "500", "503", "dropped", "stalled", "cut"],
)
async def test_a_passing_trouble_is_retried_on_a_read_and_never_on_a_write(trouble: Answer) -> None:
    handler = in_turn(trouble, Answer(body=b"[1]"))
    waits = Waits()
    async with ScriptedServer(handler) as server, transport_to(server, waits=waits) as transport:
        reply = await transport.request("GET", "order")
        assert (reply.json(), reply.attempts, len(waits)) == ([1], 2, 1)
    async with ScriptedServer(in_turn(trouble)) as server, transport_to(server) as transport:
        with pytest.raises(TransientError if trouble.status == 429 else OutcomeUnknown) as caught:
            await transport.request("POST", "picks", json={"pick": 1})
        assert (len(server.received), caught.value.attempts) == (1, 1)


async def test_a_reading_post_is_retried_when_it_says_so() -> None:
    async with ScriptedServer(in_turn(Answer(drop=True), Answer())) as server, transport_to(server) as transport:
        reply = await transport.request("POST", "pricing", json={"items": ["A"]}, idempotent=True)
        assert (reply.attempts, [each.body for each in server.received]) == (2, [b'{"items":["A"]}'] * 2)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_is_known_not_to_have_been_sent(method: str) -> None:
    waits = Waits()
    async with transport_to(f"http://127.0.0.1:{closed_port()}", waits=waits) as transport:
        with pytest.raises(NotSent) as caught:
            await transport.request(method, "order")
    assert caught.value.attempts == (3 if method == "GET" else 1)
    assert len(waits) == caught.value.attempts - 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refusal_is_definite_and_not_repeated(method: str, status: int) -> None:
    handler = in_turn(Answer(status=status, body=b'{"code": "NO"}'))
    async with ScriptedServer(handler) as server, transport_to(server) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.request(method, "order")
        assert len(server.received) == 1
        assert (caught.value.status, caught.value.method) == (status, method)
        assert '"NO"' in str(caught.value)
        assert caught.value.next_step


async def test_a_redirect_is_not_followed_so_that_keys_stay_on_their_host() -> None:
    handler = in_turn(Answer(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}))
    async with ScriptedServer(handler) as server, transport_to(server) as transport:
        with pytest.raises(PermanentError, match="points elsewhere"):
            await transport.request("GET", "order")
        with pytest.raises(OutcomeUnknown):
            await transport.request("POST", "order")
        assert len(server.received) == 2


async def test_the_servers_wait_is_honoured_for_every_request_and_capped() -> None:
    waits = Waits()
    handler = in_turn(
        Answer(status=429, headers={"Retry-After": "7"}), Answer(status=503, headers={"Retry-After": "9999"}), Answer()
    )
    async with ScriptedServer(handler) as server, transport_to(server, waits=waits) as transport:
        await transport.request("GET", "order")
    backoffs = [wait for wait in waits if wait in (max(waits), waits[0])]
    assert 7 <= waits[0] <= 7.5
    assert max(backoffs) == 20.0
    assert len(waits) == 4  # each hint pauses the whole budget as well


async def test_a_used_up_retry_says_what_was_tried_and_what_to_do_without_secrets() -> None:
    body = b'{"error": "Invalid or expired token: tok-123456789", "email": "maria@example.org", "why": "busy"}'
    async with ScriptedServer(in_turn(Answer(status=503, body=body))) as server, transport_to(server) as transport:
        with pytest.raises(TransientError) as caught:
            await transport.request(
                "GET", "order", params={"page": 3, "access_token": "abcdefgh", "key": "the-api-key"}
            )
    text = str(caught.value)
    assert "after 3 tries" in text
    assert "page=3" in text
    assert "busy" in text
    for secret in ("tok-123456789", "maria", "abcdefgh", "the-api-key"):
        assert secret not in text
        assert secret not in caught.value.excerpt


async def test_the_hook_turns_a_refusal_into_a_passing_one_and_a_good_status_into_an_error() -> None:
    def classify(reply: Reply) -> ApiError | None:
        if reply.status == 403 and b"Over Rate Limit" in reply.content:
            return TransientError("too fast", status=403, retry_after=2.0)
        return json_problem(reply) if reply.status == 200 else None

    handler = in_turn(
        Answer(status=403, body=b"Over Rate Limit"), Answer(body=b'{"collection": [{"a": 1'), Answer(body=b"<html>")
    )
    async with ScriptedServer(handler) as server, transport_to(server, classify=classify) as transport:
        with pytest.raises(UnreadableBody, match="HTML"):
            await transport.request("GET", "order")
        assert len(server.received) == 3
        with pytest.raises(PermanentError):
            await transport.request("GET", "order")


async def test_a_cut_json_body_of_a_write_is_an_unknown_outcome() -> None:
    handler = in_turn(Answer(body=b'{"ok": tr'))
    async with ScriptedServer(handler) as server, transport_to(server, classify=json_problem) as transport:
        with pytest.raises(OutcomeUnknown):
            await transport.request("POST", "picks", json={})


async def test_a_body_beyond_the_limit_is_refused_before_it_fills_the_memory() -> None:
    handler = in_turn(Answer(body=b"[" + b"1," * 200_000 + b"1]"))
    async with ScriptedServer(handler) as server, transport_to(server, max_body_bytes=100_000) as transport:
        with pytest.raises(UnreadableBody, match="larger than 100000 bytes"):
            await transport.request("GET", "order")


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        (b"<!DOCTYPE html><title>Login</title>", UnreadableBody, "HTML"),
        (b"", UnreadableBody, "empty"),
        (b" \r\n", UnreadableBody, "empty"),
        (b'{"a": 1', CutBody, "cut"),
        (b'{"a": 00000}', UnreadableBody, "not the JSON"),
        (b'{"a": "text"}', UnreadableBody, "not the JSON"),
    ],
)
async def test_a_body_that_is_not_the_json_asked_for_says_what_came_instead(
    body: bytes, error: type[ApiError], reason: str
) -> None:
    async with ScriptedServer(in_turn(Answer(body=body))) as server, transport_to(server) as transport:
        reply = await transport.request("GET", "order")
        with pytest.raises(error, match=reason) as caught:
            reply.json(dict[str, int])
        assert caught.value.content == body


async def test_no_more_requests_are_in_flight_than_the_budget_allows() -> None:
    gate = asyncio.Event()
    rate = FAST.model_copy(update={"max_in_flight": 3, "read_timeout_seconds": 10.0})

    def handler(_: Received) -> Answer:
        if server.in_flight == 3:
            gate.set()
        return Answer(wait_for=gate)

    async with ScriptedServer(handler) as server, transport_to(server, rate=rate) as transport:
        await asyncio.gather(*(transport.request("GET", f"order/{number}") for number in range(12)))
        assert (server.most_in_flight, len(server.received)) == (3, 12)


async def test_no_more_calls_are_made_than_the_transport_may_repeated_ones_included() -> None:
    async with ScriptedServer(in_turn(Answer(status=503))) as server, transport_to(server, most_calls=2) as transport:
        with pytest.raises(CallsUsedUp, match="budget of 2 calls"):
            await transport.request("GET", "order")
        assert (len(server.received), transport.calls) == (2, 2)


async def test_the_urgent_go_first_where_requests_wait_for_each_other() -> None:
    rate = FAST.model_copy(update={"max_in_flight": 1})
    async with ScriptedServer(in_turn(Answer())) as server, transport_to(server, rate=rate) as transport:
        calls = [transport.request("GET", f"{urgency}", urgency=urgency) for urgency in (0, 0, 1, 2)]
        await asyncio.gather(*calls)
        assert [each.path for each in server.received] == ["/base/0", "/base/2", "/base/1", "/base/0"]


async def test_a_rate_spaces_the_requests() -> None:
    rate = FAST.model_copy(update={"requests_per_second": 50.0})
    async with ScriptedServer(in_turn(Answer())) as server, transport_to(server, rate=rate) as transport:
        start = asyncio.get_running_loop().time()
        await asyncio.gather(*(transport.request("GET", "order") for _ in range(6)))
        assert asyncio.get_running_loop().time() - start >= 5 / 50 * 0.8


async def test_form_and_multipart_bodies_arrive_as_such() -> None:
    async with ScriptedServer(in_turn(Answer())) as server, transport_to(server) as transport:
        await transport.request("POST", "form", form={"a": "x y"})
        await transport.request("POST", "upload", files={"invoice_file": ("a.pdf", b"%PDF", "application/pdf")})
        assert server.received[0].body == b"a=x+y"
        assert server.received[1].headers["content-type"].startswith("multipart/form-data; boundary=")
        assert b'name="invoice_file"; filename="a.pdf"' in server.received[1].body
