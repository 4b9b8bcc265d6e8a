"""The ScanOrders fake refuses what the contract does not allow, and counts what it accepted."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from order_pipeline.sandbox.scanorders.fake import CLIENT_ID, CLIENT_SECRET, ScanOrdersChannel
from order_pipeline.sandbox.server import SandboxServer

WF = "/scanorders/api/1.1/wf"
LINE = {
    "barcode": "0012345678905",
    "ordernumber": "7000001",
    "orderdate": "2026-01-14",
    "qtytopick": 3,
    "customername": "Ada Example",
    "binloc": "A-01-02",
    "mktid": "EXT-1",
}
REDIRECT = "http://127.0.0.1:8717/callback"


@pytest.fixture
def channel(sandbox):
    return sandbox.channel(ScanOrdersChannel)


@pytest.fixture
def headers(channel):
    return {"Authorization": f"Bearer {channel.issue_token()}"}


def create(client, headers, **changes):
    line = {name: value for name, value in (LINE | changes).items() if value is not ...}
    return client.post(f"{WF}/neworders", json=line, headers=headers)


def test_a_login_gives_a_code_that_is_good_once(client):
    query = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "state": "s"}
    answer = client.get("/scanorders/api/1.1/oauth/authorize", params=query)
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    code = parse_qs(location.query)["code"][0]
    assert parse_qs(location.query)["state"] == ["s"]
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT, "code": code}
    token = client.post("/scanorders/api/1.1/oauth/access_token", data=form)
    assert set(token.json()) == {"access_token", "expires_in", "uid"}
    assert client.post("/scanorders/api/1.1/oauth/access_token", json=form).status_code == 400
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    assert create(client, bearer).status_code == 200


@pytest.mark.parametrize("change", [{"client_secret": "wrong"}, {"code": "made-up"}, {"redirect_uri": "http://other/"}])
def test_no_token_without_the_right_client_code_and_address(client, channel, change):
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT}
    form["code"] = channel.codes.issue(CLIENT_ID, REDIRECT)
    before = channel.tokens.issued
    assert client.post("/scanorders/api/1.1/oauth/access_token", data=form | change).status_code in (400, 401)
    assert channel.tokens.issued == before


@pytest.mark.parametrize("missing", ["barcode", "ordernumber", "orderdate", "qtytopick", "customername", "binloc"])
@pytest.mark.parametrize("absence", [..., None, ""])
def test_a_missing_parameter_is_named(client, channel, headers, missing, absence):
    answer = create(client, headers, **{missing: absence})
    assert answer.status_code == 400
    body = answer.json()["body"]
    assert body["status"] == "MISSING_DATA"
    assert body["message"] == f"Missing parameter for workflow neworders: parameter {missing}"
    assert channel.ledger()["accepted"] == 0


@pytest.mark.parametrize(
    ("endpoint", "sent"),
    [
        ("neworders", LINE | {"qtytopick": "many"}),
        ("neworders", LINE | {"qtytopick": True}),
        ("neworders", LINE | {"barcode": 12345678905}),
        ("neworders", LINE | {"orderdate": "14/01/2026"}),
        ("neworders", LINE | {"idempotencykey": "x"}),
        ("neworders", [LINE]),
        ("updateorder", {"OrderID": 7600001, "status": "Ready to Fulfill"}),
        ("updateorder", {"OrderID": "{{7600001}}", "status": "Picked"}),
        ("updateorder", {"OrderID": 7600001}),
        ("updateorder", {"OrderID": 1, "status": "Picked"}),
        ("orders", {"OrderID": 1}),
        ("orders", {}),
    ],
)
def test_what_the_contract_does_not_allow_is_refused_without_effect(client, channel, headers, endpoint, sent):
    create(client, headers)
    before = channel.ledger()
    assert client.post(f"{WF}/{endpoint}", json=sent, headers=headers).status_code == 400
    assert channel.ledger() == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{WF}/neworders", 405),
        ("GET", f"{WF}/orders", 405),
        ("POST", f"{WF}/cancelorder", 404),
        ("POST", f"{WF}/listorders", 404),
        ("DELETE", f"{WF}/neworders", 405),
    ],
)
def test_there_are_three_workflows_and_they_take_post(client, headers, method, path, status):
    assert client.request(method, path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", b'{"barcode": '), ("text/plain", b"barcode=1"), ("application/xml", b"<order/>")],
)
def test_a_body_that_is_no_order_is_refused(client, headers, content_type, body):
    answer = client.post(f"{WF}/neworders", content=body, headers=headers | {"Content-Type": content_type})
    assert answer.status_code == 400


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_without_a_good_token_nothing_happens(client, channel, header):
    answer = create(client, header)
    assert answer.status_code == 401
    assert answer.json()["error_class"] == "Unauthorized"
    assert channel.ledger()["accepted"] == 0


def test_an_expired_token_is_refused_and_repeated_in_the_answer(sandbox, client, channel):
    token = channel.issue_token(life_seconds=60)
    sandbox.clock.advance(seconds=61)
    answer = create(client, {"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert token in answer.json()["translation"]


def test_the_same_create_twice_makes_two_fulfilments_and_the_ledger_shows_it(client, channel, headers):
    first, second = create(client, headers), create(client, headers)
    create(client, headers, binloc="A-01-03")
    assert first.json()["data"]["fulfilmentid"] != second.json()["data"]["fulfilmentid"]
    ledger = client.get("/control/ledger/scanorders").json()
    assert (ledger["accepted"], ledger["distinct_lines"]) == (3, 2)
    assert [(row["barcode"], row["count"]) for row in ledger["repeated_lines"]] == [("0012345678905", 2)]


def test_the_branch_for_development_has_data_of_its_own(client, channel, headers):
    client.post(f"/scanorders/version-test{WF.removeprefix('/scanorders')}/neworders", json=LINE, headers=headers)
    assert channel.ledger()["accepted"] == 0
    assert channel.ledger()["version_test"]["accepted"] == 1


def test_a_read_gives_the_five_documented_fields_with_their_defects(client, headers):
    order_id = create(client, headers).json()["data"]["fulfilmentid"]
    answer = client.post(f"{WF}/orders", data={"OrderID": order_id}, headers=headers)
    assert answer.json()["data"] == {
        "orderbarcode": 12345678905,
        "customername": "Ada Example",
        "orderquantity": "3",
        "status": 123.0,
        "orderdate": "14/01/2026",
    }


def test_an_update_changes_the_status_that_is_read(client, headers):
    order_id = create(client, headers).json()["data"]["fulfilmentid"]
    update = client.post(f"{WF}/updateorder", json={"OrderID": order_id, "status": "Picked"}, headers=headers)
    assert update.json() == {"status": "Success", "data": {"OrderID": order_id}}
    read = client.post(f"{WF}/orders", data={"OrderId": order_id}, headers=headers)
    assert read.json()["data"]["status"] == 125.0


@pytest.mark.parametrize(
    ("form", "keys"),
    [("documented", {"status", "data"}), ("bubble", {"status", "response"}), ("bare", {"fulfilmentid"})],
)
def test_the_envelope_is_a_switch(client, channel, headers, form, keys):
    channel.configure(envelope=form)
    assert set(create(client, headers).json()) == keys


@pytest.mark.parametrize(
    ("switches", "sent", "status"),
    [
        ({"spelling": "sample"}, {"OrderId": 7600001}, 400),
        ({"spelling": "table"}, {"OrderID": 7600001}, 400),
        ({"spelling": "table"}, {"OrderId": 7600001}, 200),
        ({"unknown_id": "empty"}, {"OrderID": 1}, 200),
        ({"unknown_id": "error"}, {"OrderID": 1}, 500),
        ({"user_known": False}, {"OrderID": 7600001}, 403),
        ({"not_run": True}, {"OrderID": 7600001}, 400),
        ({"requests_per_second": 0}, {"OrderID": 7600001}, 429),
        ({"unknown_parameters": "ignore"}, {"OrderID": 7600001, "more": 1}, 200),
    ],
)
def test_what_the_page_leaves_open_is_a_switch(client, channel, headers, switches, sent, status):  # noqa: PLR0917
    create(client, headers)
    channel.configure(**switches)
    assert client.post(f"{WF}/orders", json=sent, headers=headers).status_code == status


def test_the_answered_id_can_differ_from_the_order_id(client, channel, headers):
    channel.configure(fulfilment_id="different")
    fulfilment_id = create(client, headers).json()["data"]["fulfilmentid"]
    assert client.post(f"{WF}/orders", json={"OrderID": fulfilment_id}, headers=headers).status_code == 400
    assert client.post(f"{WF}/orders", json={"OrderID": 7600001}, headers=headers).status_code == 200


def test_lines_of_one_order_share_an_id_only_when_asked(client, channel, headers):
    channel.configure(group_lines=True)
    ids = {create(client, headers, binloc=place).json()["data"]["fulfilmentid"] for place in ("A", "B")}
    assert len(ids) == 1


@pytest.mark.costly
def test_with_a_state_directory_the_ledger_survives_a_restart_and_a_reset_empties_it(tmp_path):
    def create_one(server):
        token = {"Authorization": f"Bearer {server.channels['scanorders'].issue_token()}"}
        url = f"{server.channel_url('scanorders')}/api/1.1/wf"
        answer = httpx.post(f"{url}/neworders", json=LINE, headers=token)
        assert answer.status_code == 200
        order_id = answer.json()["data"]["fulfilmentid"]
        picked = {"OrderID": order_id, "status": "Picked"}
        assert httpx.post(f"{url}/updateorder", json=picked, headers=token).status_code == 200
        return order_id

    with SandboxServer(orders=1, days=1, channels=["scanorders"], state_directory=tmp_path) as first:
        first_id = create_one(first)
    with SandboxServer(orders=1, days=1, channels=["scanorders"], state_directory=tmp_path) as second:
        second_id = create_one(second)
        ledger = second.channels["scanorders"].ledger()
        second.channels["scanorders"].reset()
    with SandboxServer(orders=1, days=1, channels=["scanorders"], state_directory=tmp_path) as third:
        assert third.channels["scanorders"].ledger()["accepted"] == 0
    assert first_id != second_id
    assert [each["status"] for each in ledger["fulfilments"]] == ["Picked", "Picked"]
    assert [each["count"] for each in ledger["repeated_lines"]] == [2]


def test_a_token_opens_the_account_that_it_was_issued_for_and_no_other(client, channel, headers):
    north = {"Authorization": f"Bearer {channel.issue_token(account='north')}"}
    order_id = create(client, north).json()["data"]["fulfilmentid"]
    assert client.post(f"{WF}/orders", data={"OrderID": order_id}, headers=north).status_code == 200
    assert client.post(f"{WF}/orders", data={"OrderID": order_id}, headers=headers).status_code == 400
    ledger = channel.ledger()
    assert (ledger["accepted"], ledger["accounts"]["north"]["accepted"]) == (0, 1)
    channel.revoke_tokens_of("north")
    assert (create(client, north).status_code, create(client, headers).status_code) == (401, 200)
