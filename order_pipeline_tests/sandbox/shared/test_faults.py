"""Scripted faults hit the calls they name, and do over real HTTP what they say."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest

from order_pipeline.sandbox.process import SandboxProcess
from order_pipeline.sandbox.scanorders.fake import ScanOrdersChannel
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault, FaultBook, FaultScriptError, load_faults, parse_faults
from order_pipeline.sandbox.shared.injection import retry_after_text
from order_pipeline_tests.child_processes import child_running
from order_pipeline_tests.waiting import wait_until

CALLER = """
import signal
from order_pipeline.sandbox.process import SandboxProcess
with SandboxProcess(orders=1, days=1) as sandbox:
    print(sandbox.url, flush=True)
    signal.pause()
"""
CREATE = "/scanorders/api/1.1/wf/neworders"
LINE = {
    "barcode": "0012345678905",
    "ordernumber": "7000001",
    "orderdate": "2026-01-14",
    "qtytopick": 3,
    "customername": "Ada Example",
    "binloc": "A-01-02",
}


@pytest.fixture
def create(sandbox, client):
    first_token = sandbox.channel(ScanOrdersChannel).issue_token()

    def send(token=first_token, **options):
        return client.post(CREATE, json=LINE, headers={"Authorization": f"Bearer {token}"}, **options)

    return send


def accepted(sandbox):
    return sandbox.channel(ScanOrdersChannel).ledger()["accepted"]


def hit_calls(fault, calls, seed=7):
    book = FaultBook(seed, [fault])
    return [number for number in range(1, calls + 1) if book.next_fault("kibo", "GET /api/v2/order/")]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 2}, [2]),
        ({"nth": [1, 4]}, [1, 4]),
        ({"every": 3}, [3, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 1}, [2]),
        ({"api": "scanorders"}, []),
        ({"route": "GET /api/v2/order/*", "nth": 1}, [1]),
        ({"route": "POST *"}, []),
        ({"rate": 0.0}, []),
        ({"rate": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_selector_chooses_the_calls(selector, expected):
    assert hit_calls(Fault(kind="status", **selector), 6) == expected


def test_a_rate_is_repeatable_by_seed_and_near_its_share():
    fault = Fault(kind="drop_after", rate=0.1)
    assert hit_calls(fault, 2000) == hit_calls(fault, 2000)
    assert hit_calls(fault, 2000) != hit_calls(fault, 2000, seed=8)
    assert 150 < len(hit_calls(fault, 2000)) < 250


@pytest.mark.parametrize(
    ("kind", "options", "effect"),
    [
        ("status", {}, 0),
        ("status_after", {"status": 500}, 1),
        ("html", {}, 0),
        ("stall", {"seconds": 0.01}, 1),
        ("stall_after", {"seconds": 0.01}, 1),
        ("slow_body", {"seconds": 0.02}, 1),
        ("truncated_json", {}, 1),
        ("cut_body", {}, 1),
        ("drop_before", {}, 0),
        ("drop_after", {}, 1),
        ("expire_token", {}, 0),
    ],
)
def test_each_kind_has_its_effect_or_none_and_hits_once(sandbox, create, kind, options, effect):
    sandbox.faults.add(Fault(api="scanorders", kind=kind, nth=1, **options))
    if kind.startswith("drop") or kind == "cut_body":
        with pytest.raises(httpx.RemoteProtocolError):
            create()
    else:
        create()
    assert accepted(sandbox) == effect
    assert sandbox.faults.describe()[0]["hits"] == 1


def test_a_dropped_connection_is_closed_and_the_next_call_gets_a_new_one(sandbox, create):
    sandbox.faults.add(Fault(api="scanorders", kind="drop_after", nth=2))
    assert create().status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        create()
    assert create().status_code == 200
    assert accepted(sandbox) == 3
    assert sandbox.calls["scanorders"].total("neworders", "dropped") == 1


def test_a_stall_ends_when_the_faults_are_lifted(sandbox, create):
    sandbox.faults.add(Fault(api="scanorders", kind="stall_after", seconds=600, nth=1))
    with ThreadPoolExecutor(1) as aside:
        stalled = aside.submit(create)
        wait_until(lambda: accepted(sandbox) == 1)
        assert create().status_code == 200
        assert not stalled.done()
        sandbox.faults.reset()
        assert stalled.result().status_code == 200


def test_a_stall_outlasts_the_client_and_the_effect_stands(sandbox, create):
    sandbox.faults.add(Fault(api="scanorders", kind="stall_after", seconds=30))
    with pytest.raises(httpx.ReadTimeout):
        create(timeout=0.2)
    wait_until(lambda: accepted(sandbox) == 1)


def test_truncated_json_is_good_http_and_bad_json(sandbox, create):
    sandbox.faults.add(Fault(kind="truncated_json", keep=0.7))
    answer = create()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()


def test_a_storm_carries_status_retry_after_and_body_as_scripted(sandbox, create):
    storm = Fault(kind="status", status=429, retry_after="3", body="<h1>Slow</h1>", content_type="text/html", times=2)
    sandbox.faults.add(storm)
    answers = [create() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "3"
    assert answers[0].text == "<h1>Slow</h1>"


@pytest.mark.parametrize("scripted", ["0", "-1", "soon", "2.5"])
def test_retry_after_is_sent_as_scripted_be_it_sense_or_not(scripted):
    assert retry_after_text(scripted) == scripted


def test_retry_after_can_be_a_date():
    assert retry_after_text("date:+5").endswith("GMT")


def test_an_expired_token_is_refused_until_a_new_one_is_taken(sandbox, create):
    sandbox.faults.add(Fault(kind="expire_token", nth=1))
    assert create().status_code == 401
    assert create().status_code == 401
    token = sandbox.channel(ScanOrdersChannel).issue_token()
    assert create(token=token).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        '[{"kind": "status", "api": "kibo", "nth": [1, 2], "retry_after": "2"}]',
        "faults:\n  - {kind: status, api: kibo, nth: [1, 2], retry_after: '2'}\n",
        "{kind: status, api: kibo, nth: [1, 2], retry_after: '2'}",
    ],
)
def test_a_script_is_json_or_yaml_one_fault_or_many(tmp_path, text):
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    assert load_faults(path) == [Fault(kind="status", api="kibo", nth=[1, 2], retry_after="2")]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([{"kind": "explode"}], "explode"),
        ([{"kind": "status", "statuss": 500}], "statuss"),
        ([{"api": "kibo"}], "kind"),
        ([{"kind": "status", "rate": 2}], "rate"),
        ([{"kind": "status", "nth": 1, "every": 2}], "one of"),
        ("status", "array"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_with_the_reason(document, reason):
    with pytest.raises(FaultScriptError, match=reason):
        parse_faults(document)


def test_a_missing_script_is_named(tmp_path):
    with pytest.raises(FaultScriptError, match=r"nowhere\.yaml"):
        load_faults(tmp_path / "nowhere.yaml")


def test_faults_are_added_shown_and_reset_over_http(sandbox, client, create):
    added = client.post("/control/faults", json={"kind": "status", "status": 500, "nth": 1})
    assert added.json()[0]["status"] == 500
    assert create().status_code == 500
    assert client.get("/control/faults").json()[0]["hits"] == 1
    assert client.delete("/control/faults").json() == []
    assert create().status_code == 200
    assert client.post("/control/faults", json={"kind": "nonsense"}).status_code == 400


def test_two_servers_do_not_share_anything():
    with SandboxServer(orders=1, days=1) as first, SandboxServer(orders=1, days=1) as second:
        first.channel(ScanOrdersChannel).issue_token()
        assert first.port != second.port
        assert second.channel(ScanOrdersChannel).tokens.issued == 0


@pytest.mark.costly
def test_a_sandbox_in_a_process_of_its_own_takes_the_same_arguments():
    fault = msgspec.to_builtins(Fault(kind="status", status=418))
    with SandboxProcess(orders=1, days=1, faults=[fault], today="2026-02-01") as sandbox:
        assert httpx.get(f"{sandbox.url}/health").json()["status"] == "ok"
        assert httpx.get(f"{sandbox.url}/control/").json()["now"] == "2026-02-01T00:00:00Z"
        assert httpx.post(f"{sandbox.url}{CREATE}").status_code == 418


@pytest.mark.costly
def test_a_sandbox_does_not_outlive_a_caller_that_was_killed():
    with child_running(CALLER) as caller:
        assert caller.stdout is not None
        url = caller.stdout.readline().strip()
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        caller.kill()
    wait_until(lambda: refuses(url))


def refuses(url):
    try:
        httpx.get(f"{url}/health")
    except httpx.TransportError:
        return True
    return False
