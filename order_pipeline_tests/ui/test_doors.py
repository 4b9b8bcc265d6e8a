"""Who may change something through the UI, with Dagster's own webserver behind the gate."""

import json
from urllib.parse import urlencode

import pytest
from starlette.websockets import WebSocketDisconnect

from order_pipeline_tests.ui.conftest import OWN

MUTATION = 'mutation { setConcurrencyLimit(concurrencyKey: "made", limit: 1) }'
HIDDEN = {
    "plain": MUTATION,
    "commented": f"# query {{ version }}\n{MUTATION}",
    "named beside a query": f"query a {{ version }} {MUTATION.replace('mutation', 'mutation b')}",
    "through a fragment": (
        'mutation { ...all } fragment all on Mutation { setConcurrencyLimit(concurrencyKey: "made", limit: 1) }'
    ),
    "with commas for blanks": ',,,mutation,{,setConcurrencyLimit(concurrencyKey:"made",limit:1),}',
    "behind a byte order mark": f"\ufeff{MUTATION}",
}
JSON = {"Content-Type": "application/json"}


def posted(client, document, headers, **more):
    return client.post("/graphql", content=json.dumps({"query": document, **more}), headers=JSON | headers)


def test_the_ui_itself_reads_and_changes(browse, limits):
    client = browse()
    assert posted(client, "{ version }", OWN).json()["data"]["version"]
    assert posted(client, MUTATION, OWN).json() == {"data": {"setConcurrencyLimit": True}}
    assert limits() == {"made"}


@pytest.mark.parametrize("document", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("name", [None, "a", "b"])
def test_no_mutation_runs_by_get(browse, limits, document, name):
    query = {"query": document} | ({"operationName": name} if name else {})
    answer = browse().get(f"/graphql?{urlencode(query)}", headers=OWN)
    assert answer.status_code in {400, 405}, "400: Dagster's own parser does not read it either"
    assert limits() == set()


def test_a_second_query_parameter_does_not_hide_the_one_that_is_run(browse, limits):
    for both in ([("query", "{ version }"), ("query", MUTATION)], [("query", MUTATION), ("query", "{ version }")]):
        browse().get(f"/graphql?{urlencode(both)}", headers=OWN)
    assert limits() == set()


def test_a_query_by_get_is_answered(browse):
    assert browse().get("/graphql?query={version}").json()["data"]["version"]


FOREIGN = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another site, old browser": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:9000", "Sec-Fetch-Site": "same-site"},
    "another scheme": {"Origin": "ftp://127.0.0.1:3000"},
    "another spelling of loopback": {"Origin": "http://localhost:3000"},
    "a sandboxed frame": {"Origin": "null"},
    "our name as a user": {"Origin": "http://127.0.0.1:3000@evil.example"},
    "our name as a beginning": {"Origin": "http://127.0.0.1:3000.evil.example"},
    "a referer alone": {"Referer": "https://evil.example/http://127.0.0.1:3000/"},
    "a word that is no origin": {"Origin": "http://[::1"},
    "the browser says so": {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "cross-site"},
    "typed by nobody": {"Sec-Fetch-Site": "none"},
    "without a word": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_only_our_own_page_changes_something(browse, limits, headers):
    assert posted(browse(), MUTATION, headers).status_code == 403
    assert limits() == set()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:3000", "a@127.0.0.1", "[::1", ""]
)
def test_a_foreign_host_name_gets_nothing(browse, limits, host):
    named = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    client = browse()
    assert client.get("/", headers=named).status_code == 421
    assert posted(client, MUTATION, named).status_code == 421
    assert limits() == set()


def test_two_host_headers_are_refused(browse):
    headers = [("Host", "127.0.0.1:3000"), ("Host", "evil.example")]
    assert browse().get("/alive", headers=headers).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost:3000", "LOCALHOST", "[::1]:3000", "ui.shop.example", "UI.shop.example:8443"]
)
def test_loopback_and_names_of_the_setting_are_ours(browse, host):
    named = {"Host": host, "Origin": f"https://{host}"}
    assert posted(browse(allowed_hosts=["ui.shop.example"]), "{ version }", named).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; a=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/graphql",
        "application/jsonp",
        None,
    ],
)
@pytest.mark.parametrize("in_address", [True, False])
def test_a_change_is_taken_as_json_alone(browse, limits, kind, in_address):
    path = f"/graphql?{urlencode({'query': MUTATION})}" if in_address else "/graphql"
    body = MUTATION if kind == "application/graphql" else json.dumps({"query": MUTATION})
    headers = OWN | ({"Content-Type": kind} if kind else {})
    assert browse().post(path, content=body, headers=headers).status_code == 415
    assert limits() == set()


@pytest.mark.parametrize("body", ["[]", '[{"query": "mutation"}]', "1", '{"query": 1}', '{"query": "{{{"}', "{"])
def test_a_body_that_is_no_request_changes_nothing(browse, limits, body):
    assert browse().post("/graphql", content=body, headers=OWN | JSON).status_code >= 400
    assert limits() == set()


def test_a_document_that_nests_without_end_is_refused(browse):
    assert posted(browse(), "{a" * 5000, OWN).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_is_taken(browse, method):
    assert browse().request(method, "/graphql", headers=OWN).status_code == 405


def test_an_event_is_reported_by_our_own_page_alone(browse, workspace):
    client = browse()
    foreign = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert client.post("/report_asset_materialization/stolen", headers=foreign).status_code == 403
    assert workspace.instance.all_asset_keys() == []


def subscribed(client, document, headers):
    with client.websocket_connect("ws://127.0.0.1:3000/graphql", headers=headers) as socket:
        socket.send_json({"type": "start", "id": "1", "payload": {"query": document}})
        return socket.receive_json()


@pytest.mark.parametrize(
    "headers", [FOREIGN["another site"], FOREIGN["another port"], FOREIGN["a sandboxed frame"], {}]
)
def test_a_websocket_of_another_page_is_not_accepted(browse, headers):
    with pytest.raises(WebSocketDisconnect):
        subscribed(browse(), "subscription { locationStateChangeEvents { event { message } } }", headers)


def test_a_websocket_with_a_foreign_host_is_not_accepted(browse):
    with pytest.raises(WebSocketDisconnect):
        subscribed(browse(), "{ version }", {"Host": "evil.example", "Origin": "http://evil.example"})


@pytest.mark.parametrize("document", [MUTATION, "{ version }", HIDDEN["named beside a query"], 1])
def test_a_websocket_takes_subscriptions_alone(browse, limits, document):
    assert subscribed(browse(), document, OWN)["type"] == "error"
    assert limits() == set()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({}, 200),
    ],
)
def test_another_page_loads_nothing_but_a_person_may_follow_a_link(browse, headers, status):
    answer = browse().get("/alive", headers=headers)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
