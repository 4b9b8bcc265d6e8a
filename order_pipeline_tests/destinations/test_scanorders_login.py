"""The login with a real redirect to loopback, and the stored token's life."""

import asyncio
import socket
import stat
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from order_pipeline.destinations.scanorders_login import LoginTimeoutError, login
from order_pipeline.destinations.scanorders_token import (
    StoredToken,
    TokenKeeper,
    expiry_warning,
    load_token,
    save_token,
    token_path,
)
from order_pipeline.destinations.settings import FloorSettings, ScanOrdersSettings
from order_pipeline.http.errors import NotConfigured, PermanentError
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


@pytest.mark.parametrize("echo_state", [False, True])
def test_the_login_stores_a_token_that_only_the_owner_can_read(settings, sandbox, echo_state):
    sandbox.channels["scanorders"].configure(echo_state=echo_state)
    token = asyncio.run(login(settings, browser, timeout_seconds=20))
    assert load_token(settings) == token
    assert stat.S_IMODE(token_path(settings).stat().st_mode) == 0o600
    assert token.expires_at is not None
    assert TokenKeeper(settings).current() == token.access_token
    assert token.uid == USER_IDS["main"]
    assert USER_IDS["main"] not in repr(token)


def test_a_token_stored_before_the_uid_was_kept_still_works(settings):
    token_path(settings).write_text('{"access_token": "old", "obtained_at": "2026-03-01T12:00:00Z"}')
    assert TokenKeeper(settings).current() == "old"
    stored = load_token(settings)
    assert stored is not None
    assert stored.uid is None


def test_a_redirect_of_another_login_is_refused(settings):
    with pytest.raises(PermanentError, match="another login"):
        asyncio.run(login(settings, lambda url: browser(url, state="forged"), timeout_seconds=20))
    assert load_token(settings) is None


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
    save_token(settings, StoredToken(access_token="first", obtained_at=NOON))
    keeper = TokenKeeper(settings)
    assert keeper.current() == "first"
    assert not asyncio.run(keeper.renew("first"))
    save_token(settings, StoredToken(access_token="second", obtained_at=NOON))
    assert asyncio.run(keeper.renew("first"))
    assert keeper.current() == "second"


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
