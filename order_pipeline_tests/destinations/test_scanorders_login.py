"""The login with a real redirect to loopback, and the stored token's life."""

import asyncio
import socket
import stat
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from order_pipeline.destinations.login_redirect import LoginTimeoutError
from order_pipeline.destinations.scanorders_login import login
from order_pipeline.destinations.scanorders_token import (
    StoredToken,
    TokenKeeper,
    expiry_warning,
    load_token,
    save_token,
    token_path,
)
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings
from order_pipeline.http.errors import NotConfigured
from order_pipeline.sandbox.scanorders.fake import CLIENT_ID, CLIENT_SECRET, USER_IDS
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox():
    with SandboxServer(orders=1, days=1, channels=["scanorders"]) as server:
        yield server


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def settings(tmp_path, sandbox):
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=tmp_path,
        scanorders=ScanOrdersSettings(
            base_url=sandbox.channel_url("scanorders"),
            client_id=CLIENT_ID,
            client_secret=SecretStr(CLIENT_SECRET),
            redirect_uri=f"http://127.0.0.1:{free_port()}/callback",
        ),
    )


def browser(url, **changes):
    """A person who consents at once: follows the redirect back to this machine."""

    def visit():
        with httpx.Client(follow_redirects=False) as client:
            back = httpx.URL(client.get(url).headers["location"]).copy_merge_params(changes)
            client.get(back.copy_with(path="/favicon.ico", query=b""))
            client.get(back)

    threading.Thread(target=visit, daemon=True).start()


@pytest.fixture
def no_echo(sandbox):
    """ScanOrders hands `state` back to nobody."""
    sandbox.channels["scanorders"].configure(echo_state=False)
    yield
    sandbox.channels["scanorders"].configure(echo_state=True)


def test_the_login_stores_a_token_that_only_the_owner_can_read(settings):
    token = asyncio.run(login(settings, browser, timeout_seconds=20))
    assert load_token(settings) == token
    assert stat.S_IMODE(token_path(settings).stat().st_mode) == 0o600
    assert token.expires_at is not None
    assert TokenKeeper(settings).current() == token.access_token
    assert token.uid == USER_IDS["main"]
    assert USER_IDS["main"] not in repr(token)


def test_a_token_stored_before_the_uid_was_kept_still_works(settings):
    token_path(settings).write_text('{"access_token": "t0ken-old", "obtained_at": "2026-03-01T12:00:00Z"}')
    assert TokenKeeper(settings).current() == "t0ken-old"
    stored = load_token(settings)
    assert stored is not None
    assert stored.uid is None


def answers(url, *calls):
    """What the redirect's address answers to these calls, then to the browser of the person who consents."""
    seen = []

    def visit():
        with httpx.Client(follow_redirects=False) as client:
            right = httpx.URL(client.get(url).headers["location"])
            for changes, headers in calls:
                seen.append(client.get(right.copy_with(query=changes), headers=headers).status_code)
            client.get(right)

    threading.Thread(target=visit, daemon=True).start()
    return seen


ATTACKS = [
    (b"code=of-somebody-else", {}),
    (b"code=of-somebody-else&state=forged", {}),
    (b"error=access_denied", {}),
    (b"code=of-somebody-else", {"Sec-Fetch-Dest": "image"}),
    (b"code=of-somebody-else", {"Host": "evil.example"}),
]


def test_another_page_neither_answers_the_login_nor_ends_it(settings):
    seen = []
    token = asyncio.run(login(settings, lambda url: seen.append(answers(url, *ATTACKS)), timeout_seconds=20))
    assert seen == [[403] * len(ATTACKS)]
    assert load_token(settings) == token


def test_who_sends_half_a_request_keeps_nobody_from_the_login(settings):
    address = urlsplit(settings.scanorders.redirect_uri)
    with ExitStack() as open_connections:

        def show(url):
            for _ in range(5):
                half = socket.create_connection((address.hostname, address.port))
                open_connections.enter_context(half)
                half.sendall(b"GET /callback?code=x HTTP/1.1\r\nHost: 127")
            browser(url)

        asyncio.run(login(settings, show, timeout_seconds=20))
    assert load_token(settings) is not None


@pytest.mark.usefixtures("no_echo")
def test_without_an_echo_of_the_state_nobody_is_logged_in_unless_a_setting_says_so(settings):
    said = []

    def visit(url):
        with httpx.Client() as client:
            said.append(client.get(client.get(url).headers["location"]).text)

    async def begin_and_give_up():
        shown = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(login(settings, shown.set_result, timeout_seconds=60))
        await asyncio.to_thread(visit, await shown)
        waiting.cancel()

    asyncio.run(begin_and_give_up())
    assert "has no `state`" in said[0]
    assert load_token(settings) is None
    settings.scanorders.login_without_state = True
    asyncio.run(login(settings, browser, timeout_seconds=20))
    assert load_token(settings) is not None


def test_nobody_coming_back_is_said_so(settings):
    with pytest.raises(LoginTimeoutError, match="No browser came back"):
        asyncio.run(login(settings, lambda _url: None, timeout_seconds=0.01))


@pytest.mark.parametrize("redirect", ["https://127.0.0.1/callback", "http://example.org/callback"])
def test_the_redirect_must_stay_on_this_machine(settings, redirect):
    settings.scanorders.redirect_uri = redirect
    with pytest.raises(NotConfigured, match="must be http"):
        asyncio.run(login(settings, browser))


LIVES = [(timedelta(days=30), None), (timedelta(days=13), "in 13 days"), (timedelta(seconds=-1), "ended on")]


@pytest.mark.parametrize(("left", "expected"), LIVES)
def test_the_end_of_the_token_is_announced_days_before(settings, left, expected):
    save_token(settings, StoredToken(access_token="t0ken-value", obtained_at=NOON, expires_at=NOON + left))
    warning = expiry_warning(settings, NOON)
    assert (warning is None) if expected is None else (expected in (warning or ""))
    assert "t0ken-value" not in f"{warning}{load_token(settings)!r}"


def test_without_a_login_the_next_step_is_named(settings):
    assert "scanorders login" in (expiry_warning(settings) or "")
    with pytest.raises(NotConfigured, match="scanorders login"):
        TokenKeeper(settings).current()


def test_a_damaged_token_file_is_named(settings):
    token_path(settings).write_text("{")
    with pytest.raises(NotConfigured, match="cannot be read"):
        load_token(settings)


def test_after_a_refusal_the_keeper_takes_the_token_of_a_new_login(settings):
    save_token(settings, StoredToken(access_token="t0ken-first", obtained_at=NOON))
    keeper = TokenKeeper(settings)
    assert keeper.current() == "t0ken-first"
    assert not asyncio.run(keeper.renew("t0ken-first"))
    save_token(settings, StoredToken(access_token="t0ken-second", obtained_at=NOON))
    assert asyncio.run(keeper.renew("t0ken-first"))
    assert keeper.current() == "t0ken-second"


def test_each_floor_has_a_login_and_a_file_of_its_own(settings, sandbox):
    settings.floors = {"north": FloorSettings()}  # the same client: another user logs in
    channel = sandbox.channels["scanorders"]
    asyncio.run(login(settings, browser, timeout_seconds=20))
    channel.configure(account="north")
    token = asyncio.run(login(settings, browser, floor="north", timeout_seconds=20))
    channel.configure(account="main")
    assert (token.uid, load_token(settings, "north")) == (USER_IDS["north"], token)
    assert (token_path(settings).name, token_path(settings, "north").name) == (
        "scanorders_token.json",
        "scanorders_token.north.json",
    )
    assert TokenKeeper(settings, "north").current() != TokenKeeper(settings).current()
