"""The Skroutz fake keeps its contract: access, errors, states, demo orders, the dangerous voucher, the sender."""

import json

import httpx
import pytest

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import JSON_TYPE, SkroutzChannel
from order_pipeline_tests.sandbox.skroutz.listener import Listener

ACCEPT = "application/vnd.skroutz+json; version=3.0"
ORDERS = "/merchants/ecommerce/orders"
WEBHOOK_STATES = {"accepted", "rejected", "expired", "dispatched", "cancelled", "partially_returned", "returned"}


@pytest.fixture(scope="module")
def running():
    with SandboxServer(seed=3, orders=18, days=3, channels=["skroutz"]) as server:
        yield server


@pytest.fixture
def server(running):
    running.reset()
    return running


@pytest.fixture
def client(server):
    headers = {"Authorization": f"Bearer {server.channels['skroutz'].token}", "Accept": ACCEPT}
    hooks = {"request": [say_json_as_documented]}
    with httpx.Client(base_url=server.channel_url("skroutz"), headers=headers, event_hooks=hooks) as client:
        yield client


def say_json_as_documented(request):
    if request.headers.get("content-type") == "application/json":
        request.headers["content-type"] = JSON_TYPE


def book_of(server):
    channel = server.channels["skroutz"]
    assert isinstance(channel, SkroutzChannel)
    return channel.book


def codes_in(server, state, **facts):
    """Codes of orders in a state, plain ones unless `facts` say otherwise."""
    wanted = {"express": False, "store_pickup": False, "fulfilled_by_skroutz": False, **facts}
    book = book_of(server)
    book.settle()
    found = [
        code
        for code, order in book.orders.items()
        if order["state"] == state and all(order[key] == value for key, value in wanted.items())
    ]
    assert found, f"the seed has no {state} order"
    return found


def refusal(answer):
    [error] = answer.json()["errors"]
    return answer.status_code, error["code"], error["messages"][0]


def send(server, **delivery):
    answer = httpx.post(f"{server.url}/control/skroutz/webhooks", json={"at_once": 1, **delivery}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_read_needs_the_token_and_the_vendors_accept_header(server, client):
    path = f"{ORDERS}/DEMO-OPEN"
    assert client.get(path).json()["order"]["code"] == "DEMO-OPEN"
    assert refusal(client.get(path, headers={"Authorization": "Bearer x"}))[:2] == (
        401,
        "EcommerceMerchantUnauthorized",
    )
    assert client.get(path, headers={"Accept": "application/json"}).status_code == 406

    server.channels["skroutz"].revoke_tokens()
    assert client.get(path).status_code == 401, "a new token kills the old one at once"


@pytest.mark.parametrize("content_type", ["text/plain", "application/json;charset=utf-8"])
def test_a_body_of_another_content_type_is_refused(client, content_type):
    headers = {"Content-Type": content_type}
    answer = client.post(f"{ORDERS}/DEMO-OPEN/accept", content=b"{}", headers=headers)
    assert refusal(answer)[:2] == (400, "bad_request")


def test_there_is_no_list(client):
    assert client.get(ORDERS).status_code == 404
    assert client.get(f"{ORDERS}/", params={"state": "open"}).status_code == 404


def test_an_unknown_code_is_the_documented_404(client):
    assert refusal(client.get(f"{ORDERS}/000000-0000000")) == (404, "order_error", "Order not found")


def test_an_answer_is_dated_by_the_sandbox(server, client):
    assert client.get(f"{ORDERS}/DEMO-OPEN").headers.get_list("date") == ["Thu, 15 Jan 2026 00:00:00 GMT"]


def test_there_are_thirteen_demo_orders_in_their_published_states(client):
    states = {
        "OPEN": "open", "ACCEPTED": "accepted", "REJECTED": "rejected", "INVOICE": "open", "INVOICE39A": "open",
        "INVOICE-VIES": "accepted", "FBS": "accepted", "FBS-DISPATCHED": "dispatched", "STORE-PICKUP": "open",
        "FEES": "accepted", "REPLACEMENT": "accepted", "REPLACED": "open", "RETURN": "accepted",
    }  # fmt: skip
    orders = {name: client.get(f"{ORDERS}/DEMO-{name}").json()["order"] for name in states}
    assert {name: order["state"] for name, order in orders.items()} == states
    for order in orders.values():
        assert ("accept_options" in order, "reject_options" in order) == (order["state"] == "open",) * 2


def test_a_demo_order_refuses_like_any_other_and_never_changes(client):
    before = client.get(f"{ORDERS}/DEMO-OPEN").json()["order"]
    choice = {
        "pickup_location": before["accept_options"]["pickup_location"][0]["id"],
        "pickup_window": before["accept_options"]["pickup_window"][0]["id"],
    }
    assert client.post(f"{ORDERS}/DEMO-OPEN/accept", json=choice).json() == {"success": True}
    assert client.get(f"{ORDERS}/DEMO-OPEN").json()["order"] == before
    accepted = client.post(f"{ORDERS}/DEMO-ACCEPTED/accept", json=choice)
    assert refusal(accepted) == (422, "order_status", "Order already accepted.")
    rejected = client.post(f"{ORDERS}/DEMO-REJECTED/reject", json={"rejection_reason_other": "x"})
    assert refusal(rejected) == (422, "order_status", "Order already rejected.")


def test_accepting_takes_choices_out_of_the_options_and_ends_them(server, client):
    code = codes_in(server, "open")[0]
    options = client.get(f"{ORDERS}/{code}").json()["order"]["accept_options"]
    location, window = options["pickup_location"][1], options["pickup_window"][0]["id"]

    wrong = client.post(f"{ORDERS}/{code}/accept", json={"pickup_location": "nowhere", "pickup_window": window})
    assert refusal(wrong)[:2] == (422, "pickup_location")
    body = {"pickup_location": location["id"], "pickup_window": window, "number_of_parcels": 2}
    assert client.post(f"{ORDERS}/{code}/accept", json=body).json() == {"success": True}

    order = client.get(f"{ORDERS}/{code}").json()["order"]
    assert (order["state"], order["number_of_parcels"]) == ("accepted", 2)
    assert order["pickup_address"] == location["label"]
    assert "accept_options" not in order
    assert client.post(f"{ORDERS}/{code}/accept", json=body).status_code == 422


def test_express_orders_cannot_be_accepted(server, client):
    book_of(server).settle()
    code = codes_in(server, "open")[0]
    book_of(server).orders[code]["express"] = True
    assert refusal(client.post(f"{ORDERS}/{code}/accept", json={}))[:2] == (422, "order_status")


def test_limited_pieces_need_the_available_quantity(server, client):
    code = codes_in(server, "open")[0]
    line = client.get(f"{ORDERS}/{code}").json()["order"]["line_items"][0]["id"]
    body = {"line_items": [{"id": line, "reason_id": 4}]}

    assert refusal(client.post(f"{ORDERS}/{code}/reject", json=body))[:2] == (422, "available_quantity")
    body["line_items"][0]["available_quantity"] = 1
    assert client.post(f"{ORDERS}/{code}/reject", json=body).json() == {"success": True}
    order = client.get(f"{ORDERS}/{code}").json()["order"]
    assert (order["state"], order["line_items"][0]["rejection_reason"]) == ("rejected", "limited_stock")


def test_an_invoice_is_checked_by_name_type_size_and_state(server, client):
    accepted, still_open = codes_in(server, "accepted")[0], codes_in(server, "open")[0]

    def upload(code, name="invoice_file", content=b"%PDF", kind="application/pdf"):
        return client.post(f"{ORDERS}/{code}/invoices", files={name: ("i.pdf", content, kind)})

    assert upload(accepted, name="file").status_code == 400
    assert upload(still_open).status_code == 422
    assert upload(accepted, kind="application/zip").status_code == 422
    assert upload(accepted, content=b"x" * 7_000_001).status_code == 422
    assert upload(accepted).json() == {"success": True}
    assert client.get(f"{ORDERS}/{accepted}").json()["order"]["uploaded_invoice_file"].endswith(f"{accepted}.pdf")


def test_fetching_a_voucher_changes_the_order_and_is_on_record(server, client):
    with_voucher = [code for code in codes_in(server, "accepted") if book_of(server).orders[code]["courier_voucher"]]
    order = client.get(f"{ORDERS}/{with_voucher[0]}").json()["order"]
    assert "is_ready_for_dispatch" not in order

    assert httpx.get(order["courier_voucher"]).status_code == 200
    assert client.get(f"{ORDERS}/{with_voucher[0]}").json()["order"]["is_ready_for_dispatch"] is True
    assert server.channels["skroutz"].ledger()["voucher_fetches"] == with_voucher[:1]


def test_webhooks_come_in_order_of_time_with_the_vendors_headers(server):
    with Listener() as listener:
        ledger = send(server, url=listener.url)
        headers, _ = listener.received[0]
        bodies = listener.bodies()

    assert headers["user-agent"] == "Skroutz OrderNotifier v1"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert ledger["delivered"] == len(bodies) == ledger["taken"]
    times = [body["event_time"] for body in bodies]
    assert times == sorted(times)
    assert len([body for body in bodies if body["event_type"] == "new_order"]) == 54
    entered = {body["changes"]["state"]["new"] for body in bodies if "state" in body.get("changes", {})}
    assert entered <= WEBHOOK_STATES, "delivered, for_return and partially_delivered are silent"
    assert codes_in(server, "delivered")


@pytest.mark.parametrize(
    ("statuses", "requests", "fate"),
    [
        ([200], 1, "delivered"),
        ([503, 200], 2, "delivered"),
        ([201, 204, 200], 3, "delivered"),
        ([400, 500, 503, 200], 4, "delivered"),
        ([500, 500, 500, 500, 200], 4, "given_up"),
    ],
)
def test_only_200_stops_the_sender_and_only_four_tries_are_made(server, statuses, requests, fate):
    with Listener(statuses) as listener:
        ledger = send(server, url=listener.url, most=1, retry_seconds=0)
    assert len(listener.received) == requests
    assert len({body for _, body in listener.received}) == 1, "the same bytes each time"
    assert ledger[fate] == 1


def test_a_delivery_can_be_shuffled_doubled_dropped_and_spoilt(server):
    with Listener() as listener:
        ledger = send(
            server, url=listener.url, shuffle=True, duplicate_rate=0.2, drop_rate=0.1, bare_rate=0.1, invalid_rate=0.1
        )
    parsed = []
    for _, body in listener.received:
        try:
            parsed.append(json.loads(body))
        except ValueError:
            continue
    assert ledger["dropped"] > 0
    assert len(parsed) < len(listener.received)
    assert any("event_type" not in body for body in parsed)
    assert len({body for _, body in listener.received}) < len(listener.received)
    times = [body["event_time"] for body in parsed if "event_time" in body]
    assert times != sorted(times)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("kind", "changed"),
    [("creation", set()), ("voucher_update", {"courier_voucher", "courier_tracking_codes"}),
     ("extension", {"expires_at", "dispatch_until"}), ("cancellation", {"state"})],
)  # fmt: skip
def test_a_trigger_sends_a_webhook_of_a_demo_order_to_the_live_address(server, client, kind, changed):
    with Listener() as listener:
        send(server, url=listener.url)
        listener.received.clear()
        assert client.post(f"{ORDERS}/DEMO-OPEN/trigger_webhook_request/{kind}").json() == {"success": True}
        send(server, url=listener.url)
        [body] = listener.bodies()
    assert body["order"]["code"] == "DEMO-OPEN"
    assert set(body.get("changes", {})) == changed


def test_the_rate_limit_has_the_shape_of_the_removed_page(server, client):
    server.channels["skroutz"].configure(requests_per_second=1)
    answers = [client.get(f"{ORDERS}/DEMO-OPEN") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 403]
    assert refused
    assert "rate limit" in refused[0].json()["message"]


def test_the_same_seed_gives_the_same_webhooks():
    def bodies():
        server = SandboxServer(seed=5, orders=5, days=2, channels=["skroutz"])
        return [event.body for event in book_of(server).take_due()]

    assert bodies() == bodies()


def test_time_brings_new_orders_and_new_events():
    server = SandboxServer(seed=3, orders=30, days=3, channels=["skroutz"])
    book = book_of(server)
    book.take_due()
    before = len(book.orders)
    server.clock.advance(hours=24)
    assert book.take_due()
    assert len(book.orders) > before
