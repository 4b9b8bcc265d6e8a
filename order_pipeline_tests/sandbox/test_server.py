"""The server, its clock and its control area."""

import signal
import socket

import httpx
import pytest

from order_pipeline.sandbox.scanorders.fake import ScanOrdersChannel
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.clock import SandboxClock
from order_pipeline_tests.child_processes import child_running


def test_health_answers_when_the_server_is_entered(client):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert "scanorders" in answer.json()["channels"]


def test_the_port_is_closed_when_the_server_is_left():
    with SandboxServer(orders=1, days=1) as server:
        port = server.port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_an_error_not_a_silent_sandbox(sandbox):
    with pytest.raises(OSError, match="in use"):
        SandboxServer(orders=1, days=1, port=sandbox.port).start()


def test_time_stands_still_until_it_is_advanced():
    with SandboxServer(orders=1, days=1) as server, httpx.Client(base_url=server.url) as client:
        before = client.get("/control/").json()["now"]
        assert client.get("/control/").json()["now"] == before == "2026-01-15T00:00:00Z"
        assert client.post("/control/advance", json={"days": 1, "hours": 2}).json() == {"now": "2026-01-16T02:00:00Z"}


@pytest.mark.parametrize("step", [{}, {"days": -1}, {"fortnights": 1}, [1]])
def test_time_never_goes_back(client, step):
    before = client.get("/control/").json()["now"]
    assert client.post("/control/advance", json=step).status_code == 400
    assert client.get("/control/").json()["now"] == before


def test_advancing_ages_tokens_too():
    clock = SandboxClock()
    before = clock.elapsed()
    clock.advance(hours=1)
    assert clock.elapsed() - before >= 3600


def test_calls_are_counted_by_route_and_status(sandbox, client):
    client.post("/scanorders/api/1.1/wf/neworders")
    client.post("/scanorders/api/1.1/wf/neworders")
    counts = client.get("/control/calls/scanorders").json()["scanorders"]["counts"]
    assert counts == [{"method": "POST", "route": "/api/1.1/wf/neworders", "status": "401", "count": 2}]
    client.delete("/control/calls")
    assert sandbox.calls["scanorders"].total() == 0


def test_switches_are_turned_by_name_and_unknown_names_refused(client):
    turned = client.post("/control/switches/scanorders", json={"envelope": "bare"})
    assert turned.json()["envelope"] == "bare"
    assert client.post("/control/switches/scanorders", json={"envelop": "bare"}).status_code == 400
    assert client.get("/control/ledger/nobody").status_code == 404


def test_a_reset_forgets_what_was_accepted(sandbox, client):
    channel = sandbox.channel(ScanOrdersChannel)
    channel.accounts["main"]["live"].create(
        {"barcode": "1", "ordernumber": "1"}, b"{}", same_id=True, group_lines=False
    )
    client.post("/control/reset/scanorders")
    assert channel.ledger()["accepted"] == 0


@pytest.mark.costly
def test_serving_in_the_foreground_says_where_and_ends_quietly_on_an_interrupt(tmp_path):
    script = tmp_path / "faults.yaml"
    script.write_text("[{kind: status, api: kibo, status: 418}]")
    serving = f"serve(0, 7, 1, 1, Path({str(script)!r}))"
    code = f"from pathlib import Path\nfrom order_pipeline.sandbox.server import serve\n{serving}"
    with child_running(code) as served:
        assert served.stdout is not None
        name, url = served.stdout.readline().split()
        assert name == "sandbox"
        assert httpx.get(f"{url}/health").status_code == 200
        assert httpx.get(f"{url}/kibo/api/v2/order/").status_code == 418
        served.send_signal(signal.SIGINT)
        _, complaint = served.communicate(timeout=60)
        assert (served.returncode, complaint) == (0, "")


def test_by_share_the_busiest_channel_has_all_orders_and_the_others_a_fifth():
    with SandboxServer(orders=60, days=2, channels=["kibo", "skroutz"], by_share=True) as server:
        codes = httpx.get(f"{server.url}/control/skroutz/codes").json()["codes"]
        busiest = httpx.get(f"{server.url}/control/ledger/kibo").json()["orders"]
    assert len([code for code in codes if not code.startswith("DEMO")]) == 24
    assert busiest == 120


def test_a_channel_says_how_it_is_reached(sandbox, client):
    reached = client.post("/control/connections").json()
    assert set(reached) == set(sandbox.channels)
    assert all(fields["base_url"].startswith(sandbox.channel_url(name)) for name, fields in reached.items())


def test_who_calls_between_the_announcement_and_the_first_answer_is_not_refused():
    server = SandboxServer(orders=1, days=1)
    server.bind()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60):
        pass
