"""The client against the fake: both generations, paging, authentication and limits over real HTTP."""

import pytest

from order_pipeline.channels.channel import ProbeError
from order_pipeline.channels.scansource.channel import CHANNEL
from order_pipeline.channels.scansource.client import open_client
from order_pipeline.channels.scansource.errors import BadKey, BadToken, QuotaExceeded, RateLimited
from order_pipeline.channels.scansource.questions import Question
from order_pipeline.http.errors import PermanentError
from order_pipeline.sandbox.scansource.fake import CUSTOMER_NUMBER
from order_pipeline_tests.channels.scansource.conftest import settings_for


@pytest.fixture(params=["current", "legacy"])
def either(distributor, request):
    return settings_for(distributor, generation=request.param)


@pytest.mark.anyio
async def test_every_read_answers_in_both_generations(either, books, distributor, window):
    days = (window.start, window.end)
    now = distributor.clock.now()
    order = next(order for order in books.orders.values() if order.invoiced_deliveries(now))
    invoice = order.invoiced_deliveries(now)[0].invoice_number
    item = order.lines[0].item
    async with open_client(either) as client:
        entered = len(await client.order_rows(CUSTOMER_NUMBER, entered=days).all_rows())
        assert entered == distributor.channels["scansource"].ledger()["orders"]
        assert order.number.encode() in (await client.order_detail(CUSTOMER_NUMBER, order.number) or b"")
        assert b"TrackingNumbers" in (await client.order_tracking(CUSTOMER_NUMBER, order.number) or b"")
        assert await client.order_serials(CUSTOMER_NUMBER, order.number).all_rows()
        assert await client.invoice_summaries(CUSTOMER_NUMBER, dated=days).all_rows()
        assert b"Shipments" in (await client.invoice_detail(CUSTOMER_NUMBER, invoice) or b"")
        assert len(await client.prices(CUSTOMER_NUMBER, [Question(item.item_number, 1)])) == 1
        assert len(await client.availability(CUSTOMER_NUMBER, [item.item_number])) == 1


@pytest.mark.anyio
async def test_the_start_up_probe_says_which_customer_numbers_exist(distributor):
    settings = settings_for(distributor, customer_numbers=[CUSTOMER_NUMBER, "999"])
    with pytest.raises(ProbeError, match="no customer has the number 999"):
        await CHANNEL.probe.ask(settings)
    assert CUSTOMER_NUMBER in await CHANNEL.probe.ask(settings_for(distributor))


@pytest.mark.anyio
@pytest.mark.parametrize("number", ["", "12345678901", "1:2"])
async def test_a_customer_number_that_the_api_cannot_take_is_refused_before_any_call(distributor, number):
    with pytest.raises(ValueError, match="customer_numbers"):
        await CHANNEL.probe.ask(settings_for(distributor, customer_numbers=[number]))
    assert distributor.calls["scansource"].total() == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    "switches",
    [{"page_size_cap": 7}, {"end_of_pages": "empty_body"}, {"page_size_cap": 16, "end_of_pages": "empty_body"}],
)
async def test_a_capped_page_size_loses_no_row(distributor, settings, window, switches):
    channel = distributor.channels["scansource"]
    channel.configure(**switches)
    async with open_client(settings) as client:
        rows = await client.order_rows(CUSTOMER_NUMBER, entered=(window.start, window.end)).all_rows()
    assert len(rows) == channel.ledger()["orders"]


@pytest.mark.anyio
@pytest.mark.parametrize("wrapper", ["none", "items", "Lines", "list_of_Lines"])
async def test_prices_come_in_every_wrapper(distributor, settings, books, wrapper):
    distributor.channels["scansource"].configure(pricing_wrapper=wrapper)
    items = [item.item_number for item in books.items.values()][:40]
    async with open_client(settings) as client:
        assert len(await client.prices(CUSTOMER_NUMBER, [Question(item, 1) for item in items])) == 40


@pytest.mark.anyio
@pytest.mark.parametrize("unknown", ["not_found", "empty_body"])
async def test_an_unknown_order_is_none_however_the_server_says_it(distributor, settings, unknown):
    distributor.channels["scansource"].configure(unknown_order=unknown)
    async with open_client(settings) as client:
        assert await client.order_detail(CUSTOMER_NUMBER, "1") is None


@pytest.mark.anyio
async def test_a_refused_key_costs_no_new_token(distributor):
    tokens = distributor.channels["scansource"].gate.tokens
    before = tokens.issued
    with pytest.raises(BadKey, match="SUBSCRIPTION_KEY"):
        await CHANNEL.probe.ask(settings_for(distributor, subscription_key="wrong"))
    assert tokens.issued == before + 1
    assert distributor.calls["scansource"].total("customer") == 1


@pytest.mark.anyio
async def test_a_refused_token_is_renewed_once_and_the_call_repeated(distributor, settings):
    channel = distributor.channels["scansource"]
    async with open_client(settings) as client:
        assert await client.customer(CUSTOMER_NUMBER)
        before = channel.gate.tokens.issued
        channel.revoke_tokens()
        assert await client.customer(CUSTOMER_NUMBER)
        assert channel.gate.tokens.issued == before + 1


@pytest.mark.anyio
async def test_a_token_that_stays_refused_is_an_error_that_names_the_settings(distributor, settings):
    distributor.channels["scansource"].configure(token_lifetime_seconds=0)
    with pytest.raises(BadToken, match="scope"):
        await CHANNEL.probe.ask(settings)


@pytest.mark.anyio
async def test_wrong_credentials_are_said_by_the_token_endpoint(distributor):
    with pytest.raises(PermanentError, match="client secret"):
        await CHANNEL.probe.ask(settings_for(distributor, client_secret="wrong"))


@pytest.mark.anyio
async def test_too_many_calls_are_tried_again_and_then_typed(distributor, settings):
    fault = {"api": "scansource", "kind": "status", "status": 429, "body": "Try again in 1 seconds.", "times": 2}
    distributor.faults.add(*parse(fault | {"route": "* */detail"}))
    async with open_client(settings) as client:
        await client.order_detail(CUSTOMER_NUMBER, "1")
        distributor.faults.add(*parse(fault | {"route": "* */tracking", "times": 9}))
        with pytest.raises(RateLimited) as caught:
            await client.order_tracking(CUSTOMER_NUMBER, "1")
    assert caught.value.retry_after == 1
    assert caught.value.attempts == 3


@pytest.mark.anyio
async def test_a_used_up_quota_is_typed_with_its_wait_and_not_tried_again(distributor, settings):
    channel = distributor.channels["scansource"]
    channel.configure(quota_calls=1)
    async with open_client(settings) as client:
        await client.customer(CUSTOMER_NUMBER)
        with pytest.raises(QuotaExceeded) as caught:
            await client.customer(CUSTOMER_NUMBER)
    assert 3500 < (caught.value.retry_after or 0) <= 3600
    assert distributor.calls["scansource"].total("customer", "403") == 1


@pytest.mark.anyio
async def test_a_budget_of_its_own_stops_before_the_call(distributor):
    async with open_client(settings_for(distributor, call_budget=1)) as client:
        await client.customer(CUSTOMER_NUMBER)
        assert client.calls_left == 0
        with pytest.raises(QuotaExceeded, match="budget of 1 calls"):
            await client.customer(CUSTOMER_NUMBER)
    assert distributor.calls["scansource"].total("customer") == 1


@pytest.mark.anyio
async def test_a_wrong_path_names_the_setting(distributor):
    settings = settings_for(distributor, paths={"customer": "/scsc/customers/{customerNumber}"})
    with pytest.raises(PermanentError, match="SCANSOURCE__PATHS"):
        await CHANNEL.probe.ask(settings)


def parse(fault):
    from order_pipeline.sandbox.shared.faults import parse_faults

    return parse_faults([fault])
