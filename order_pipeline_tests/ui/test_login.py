"""Logging in to the UI: by token, by the header of a proxy; and what one who may only look cannot do."""

import pytest
from pydantic import ValidationError

from order_pipeline.ui.visitors import MOST_SESSIONS, SESSION_COOKIE, Role, Sessions
from order_pipeline.ui_settings import UiSettings
from order_pipeline_tests.shared_demo import run_command
from order_pipeline_tests.ui.conftest import OWN
from order_pipeline_tests.ui.test_doors import MUTATION, posted, subscribed

TOKEN, VIEWER = "the-token-of-those-who-change", "the-token-of-those-who-look"
PERMISSIONS = "{ permissions { permission value } }"
PAGE = {"Accept": "text/html"}
LINKED = PAGE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def logged_in(client, token, then="/", headers=OWN):
    return client.post("/login", data={"token": token, "next": then}, headers=headers)


def test_without_the_token_nothing_is_shown_and_nothing_changed(browse, limits):
    client = browse(token=TOKEN)
    assert client.get("/runs", headers=PAGE).status_code == 401
    assert client.get("/server_info").status_code == 401
    assert client.get("/logs/a/b.out").status_code == 401
    assert posted(client, MUTATION, OWN).status_code == 401
    assert client.get("/alive").text == "alive", "health asks without a login"
    assert limits() == set()


def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get(browse, limits):
    client = browse(token=TOKEN)
    answer = logged_in(client, TOKEN, "/runs?page=2")
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?page=2")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert TOKEN not in cookie
    assert posted(client, MUTATION, OWN).json() == {"data": {"setConcurrencyLimit": True}}


def test_behind_tls_the_cookie_never_travels_without_it(browse):
    headers = {"Host": "ui.shop.example", "Origin": "https://ui.shop.example"}
    assert (
        "secure"
        in logged_in(browse(token=TOKEN, allowed_hosts=["ui.shop.example"]), TOKEN, headers=headers)
        .headers["set-cookie"]
        .lower()
    )


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "κωδικός", "\0"])
def test_another_token_logs_nobody_in(browse, token):
    answer = logged_in(browse(token=TOKEN), token)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/\t/evil"]
)
def test_a_login_leads_to_no_other_site(browse, then):
    assert logged_in(browse(token=TOKEN), TOKEN, then).headers["location"] == "/"


def test_another_page_logs_nobody_in_or_out(browse):
    client = browse(token=TOKEN)
    assert logged_in(client, TOKEN, headers={"Origin": "https://evil.example"}).status_code == 403
    logged_in(client, TOKEN)
    assert client.post("/logout", headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_log_out_ends_the_session_wherever_its_cookie_is(browse):
    client = browse(token=TOKEN)
    logged_in(client, TOKEN)
    stolen = client.cookies[SESSION_COOKIE]
    form = OWN | {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/logout", headers=form).status_code == 303
    client.cookies.set(SESSION_COOKIE, stolen)
    assert client.get("/server_info").status_code == 401


def test_who_is_in_sees_as_whom_and_the_way_out(browse):
    client = browse(token=TOKEN)
    assert "Token of the UI" in client.get("/login").text
    logged_in(client, TOKEN)
    assert "as editor" in client.get("/login").text
    assert "Log out" in client.get("/login").text


def test_a_link_of_a_message_opens_the_page_for_who_is_logged_in(browse):
    client = browse(token=TOKEN)
    first = client.get("/runs/1", headers=LINKED)
    assert 'url=/runs/1"' in first.text, "the browser holds the cookie back once, then sends it"
    assert client.get("/runs/1", headers=PAGE).status_code == 401


def test_who_may_look_changes_nothing_and_sees_grey_buttons(browse, limits):
    client = browse(token=TOKEN, viewer_token=VIEWER)
    logged_in(client, VIEWER)
    assert posted(client, "{ version }", OWN).json()["data"]["version"]
    refused = posted(client, f"query a {{ version }} {MUTATION}", OWN, operationName="a")
    assert refused.status_code == 403
    assert not any(each["value"] for each in posted(client, PERMISSIONS, OWN).json()["data"]["permissions"])
    report = client.post("/report_asset_materialization/x", json={}, headers=OWN)
    assert report.status_code == 403
    assert subscribed(client, MUTATION, OWN)["type"] == "error"
    assert limits() == set()


def test_a_ui_that_is_read_only_changes_nothing_for_anybody(browse, limits):
    client = browse(token=TOKEN, read_only=True)
    logged_in(client, TOKEN)
    assert posted(client, MUTATION, OWN).status_code == 403
    assert posted(browse(read_only=True), MUTATION, OWN).status_code == 403
    assert limits() == set()


def test_a_program_gives_the_token_in_a_header(browse, limits):
    client = browse(token=TOKEN)
    assert posted(client, MUTATION, {"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    foreign = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}
    assert posted(client, MUTATION, foreign).status_code == 403
    assert posted(client, MUTATION, {"Authorization": "Bearer wrong"}).status_code == 403


PROXY = {"user_header": "X-Forwarded-User", "trusted_proxies": ["127.0.0.1/32"]}


def test_a_login_proxy_names_who_may_change(browse):
    client = browse(**PROXY, editors=["eleni"])
    assert posted(client, "{ version }", OWN).status_code == 401
    assert posted(client, MUTATION, OWN | {"X-Forwarded-User": "eleni"}).status_code == 200
    assert posted(client, MUTATION, OWN | {"X-Forwarded-User": "guest"}).status_code == 403
    assert posted(client, "{ version }", OWN | {"X-Forwarded-User": "guest"}).status_code == 200


def test_a_user_header_of_anybody_else_is_ignored(browse):
    client = browse(user_header="X-Forwarded-User", trusted_proxies=["172.28.0.0/16"])
    assert posted(client, "{ version }", OWN | {"X-Forwarded-User": "eleni"}).status_code == 401
    twice = browse(**PROXY).get("/server_info", headers=[("X-Forwarded-User", "eleni"), ("X-Forwarded-User", "x")])
    assert twice.status_code == 401


def test_a_session_ends_in_time_and_the_oldest_one_when_there_are_too_many():
    now = [0.0]
    sessions = Sessions(10, lambda: now[0])
    first = sessions.begin(Role.VIEWER)
    assert sessions.role_of(first) is Role.VIEWER
    now[0] = 10
    assert sessions.role_of(first) is None
    oldest, *others = [sessions.begin(Role.EDITOR) for _ in range(MOST_SESSIONS + 1)]
    assert sessions.role_of(oldest) is None
    assert all(sessions.role_of(each) for each in others)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"token": "short"}, "16 ASCII characters"),
        ({"token": TOKEN, "viewer_token": TOKEN}, "a viewer could change"),
        ({"user_header": "X-User"}, "trusted_proxies"),
        ({"user_header": "X-User", "trusted_proxies": ["proxy.example"]}, "IPv4 or IPv6"),
    ],
)
def test_settings_that_lock_nothing_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        UiSettings(**settings)


def test_serve_refuses_to_listen_beyond_loopback_without_a_login(tmp_path):
    done = run_command(tmp_path, "serve", "--no-webhooks", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "no login is set" in done.stderr
