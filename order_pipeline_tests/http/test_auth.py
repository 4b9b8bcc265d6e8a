"""Tokens: fetched once, renewed before expiry and once after a refusal, shared by everyone, never shown."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from order_pipeline.http.auth import ClientCredentials
from order_pipeline.http.errors import NotSent, PermanentError
from order_pipeline.http.oauth2 import AuthorizationCode, ForeignRedirectError
from order_pipeline.http.settings import RateSettings
from order_pipeline.http.transport import Transport
from order_pipeline_tests.http.scripted_server import Answer, Received, ScriptedServer

pytestmark = [pytest.mark.anyio, pytest.mark.every_python]
RATE = RateSettings(attempts=3, max_in_flight=8)


class Api:
    """Issues tokens t1, t2, ... and accepts the latest only."""

    def __init__(self, *, lifetime: object = 3600, refusal: int = 401) -> None:
        self.lifetime = lifetime
        self.refusal = refusal
        self.issued = 0
        self.accepted = 0
        self.token_trouble: list[Answer] = []

    def __call__(self, request: Received) -> Answer:
        if request.path == "/token":
            if self.token_trouble:
                return self.token_trouble.pop(0)
            self.issued += 1
            return Answer(body=json.dumps({"access_token": f"t{self.issued}", "expires_in": self.lifetime}).encode())
        if request.headers["authorization"] != f"Bearer t{self.issued}":
            return Answer(status=self.refusal, body=b'{"message": "Invalid or expired token"}')
        self.accepted += 1
        return Answer()


def open_transport(server: ScriptedServer, auth: ClientCredentials | None = None) -> Transport:
    async def no_sleep(_: float) -> None:
        return None

    return Transport("test", f"{server.url}/api", auth=auth or credentials(server), rate=RATE, sleep=no_sleep)


def credentials(
    server: ScriptedServer,
    *,
    renew_statuses: frozenset[int] = frozenset({401}),
    clock: Callable[[], float] = time.monotonic,
) -> ClientCredentials:
    return ClientCredentials(f"{server.url}/token", "the-key", "the-secret", renew_statuses=renew_statuses, clock=clock)


async def test_many_requests_at_once_share_one_token_request() -> None:
    api = Api()
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        await asyncio.gather(*(transport.request("GET", "order") for _ in range(20)))
        assert (api.issued, api.accepted) == (1, 20)
        asked = next(each for each in server.received if each.path == "/token")
        assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"the-key:the-secret").decode()
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        assert asked.body == b"grant_type=client_credentials"


async def test_a_refused_token_is_renewed_once_for_all_requests_in_flight() -> None:
    api = Api()
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        await transport.request("GET", "order")
        api.issued = 10  # the server forgets t1
        await asyncio.gather(*(transport.request("GET", "order") for _ in range(8)))
        assert (api.issued, api.accepted) == (11, 9)


async def test_a_write_that_was_refused_for_its_token_is_sent_again_with_a_new_one() -> None:
    api = Api()
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        await transport.request("GET", "order")
        api.issued = 10
        await transport.request("POST", "picks", json={"pick": 7})
        assert [each.body for each in server.received if each.method == "POST" and each.path == "/api/picks"] == [
            b'{"pick":7}'
        ] * 2


async def test_a_token_that_stays_refused_is_renewed_once_per_request_and_then_is_an_error() -> None:
    api = Api(refusal=403)
    both = frozenset({401, 403})
    async with ScriptedServer(api) as server:
        async with open_transport(server, credentials(server, renew_statuses=both)) as transport:
            await transport.request("GET", "order")
            server.handler = lambda request: api(request) if request.path == "/token" else Answer(status=403)
            with pytest.raises(PermanentError) as caught:
                await transport.request("GET", "order")
        assert (caught.value.status, api.issued) == (403, 2)


async def test_a_token_is_renewed_before_it_expires() -> None:
    api = Api(lifetime=3600)
    now = [1000.0]
    async with (
        ScriptedServer(api) as server,
        open_transport(server, credentials(server, clock=lambda: now[0])) as transport,
    ):
        for moment, issued in [(1000.0, 1), (1000.0 + 3530, 1), (1000.0 + 3550, 2), (1000.0 + 3560, 2)]:
            now[0] = moment
            await transport.request("GET", "order")
            assert api.issued == issued


@pytest.mark.parametrize("lifetime", [None, "soon", 10, "10", 0, -5])
async def test_odd_lifetimes_do_not_cost_a_token_per_request_unless_expired(lifetime: object) -> None:
    api = Api(lifetime=lifetime)
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        for _ in range(3):
            await transport.request("GET", "order")
        assert api.issued == (3 if lifetime == -5 else 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_endpoint_in_trouble_means_that_the_call_was_not_sent(method: str) -> None:
    api = Api()
    api.token_trouble = [Answer(status=503), Answer(drop=True)]
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        if method == "GET":
            assert (await transport.request("GET", "order")).attempts == 3
        else:
            with pytest.raises(NotSent, match="no token"):
                await transport.request("POST", "picks", json={})
            assert all(each.path == "/token" for each in server.received)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, body=b'{"error": "invalid_client", "error_description": "the-secret is wrong"}'),
        Answer(status=401, body=b""),
        Answer(body=b"<html>login</html>"),
        Answer(body=b'{"access_token": ""}'),
        Answer(body=b'["access_token"]'),
    ],
)
async def test_refused_credentials_are_a_clear_error_without_the_secret(answer: Answer) -> None:
    api = Api()
    api.token_trouble = [answer]
    async with ScriptedServer(api) as server, open_transport(server) as transport:
        with pytest.raises(PermanentError, match="client secret") as caught:
            await transport.request("GET", "order")
        assert "the-secret" not in str(caught.value)
        assert len(server.received) == 1


def flow(base_url: str = "https://app.example") -> AuthorizationCode:
    return AuthorizationCode(
        authorize_url=f"{base_url}/authorize",
        token_url=f"{base_url}/access_token",
        client_id="the-client",
        client_secret="the-secret",
        redirect_uri="http://127.0.0.1:8717/callback",
    )


async def test_the_authorization_code_flow_asks_in_the_browser_and_trades_the_code() -> None:
    begun = flow().start()
    query = parse_qs(urlsplit(begun.url).query)
    assert (query["client_id"], query["redirect_uri"]) == (["the-client"], ["http://127.0.0.1:8717/callback"])
    assert query["state"] == [begun.state]
    assert begun.state not in repr(begun).replace(begun.url, "")
    code = flow().code_from_redirect(f"{REDIRECT}?code=c0de&state={begun.state}", begun)
    body = b'{"access_token": "abc", "expires_in": 86400, "uid": "u1"}'
    async with ScriptedServer(lambda _: Answer(body=body)) as server:
        token = await flow(server.url).exchange(code)
        sent = parse_qs(server.received[0].body.decode())
    assert sent["code"] == ["c0de"]
    assert sent["client_secret"] == ["the-secret"]
    assert sent["redirect_uri"] == ["http://127.0.0.1:8717/callback"]
    assert token.expires_at is not None
    assert abs(token.expires_at - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)
    assert token.answer["uid"] == "u1"
    assert "abc" not in repr(token)


REDIRECT = "http://127.0.0.1:8717/callback"
FOREIGN = [
    "code=c",
    "code=c&state=",
    "code=c&state=another",
    "code=c&state=s&state=s",
    "code=c&state=%CE%B1",
    "error=denied",
]


@pytest.mark.parametrize("query", FOREIGN)
def test_a_redirect_that_does_not_answer_this_login_is_refused_and_the_login_waits_on(query: str) -> None:
    begun = replace(flow().start(), state="s")
    with pytest.raises(ForeignRedirectError):
        flow().code_from_redirect(f"{REDIRECT}?{query}", begun)
    assert flow().code_from_redirect(f"{REDIRECT}?code=right&state=s", begun) == "right"


@pytest.mark.parametrize("query", ["error=access_denied&state=s", "state=s", "code=a&code=b&state=s"])
def test_an_answer_without_a_code_ends_the_login(query: str) -> None:
    begun = replace(flow().start(), state="s")
    with pytest.raises(PermanentError) as caught:
        flow().code_from_redirect(f"{REDIRECT}?{query}", begun)
    assert not isinstance(caught.value, ForeignRedirectError)


def test_a_state_counts_once_and_not_for_ever() -> None:
    begun = flow().start()
    answer = f"{REDIRECT}?code=c&state={begun.state}"
    assert flow().code_from_redirect(answer, begun) == "c"
    with pytest.raises(ForeignRedirectError, match="over"):
        flow().code_from_redirect(answer, begun)
    late = flow().start(lifetime_seconds=-1)
    with pytest.raises(ForeignRedirectError, match="over"):
        flow().code_from_redirect(f"{REDIRECT}?code=c&state={late.state}", late)


def test_each_login_has_a_state_of_its_own() -> None:
    first, second = flow().start(), flow().start()
    with pytest.raises(ForeignRedirectError, match="another login"):
        flow().code_from_redirect(f"{REDIRECT}?code=c&state={first.state}", second)


def test_an_absent_state_passes_only_where_it_is_said_so_and_a_wrong_one_never() -> None:
    with pytest.raises(ForeignRedirectError):
        flow().code_from_redirect(f"{REDIRECT}?code=c&state=x", flow().start(), state_required=False)
    assert flow().code_from_redirect(f"{REDIRECT}?code=c", flow().start(), state_required=False) == "c"
