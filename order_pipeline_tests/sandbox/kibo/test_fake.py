"""The Kibo fake refuses what the contract does not allow, pages as documented, and turns its switches."""

import pytest

from order_pipeline.sandbox.kibo.fake import API_KEY, API_SECRET, KiboChannel
from order_pipeline.sandbox.kibo.orders import MANUFACTURERS
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault

SEARCH = "/kibo/api/v2/order/"
TOKEN = "/kibo/oauthserver/oauth2/token"
ALL = {"manufacturerID": ",".join(str(number) for number in MANUFACTURERS)}
FIRST_DAY = {"orderDateStart": "2026-01-13T00:00:00Z", "orderDateEnd": "2026-01-13T23:59:59Z"}


@pytest.fixture
def channel(sandbox):
    return sandbox.channel(KiboChannel)


@pytest.fixture
def headers(channel):
    token = channel.tokens.issue(API_KEY, life_seconds=10**8)
    return {"Authorization": f"Bearer {token.value}", "API-Key": API_KEY}


@pytest.fixture
def search(client, headers):
    def send(**parameters):
        return client.get(SEARCH, params=ALL | parameters, headers=headers)

    return send


def ids(answer):
    return [order["orderID"] for order in answer.json()["collection"]]


def test_a_token_is_given_for_the_key_and_the_right_form(client):
    answer = client.post(TOKEN, auth=(API_KEY, API_SECRET), data={"grant_type": "client_credentials"})
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 3600


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"grant_type": "client_credentials"}}, 401),
        ({"auth": (API_KEY, "wrong"), "data": {"grant_type": "client_credentials"}}, 401),
        ({"auth": (API_KEY, API_SECRET), "data": {"grant_type": "password"}}, 400),
        ({"auth": (API_KEY, API_SECRET), "data": {}}, 400),
        ({"auth": (API_KEY, API_SECRET), "json": {"grant_type": "client_credentials"}}, 400),
    ],
)
def test_a_token_is_given_for_nothing_else(client, options, status):
    answer = client.post(TOKEN, **options)
    assert answer.status_code == status
    assert "access_token" not in answer.json()


@pytest.mark.parametrize(
    ("absent", "status"),
    [({"Authorization"}, 401), ({"API-Key"}, 403), ({"Authorization", "API-Key"}, 401)],
)
def test_both_headers_are_needed(client, headers, absent, status):
    kept = {name: value for name, value in headers.items() if name not in absent}
    assert client.get(SEARCH, params=ALL, headers=kept).status_code == status


@pytest.mark.parametrize("key", ["other-key", ""])
def test_the_key_must_be_the_tokens_own(client, headers, key):
    assert client.get(SEARCH, params=ALL, headers=headers | {"API-Key": key}).status_code == 403


@pytest.mark.parametrize("refusal", [401, 403])
def test_an_expired_token_is_refused_with_the_status_of_the_switch(sandbox, client, channel, refusal):
    channel.configure(token_refusal=refusal)
    token = channel.tokens.issue(API_KEY, life_seconds=10)
    sandbox.clock.advance(seconds=11)
    headers = {"Authorization": f"Bearer {token.value}", "API-Key": API_KEY}
    assert client.get(SEARCH, params=ALL, headers=headers).status_code == refusal


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 5010),
        ("page=1", 5017),
        ("page=1&perPage=10", 5017),
        ("orderDateStart=2026-01-13T00:00:00Z&orderDateEnd=2026-01-14T00:00:00Z", 5017),
        ("manufacturerID=30211&perPage=101", 5014),
        ("manufacturerID=30211&perPage=0", 5014),
        ("manufacturerID=30211&perPage=ten", 5014),
        ("manufacturerID=30211&page=0", 5014),
        ("manufacturerID=30211&page=-1", 5014),
        ("manufacturerID=30211&updatedSince=2026-01-01", 5016),
        ("manufacturerID=30211&ManufacturerID=30211", 5016),
        ("manufacturerID=30211&manufacturerID=30212", 5014),
        ("manufacturerID=acme", 5013),
        ("manufacturerID=", 5013),
        ("orderID=1,,2", 5013),
        ("orderID=0", 5013),
        ("orderID=-4", 5013),
        ("orderStatus=ready", 5014),
        ("orderStatus=", 5014),
        ("manufacturerID=30211&orderDateStart=2026-01-13T00:00:00Z", 5010),
        ("manufacturerID=30211&shipDateEnd=2026-01-13T00:00:00Z", 5010),
        ("manufacturerID=30211&orderDateStart=2026-01-13&orderDateEnd=2026-01-14", 5014),
        ("manufacturerID=30211&orderDateStart=2026-01-13T00:00:00%2B00:00&orderDateEnd=2026-01-14T00:00:00Z", 5014),
        ("manufacturerID=30211&orderDateStart=2026-01-15T00:00:00Z&orderDateEnd=2026-01-14T00:00:00Z", 5014),
        ("manufacturerID=30211&sortBy=total", 5014),
        ("manufacturerID=30211&sortBy=", 5014),
        ("manufacturerID=30211&sortBy=+orderDate", 5014),  # an unescaped plus is a blank
        ("manufacturerID=30211&isGift=1", 5014),
        ("manufacturerID=30211&catalogID=-1", 5014),
        ("manufacturerID=30211&SKU=" + "9" * 51, 5014),
        ("manufacturerID=30211&partNumber=", 5014),
        ("manufacturerID=30211&orderSubtotalMin=9.5", 5014),
        ("externalOrderID=" + "x" * 101, 5014),
    ],
)
def test_a_search_that_the_contract_does_not_allow_is_refused(client, headers, query, code):
    answer = client.get(f"{SEARCH}?{query}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", SEARCH, 405),
        ("DELETE", f"{SEARCH}1", 405),
        ("GET", TOKEN, 405),
        ("GET", f"{SEARCH}abc", 400),
        ("GET", f"{SEARCH}1", 404),
        ("GET", "/kibo/api/v2/action/createOrder", 404),
        ("GET", "/kibo/api/v1/order/", 404),
    ],
)
def test_wrong_verbs_and_paths_are_refused(client, headers, method, path, status):
    assert client.request(method, path, headers=headers).status_code == status


def test_pages_together_are_every_order_once_in_order_of_date(search):
    pages = [search(sortBy="orderDate", perPage=3, page=page) for page in range(1, 5)]
    orders = [order for page in pages for order in page.json()["collection"]]
    assert len({order["orderID"] for order in orders}) == len(orders) == pages[0].json()["totalCount"] == 10
    assert [order["orderDate"] for order in orders] == sorted(order["orderDate"] for order in orders)
    descending = search(sortBy="-orderDate", perPage=100)
    assert ids(descending) == [order["orderID"] for order in reversed(orders)]


def test_ten_rows_a_page_unless_asked(search):
    assert len(ids(search())) == 10


@pytest.mark.parametrize("manufacturer", MANUFACTURERS)
def test_a_manufacturer_has_its_orders_in_its_currency(search, manufacturer):
    answer = search(manufacturerID=manufacturer, perPage=100)
    found = {(o["manufacturerID"], o["orderCurrency"]) for o in (answer.json()["collection"] if answer.content else [])}
    assert found <= {(manufacturer, MANUFACTURERS[manufacturer])}


def test_the_window_of_dates_is_kept_and_its_end_is_a_switch(search, channel):
    day = search(**FIRST_DAY, perPage=100).json()["collection"]
    assert len(day) == 5
    assert all(order["orderDate"].startswith("2026-01-13") for order in day)
    channel.configure(window_end="exclusive")
    assert len(search(**FIRST_DAY, perPage=100).json()["collection"]) == 4  # the last one is at 23:59:59


def test_a_list_of_ids_finds_those_and_no_others(search):
    some = ids(search())[2:5]
    assert ids(search(orderID=",".join(map(str, some)))) == sorted(some)


def test_filters_with_a_field_in_the_payload_are_kept(search):
    orders = search(perPage=100).json()["collection"]
    for name, field in (("orderStatus", "orderStatus"), ("shipType", "shipType"), ("deliveryMethod", "deliveryMethod")):
        value = orders[0][field]
        expected = {order["orderID"] for order in orders if order[field] == value}
        assert set(ids(search(**{name: value, "perPage": 100}))) == expected
    item = next(item for order in orders for shipment in order["shipments"] for item in shipment["items"])
    assert item["orderID"] in ids(search(SKU=item["sku"], perPage=100))
    assert item["orderID"] in ids(search(shipmentID=item["shipmentID"]))


def test_a_condensed_answer_lacks_the_lines(search):
    order = search(condensedResponse="true").json()["collection"][0]
    absent = {"shipments", "orderItems", "shippingAddressInformation", "capabilities", "restrictions"}
    assert not absent & set(order)


def test_one_order_is_built_like_a_row_of_the_search(search, client, headers):
    row = search().json()["collection"][0]
    assert client.get(f"{SEARCH}{row['orderID']}", headers=headers).json() == row


@pytest.mark.parametrize(
    ("switches", "parameters", "expected"),
    [
        ({"total_count": "off"}, {}, lambda answer: "totalCount" not in answer.json()),
        ({"total_count": "wrong"}, {}, lambda answer: answer.json()["totalCount"] == 17),
        ({"no_rows": "empty_body"}, {"orderID": 1}, lambda answer: answer.content == b""),
        ({"no_rows": "empty_collection"}, {"orderID": 1}, lambda answer: answer.json()["collection"] == []),
        ({"page_cap": 4}, {"perPage": 100}, lambda answer: len(ids(answer)) == 4),
        ({"error_body": "html"}, {"page": 0}, lambda answer: answer.text.startswith("<html>")),
        ({"error_body": "empty"}, {"page": 0}, lambda answer: answer.status_code == 400 and not answer.content),
        ({"requests_per_second": 0}, {}, lambda answer: "Over Queries Per Second" in answer.text),
        ({"requests_per_second": 0, "rate_refusal": 429}, {}, lambda answer: answer.status_code == 429),
        ({"permitted_manufacturers": (30211,)}, {}, lambda answer: answer.status_code == 403),
        ({"permitted_manufacturers": (30211,)}, {"manufacturerID": 30211}, lambda answer: answer.status_code == 200),
    ],
)
def test_what_the_vendor_does_not_say_is_a_switch(search, channel, switches, parameters, expected):
    channel.configure(**switches)
    assert expected(search(**parameters))


@pytest.mark.parametrize(
    ("fault", "second_page"),
    [
        (Fault(kind="duplicate_page", nth=2), lambda order: order[0:3]),
        (Fault(kind="shifted_page", nth=2, shift=1), lambda order: order[4:7]),
        (Fault(kind="shifted_page", nth=2, shift=-1), lambda order: order[2:5]),
    ],
)
def test_pages_can_repeat_and_shift(sandbox, search, fault, second_page):
    order = ids(search(sortBy="orderDate", perPage=100))
    sandbox.faults.add(fault)
    search(sortBy="orderDate", perPage=3)
    assert ids(search(sortBy="orderDate", perPage=3, page=2)) == second_page(order)


def test_an_order_inserted_between_pages_pushes_a_row_to_the_next_page(sandbox, search):
    sandbox.faults.add(Fault(kind="insert_record", nth=1))
    first = search(sortBy="orderDate", perPage=3)
    second = search(sortBy="orderDate", perPage=3, page=2)
    assert ids(second)[0] == ids(first)[-1]
    assert second.json()["totalCount"] == first.json()["totalCount"] + 1


def test_an_order_that_changes_between_pages_leaves_the_filtered_list(sandbox, search):
    ready = ids(search(orderStatus="READY", perPage=100, sortBy="orderDate"))
    sandbox.faults.add(Fault(kind="change_record", nth=1))
    search(orderStatus="READY", perPage=2, sortBy="orderDate")
    assert ids(search(orderStatus="READY", perPage=100, sortBy="orderDate")) == [ready[0], *ready[2:]]


def test_a_total_can_be_wrong_once(sandbox, search):
    sandbox.faults.add(Fault(kind="wrong_total", shift=-2, nth=1))
    assert [search().json()["totalCount"] for _ in range(2)] == [8, 10]


def test_a_record_can_be_spoilt_and_healed(client, search):
    number = ids(search())[0]
    path = f"/control/kibo/orders/{number}"
    before = search(orderID=number).content
    client.patch(path, json={"orderID": None, "orderStatus": "NEVER_SEEN"})
    assert "orderID" not in search(orderID=number).json()["collection"][0]
    client.put(path, content=b'{"orderID": 00000}')
    assert b'{"orderID": 00000}' in search(orderID=number).content
    client.delete(path)
    assert search(orderID=number).content == before


def test_the_ledger_says_how_many_orders_a_complete_extraction_finds(client):
    ledger = client.get("/control/ledger/kibo").json()
    assert ledger["by_day"] == {"2026-01-13": 5, "2026-01-14": 5}
    assert ledger["orders"] == sum(ledger["by_manufacturer"].values()) == 10


def test_orders_of_the_next_day_appear_as_the_clock_reaches_them():
    with SandboxServer(orders=5, days=1, channels=["kibo"]) as server:
        kibo = server.channel(KiboChannel)
        assert kibo.ledger()["orders"] == 5
        server.clock.advance(hours=12)
        assert 5 < kibo.ledger()["orders"] < 10
        server.clock.advance(hours=12)
        assert kibo.ledger()["orders"] == 10


def test_an_order_read_before_and_after_the_clock_advanced_shows_its_new_state(sandbox, search):
    before = {order["orderID"]: order["orderStatus"] for order in search(perPage=100).json()["collection"]}
    sandbox.clock.advance(days=30)
    listed = ",".join(map(str, before))
    after = {order["orderID"]: order["orderStatus"] for order in search(orderID=listed).json()["collection"]}
    assert after.keys() == before.keys()
    assert "READY" in before.values()
    assert set(after.values()) <= {"HANDED_OVER", "CANCELED"}
