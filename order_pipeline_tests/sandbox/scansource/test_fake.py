"""The fake ScanSource: strict about authentication and parameters, and an order's life follows the sandbox clock."""

import httpx
import pytest

from order_pipeline.sandbox.scansource.fake import CUSTOMER_NUMBER, ScanSourceChannel
from order_pipeline.sandbox.scansource.gate import CLIENT_ID, CLIENT_SECRET, SCOPE, SUBSCRIPTION_KEY
from order_pipeline.sandbox.server import SandboxServer

TOKEN_PATH = "/scansource/login/oauth2/v2.0/token"
LIST = "/scansource/scsc/salesorder/v1/list"
DETAIL = "/scansource/scsc/salesorder/v1/detail"
KEY = {"Ocp-Apim-Subscription-Key": SUBSCRIPTION_KEY}
GRANT = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
CUSTOMER = {"customerNumber": CUSTOMER_NUMBER}


@pytest.fixture(scope="module")
def running():
    with SandboxServer(orders=30, days=3, channels=["scansource"]) as server:
        yield server


@pytest.fixture
def fake(running):
    running.reset()
    return running.channels["scansource"]


@pytest.fixture
def http(running, fake):
    with httpx.Client(base_url=running.url, timeout=5) as client:
        token = client.post(TOKEN_PATH, data=GRANT).json()["access_token"]
        client.headers.update({"Authorization": f"Bearer {token}", **KEY})
        yield client


def rows(http, path=LIST, **parameters):
    return http.get(path, params=CUSTOMER | {"pageSize": "1000"} | parameters).json()


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Ocp-Apim-Subscription-Key": ""}, "missing subscription key"),
        ({"Ocp-Apim-Subscription-Key": "other"}, "invalid subscription key"),
        ({"Authorization": ""}, "Access token is missing or invalid"),
        ({"Authorization": "Bearer other"}, "Access token is missing or invalid"),
    ],
)
def test_each_missing_proof_has_its_own_401(http, headers, message):
    answer = http.get(LIST, params=CUSTOMER, headers=headers)
    assert answer.status_code == 401
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "other"}, "invalid_scope"),
        ({"client_secret": "other"}, "invalid_client"),
    ],
)
def test_the_token_endpoint_refuses_what_is_not_right(http, change, error):
    answer = http.post(TOKEN_PATH, data=GRANT | change)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error


def test_a_revoked_token_is_refused(http, fake):
    fake.revoke_tokens()
    assert http.get(LIST, params=CUSTOMER).status_code == 401


def test_the_older_generation_wants_the_key_alone(http):
    path = f"/scansource/api/salesorder/list/{CUSTOMER_NUMBER}"
    answer = http.get(path, params={"pageSize": "1000"}, headers={"Authorization": ""})
    assert answer.json() == rows(http)


@pytest.mark.parametrize(
    "parameters",
    [
        {"fromDate": "1/5/2026"},
        {"fromDate": "20260105"},
        {"page": "0"},
        {"pageSize": "many"},
        {"nonsense": "1"},
        {"customerNumber": "12345678901"},
        {"customerNumber": ""},
    ],
)
def test_wrong_parameters_are_refused(http, parameters):
    assert http.get(LIST, params=CUSTOMER | parameters).status_code == 400


def test_serials_come_in_pages_of_at_most_1000(http):
    path = "/scansource/scsc/salesorder/v1/serials"
    assert http.get(path, params=CUSTOMER | {"pageSize": "1001"}).status_code == 400


def test_another_customer_is_forbidden_and_an_unknown_path_is_the_gateways_404(http):
    assert http.get(LIST, params={"customerNumber": "1"}).status_code == 403
    assert http.get("/scansource/scsc/salesorder/v9/list").json()["message"] == "Resource not found"


@pytest.mark.parametrize("operation", ["create", "createAsync", "cancel"])
def test_nothing_can_be_written(http, operation):
    assert http.post(f"/scansource/scsc/salesorder/v1/{operation}").status_code == 405
    assert http.delete(f"/scansource/scsc/salesorder/v1/{operation}").status_code == 405


def test_pages_are_bare_arrays_that_end_with_an_empty_one(http, fake):
    everything = rows(http)
    assert len(everything) == fake.ledger()["orders"] > 0
    paged = [row for page in (1, 2, 3, 4) for row in rows(http, page=str(page), pageSize="30")]
    assert paged == everything
    fake.configure(end_of_pages="empty_body")
    assert http.get(LIST, params=CUSTOMER | {"page": "9"}).content == b""


def test_the_page_size_can_be_capped_silently(http, fake):
    fake.configure(page_size_cap=7)
    assert len(rows(http)) == 7


def test_detail_has_no_dates_of_the_order_and_its_lines_balance(http):
    for row in rows(http):
        detail = http.get(DETAIL, params=CUSTOMER | {"salesOrderNumber": row["OrderNumber"]}).json()
        assert not {"DateEntered", "LastChanged"} & detail.keys()
        assert detail["SalesOrderNumber"] == row["OrderNumber"]
        for line in detail["SalesOrderLines"]:
            rest = line["Committed"] + line["BackOrdered"] + line["Shipped"] + line["Canceled"]
            assert line["Ordered"] == rest


def test_orders_progress_with_the_clock_and_invoices_follow_the_shipment():
    with SandboxServer(orders=30, days=2, channels=["scansource"]) as server:
        channel, clock = server.channels["scansource"], server.clock
        assert isinstance(channel, ScanSourceChannel)
        books = channel.books
        order = next(o for o in books.orders.values() if len(o.deliveries) == 2 and o.released_at is None)
        first, second = order.deliveries
        assert order.status(order.entered_at) == "Open"
        assert order.status(first.shipped_at) == "Partially Shipped"
        assert not [d for d in order.invoiced_deliveries(first.shipped_at) if d is first]
        assert first in order.invoiced_deliveries(first.invoiced_at)
        assert order.status(second.shipped_at) == "Completely Shipped"
        before = order.last_changed(clock.now())
        clock.advance(days=90)
        assert order.last_changed(clock.now()) > before


def test_the_seed_covers_every_status_and_a_number_twice_on_one_order(http):
    found = rows(http)
    assert {row["Status"] for row in found} == {
        "Open",
        "On Hold",
        "Partially Shipped",
        "Completely Shipped",
        "Cancelled",
        "Quotation/Sales",
    }
    items = [[line["ItemNumber"] for line in row["SalesOrderLines"]] for row in found]
    assert any(len(set(numbers)) < len(numbers) for numbers in items)


def test_prices_have_row_errors_and_agreements_with_restrictions(http, fake):
    path = "/scansource/scsc/product/v2/pricing"
    found = []
    numbers = [item.item_number for item in fake.books.items.values()]
    for start in range(0, len(numbers), 40):
        body = {"Lines": [{"ItemNumber": number, "Quantity": 2} for number in numbers[start : start + 40]]}
        found += http.post(path, params=CUSTOMER, json=body).json()
    assert {row["UnitPrice"] for row in found if row["PricingError"]} == {0}
    agreed = [row for row in found if row.get("SPA")]
    assert any(row["SPARestriction"] for row in agreed)
    assert not all(row["SPARestriction"] for row in agreed)
    too_many = {"Lines": [{"ItemNumber": number} for number in numbers[:41]]}
    assert http.post(path, params=CUSTOMER, json=too_many).status_code == 400


def test_a_used_up_quota_is_403_with_the_time_to_wait_until_the_period_ends(http, fake, running):
    fake.configure(quota_calls=2, quota_period_seconds=3600)
    fake.gate.reset()
    assert [http.get(LIST, params=CUSTOMER).status_code for _ in range(3)] == [200, 200, 403]
    refused = http.get(LIST, params=CUSTOMER)
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert "Quota will be replenished in 00:59" in refused.json()["message"]
    fake.world.clock.advance(hours=1)
    assert http.get(LIST, params=CUSTOMER).status_code == 401  # the token has lived its hour, the quota is fresh


def test_a_rate_limit_is_429_and_may_hide_its_header(http, fake):
    fake.configure(requests_per_second=1, retry_after_header=False)
    answers = [http.get(LIST, params=CUSTOMER) for _ in range(5)]
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert "Retry-After" not in limited.headers
    assert "Try again in 1 seconds" in limited.json()["message"]
